export { standardPlugins } from "./standard-plugins.ts";
