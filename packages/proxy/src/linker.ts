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

export interface LinkOptions {
  readonly config: LinkerConfig;
  readonly plugins: PluginSource;
  /** Clock, randomness, stats, and what a custom build adds. */
  readonly params: Params;
  readonly logs: LogLevels;
  /** A custom build's changes to the stacks of a protocol. */
  stacks(protocol: string, stacks: StackSet): StackSet;
}

/** Builds telemeters, namers and routers in this order, and starts nothing. */
export function link(options: LinkOptions): Linked {
  const { config, params } = options;
  const telemeters = config.telemetry.map(({ plugin, config: own }) => plugin.make(own, params));
  const namers = config.namers.map((chosen) => {
    const stats = params.get(StatsParam);
    return chosen.plugin.make(chosen.config, params.with(StatsParam, stats.scope("namer", prefixOf(chosen))));
  });
  const utilities = utilityNamers(params.get(HostResolverParam));
  const interpreter = newInterpreter({ namers, utilities });
  const routers = config.routers.map((chosen) => newRouter(options, interpreter, chosen));
  return { telemeters, namers, routers, withoutNamers: newInterpreter({ utilities }) };
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
