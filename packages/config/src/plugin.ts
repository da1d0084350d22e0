import type { Classifier, Filter, Module, Params, Role, Service } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import type { Identifier, Interpreter, PrefixedNamer } from "@weftmesh/naming";
import type { Telemeter } from "@weftmesh/telemetry";
import type * as z from "zod";

/** A module kind, placed by a config's `stack:` key or by code. */
export interface StackablePlugin {
  readonly role: Role;
  stackable<Req, Rep>(): Module<Service<Req, Rep>>;
}

/**
 * What each type of plugin makes. The package that owns another contract adds its row by declaration merging:
 * `declare module "@weftmesh/config" { interface PluginTypes { protocol: Protocol } }`.
 */
export interface PluginTypes {
  namer: PrefixedNamer;
  interpreter: Interpreter;
  /** Of http routers. */
  identifier: Identifier<HttpRequest>;
  /** Of h2 routers, whose kinds have the names of those of http and defaults of their own. */
  h2Identifier: Identifier<HttpRequest>;
  classifier: Classifier;
  telemeter: Telemeter;
  /** Made once per endpoint, with the parameters of the client's stack. It may refuse with `ForbiddenError`. */
  requestAuthorizer: Filter<HttpRequest, HttpResponse>;
  module: StackablePlugin;
}

/** The plugins of a build, as a schema with plugins inside sees them. */
export interface PluginSource {
  /** The kinds of one type, in the order in which they were given. */
  kinds(type: string): readonly string[];
  plugin(type: string, kind: string): AnyPlugin | undefined;
  /** The schema of a plugin's own keys. Made once per registry. */
  schemaOf(plugin: AnyPlugin): z.ZodType;
}

/** One kind of thing that a config can name: `kind: io.l5d.fs`. */
export interface Plugin<K extends keyof PluginTypes = keyof PluginTypes, Cfg = unknown> {
  readonly type: K;
  readonly kind: string;
  /**
   * The single home of its keys, their types, defaults and descriptions: a zod object. `kind` and `experimental` are
   * not in it, the place where the plugin stands adds them. A function when plugins stand inside this one.
   */
  readonly schema: z.ZodType<Cfg> | ((plugins: PluginSource) => z.ZodType<Cfg>);
  /** Refuses to start unless the config says `experimental: true`. */
  readonly experimental?: boolean;
  /** `config` has been checked by the schema. What it needs from the process is in `params`. */
  make(config: Cfg, params: Params): PluginTypes[K];
}

// biome-ignore lint/suspicious/noExplicitAny: a list holds plugins of every type and config
export type AnyPlugin = Plugin<any, any>;

/** Declares a plugin; its type and the type of its config are inferred. */
export function definePlugin<K extends keyof PluginTypes, Cfg>(plugin: Plugin<K, Cfg>): Plugin<K, Cfg> {
  return plugin;
}
