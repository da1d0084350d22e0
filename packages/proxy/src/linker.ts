import type { Chosen, LinkerConfig, PluginSource } from "@weftmesh/config";
import type { Params } from "@weftmesh/core";
import {
  type Delegator,
  HostResolverParam,
  type Interpreter,
  newInterpreter,
  Path,
  type PrefixedNamer,
  utilityNamers,
} from "@weftmesh/naming";
import type { Router, RouterRuntime, StackSet } from "@weftmesh/router";
import { type LogLevels, StatsParam, type Telemeter } from "@weftmesh/telemetry";
import { DefaultInterpreterParam } from "./default-interpreter.ts";

/** Everything a config asks for, built and not started. */
export interface Linked {
  readonly telemeters: readonly Telemeter[];
  readonly namers: readonly PrefixedNamer[];
  readonly routers: readonly LinkedRouter[];
  /** Explains names by rules and built-in namers alone. */
  readonly withoutNamers: Delegator;
}

export interface LinkedRouter {
  readonly router: Router;
  /** What binds its names, and can explain how if it is of a kind that can. */
  readonly interpreter: Interpreter | (Interpreter & Delegator);
}

/** Parts of a running proxy that a config leaves as they are. */
export interface KeptParts {
  readonly telemeters: readonly Telemeter[];
  /** All of them, or undefined for new ones. */
  readonly namers: readonly PrefixedNamer[] | undefined;
  /** For the router at this place of the config; undefined for a new one. */
  router(index: number): LinkedRouter | undefined;
  has(router: LinkedRouter): boolean;
}

export interface LinkOptions {
  readonly config: LinkerConfig;
  readonly plugins: PluginSource;
  /** Clock, randomness, stats, and what a custom build adds. */
  readonly params: Params;
  readonly logs: LogLevels;
  /** Namers by their place in the config, in place of those that the config's plugins would make. */
  namer?(index: number): PrefixedNamer;
  /** What runs already and is to stay. */
  readonly kept?: KeptParts;
  /** A custom build's changes to the stacks of a protocol. */
  stacks(protocol: string, stacks: StackSet): StackSet;
}

/** Builds telemeters, namers and routers in this order, and starts nothing. When one throws, those before it are closed. */
export function link(options: LinkOptions): Linked {
  const { config, params, kept } = options;
  const telemeters = kept?.telemeters ?? config.telemetry.map(({ plugin, config: own }) => plugin.make(own, params));
  const namers = kept?.namers ?? config.namers.map((chosen, i) => options.namer?.(i) ?? newNamer(chosen, params));
  const utilities = utilityNamers(params.get(HostResolverParam));
  const interpreter = newInterpreter({ namers, utilities });
  const routers: LinkedRouter[] = [];
  try {
    for (const [i, chosen] of config.routers.entries()) {
      routers.push(kept?.router(i) ?? newRouter(options, interpreter, chosen));
    }
  } catch (thrown) {
    for (const each of routers) if (!kept?.has(each)) void each.router.close(0);
    throw thrown;
  }
  return { telemeters, namers, routers, withoutNamers: newInterpreter({ utilities }) };
}

function newNamer(chosen: Chosen<"namer">, params: Params): PrefixedNamer {
  const stats = params.get(StatsParam);
  return chosen.plugin.make(chosen.config, params.with(StatsParam, stats.scope("namer", prefixOf(chosen))));
}

/** Where a namer stands, as its metrics name it. By custom it has the key; one that has not is known by its kind. */
function prefixOf(chosen: Chosen<"namer">): string {
  const { prefix } = chosen.config as { readonly prefix?: unknown };
  return `#${prefix instanceof Path ? prefix.show : `/${chosen.kind}`}`;
}

function newRouter(
  options: LinkOptions,
  fallback: Interpreter & Delegator,
  chosen: LinkerConfig["routers"][number],
): LinkedRouter {
  const named = chosen.config.interpreter;
  const { stacks: edit } = options;
  const params = options.params.with(DefaultInterpreterParam, fallback);
  const interpreter = named === undefined ? fallback : named.plugin.make(named.config, params);
  const runtime: RouterRuntime = {
    label: chosen.label,
    params: options.params,
    interpreter,
    plugins: options.plugins,
    logger: options.logs.logger(`router.${chosen.label}`),
    edit: (stacks) => edit(chosen.protocol, stacks),
  };
  return { router: chosen.plugin.make(chosen.config, params).newRouter(runtime), interpreter };
}
