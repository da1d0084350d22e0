import { OverloadGuardParam } from "@weftmesh/admission";
import {
  type AnyPlugin,
  type LinkerConfig,
  locatedError,
  type ReadConfig,
  Registry,
  readConfig,
  readPluginNames,
  toJson,
} from "@weftmesh/config";
import { ClockParam, Params as NoParams, type Params, RngParam, systemClock, systemRng } from "@weftmesh/core";
import { type InheritedSocket, Listeners, ListenersParam } from "@weftmesh/listeners";
import { HostResolverParam, newSystemHostResolver } from "@weftmesh/naming";
import { RouterScopes, RouterScopesParam, StackEditError, type StackSet } from "@weftmesh/router";
import { type LogLevel, LogLevels, MetricsRegistry, StatsParam } from "@weftmesh/telemetry";
import { defaultInterpreter } from "./default-interpreter.ts";
import { type Fingerprints, fingerprintsOf } from "./fingerprints.ts";
import { type Linked, type LinkOptions, link } from "./linker.ts";
import { loadPlugins } from "./load-plugins.ts";
import { logLine } from "./log-line.ts";
import { newOverloadGuard } from "./overload.ts";
import type { SharedModules } from "./share-modules.ts";

export interface ProxyOptions {
  /** The text of the config, YAML or JSON. */
  readonly config: string;
  /** What messages call it: a file name, or `-`. */
  readonly configName?: string;
  readonly plugins: readonly AnyPlugin[];
  /** Changes the stacks of a protocol before the config does. */
  stacks?(protocol: string, stacks: StackSet): StackSet;
  /** For every stack, beside the defaults: a clock, say, or a registry of the program's own. */
  readonly params?: Params;
  readonly logLevel?: LogLevel;
  /** Where the lines of the log go; standard error when not given. */
  readonly log?: (line: string) => void;
  /** How long a window of the latency figures is; 60,000 ms when not given. */
  readonly histogramWindowMs?: number;
  /** Packages whose plugins are added, beside those that the config names. */
  readonly pluginNames?: readonly string[];
  /** Modules of a bundled program that plugins are to share with it. */
  readonly sharedModules?: SharedModules;
  /** Listening sockets that the process was started with. */
  readonly inherited?: readonly InheritedSocket[];
  /** Gives the text of the config anew; a proxy without it cannot be reloaded. */
  readConfig?(): string;
  /** Where packages and relative paths of plugins are found from; the working directory when not given. */
  readonly fromDir?: string;
}

/** What a config describes, checked and built, with nothing started. */
export interface BuiltProxy {
  readonly read: ReadConfig;
  readonly plugins: Registry;
  readonly linked: Linked;
  readonly params: Params;
  readonly logs: LogLevels;
  readonly metrics: MetricsRegistry;
  readonly listeners: Listeners;
}

/**
 * A built proxy without what was needed only to read its config: text, schemas and the place of every key are many
 * times the size of what they say, and a proxy runs for long.
 */
export interface RunnableProxy extends Omit<BuiltProxy, "read" | "plugins"> {
  readonly config: LinkerConfig;
  /** The config as it was given, without its secrets: `/config.json`. */
  readonly configJson: unknown;
  /** What tells whether a part of the config is another one than before. */
  readonly fingerprints: Fingerprints;
}

/** What runs now. A reload puts another in its place. */
export interface LiveProxy {
  current: RunnableProxy;
}

export function runnable({ read, linked, params, logs, metrics, listeners }: BuiltProxy): RunnableProxy {
  const fingerprints = fingerprintsOf(read);
  return { config: read.config, configJson: toJson(read), fingerprints, linked, params, logs, metrics, listeners };
}

export async function buildProxy(options: ProxyOptions): Promise<BuiltProxy> {
  const params = withDefaults(options);
  const clock = params.get(ClockParam);
  const write = options.log ?? ((line: string) => void process.stderr.write(line));
  const logs = new LogLevels({
    ...(options.logLevel === undefined ? {} : { level: options.logLevel }),
    write: (record) => write(logLine(record, clock.epochMs())),
  });
  const metrics = new MetricsRegistry({
    clock,
    ...(options.histogramWindowMs === undefined ? {} : { windowMs: options.histogramWindowMs }),
  });
  const listeners = new Listeners(options.inherited ?? []);
  const withStats = (params.has(StatsParam) ? params : params.with(StatsParam, metrics))
    .with(ListenersParam, listeners)
    .with(RouterScopesParam, new RouterScopes());
  const { read, plugins } = await readWithPlugins(options);
  const guarded = withStats.has(OverloadGuardParam)
    ? withStats
    : withStats.with(OverloadGuardParam, newOverloadGuard(read.config.overload, clock, metrics));
  const linked = linkLocated(read, {
    config: read.config,
    // Made anew: the one that the config was read with has every schema.
    plugins: plugins.with([]),
    params: guarded,
    logs,
    stacks: editsOf(options),
  });
  return { read, plugins, linked, params: guarded, logs, metrics, listeners };
}

/** The config, with the plugins of this build and those that the config and the command line name. */
export async function readWithPlugins(
  options: ProxyOptions,
): Promise<{ readonly read: ReadConfig; readonly plugins: Registry }> {
  const name = options.configName ?? "config";
  const fromDir = options.fromDir ?? process.cwd();
  const named = [...(options.pluginNames ?? []), ...readPluginNames(options.config, name)];
  const plugins = Registry.of([
    ...options.plugins,
    defaultInterpreter,
    ...(await loadPlugins(named, fromDir, options.sharedModules)),
  ]);
  return { read: readConfig(options.config, name, plugins), plugins };
}

/** On its own, so that a router, which keeps it, does not keep the config's text with it. */
export function editsOf({ stacks }: ProxyOptions): LinkOptions["stacks"] {
  return (protocol, set) => stacks?.(protocol, set) ?? set;
}

function withDefaults(options: ProxyOptions): Params {
  const given = options.params ?? NoParams.empty;
  const clock = given.has(ClockParam) ? given.get(ClockParam) : systemClock;
  return NoParams.empty
    .with(ClockParam, systemClock)
    .with(RngParam, systemRng)
    .with(HostResolverParam, newSystemHostResolver({ clock }))
    .merge(given);
}

/** An edit of a stack that cannot be made is a mistake of the config, at its line. */
export function linkLocated(read: ReadConfig, options: LinkOptions): Linked {
  try {
    return link(options);
  } catch (error) {
    if (!(error instanceof StackEditError)) throw error;
    const index = read.config.routers.findIndex((router) => router.label === error.routerLabel);
    const path = ["routers", index, "stack", error.stackName, error.index, error.key];
    throw locatedError(read, path, "stackEdit", error.message);
  }
}
