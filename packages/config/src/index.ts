export { type AnyPlugin, definePlugin, type Plugin, type PluginTypes, type StackablePlugin } from "./plugin.ts";
