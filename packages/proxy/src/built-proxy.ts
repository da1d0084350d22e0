import { OverloadGuardParam } from "@weftmesh/admission";
import {
  type AnyPlugin,
  type LinkerConfig,
  locatedError,
  type ProfileUse,
  profileSettings,
  type ReadConfig,
  Registry,
  readConfig,
  readPluginNames,
  toJson,
} from "@weftmesh/config";
import { ClockParam, Params as NoParams, type Params, RngParam, systemClock, systemRng } from "@weftmesh/core";
import { type InheritedSocket, Listeners, ListenersParam } from "@weftmesh/listeners";
import { type Addr, HostResolverParam, newSystemHostResolver, type PrefixedNamer } from "@weftmesh/naming";
import { RouterConfigError, RouterScopes, RouterScopesParam, StackEditError, type StackSet } from "@weftmesh/router";
import { type LogLevel, LogLevels, MetricsRegistry, type MetricsTree, StatsParam } from "@weftmesh/telemetry";
import { type TlsAcceptor, TlsFileError, TlsSettingError } from "@weftmesh/tls";
import { adminTls } from "./admin-tls.ts";
import { defaultInterpreter } from "./default-interpreter.ts";
import { type Fingerprints, fingerprintsOf } from "./fingerprints.ts";
import { type Linked, type LinkOptions, link } from "./linker.ts";
import { loadPlugins } from "./load-plugins.ts";
import { logLine } from "./log-line.ts";
import { newOverloadGuard } from "./overload.ts";
import type { SharedModules } from "./share-modules.ts";

/** What a process that shares its work with others has in place of parts of its own. */
export interface ProcessParts {
  readonly listeners?: Listeners;
  /** The namer at that place of the config. */
  namer?(index: number): PrefixedNamer;
  /** Nothing of a reload is logged. */
  readonly quiet?: boolean;
  /** What pages and telemeters show in place of the metrics that are counted here. */
  shownMetrics?(own: MetricsTree): MetricsTree;
  /** What each client knows of its addresses. */
  clients?(): Promise<Iterable<readonly [name: string, addr: Addr]>>;
  /** Comes before a page is made. */
  freshen?(path: string): Promise<void> | undefined;
  /** A logger's level was changed. */
  logLevel?(logger: string, level: LogLevel): void;
  /** Comes before connections are taken. */
  starting?(): Promise<void>;
  /** A config was taken on. */
  reloaded?(text: string): Promise<void>;
  /** Nothing new comes; what is under way is to end. */
  ending?(graceMs: number): Promise<void>;
}

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
  readonly parts?: ProcessParts;
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
  /** TLS of the admin server, where it has it. */
  readonly adminTls: TlsAcceptor | undefined;
  /** What pages and telemeters show. */
  readonly shownMetrics: MetricsTree;
}

/**
 * A built proxy without what was needed only to read its config: text, schemas and the place of every key are many
 * times the size of what they say, and a proxy runs for long.
 */
export interface RunnableProxy extends Omit<BuiltProxy, "read" | "plugins"> {
  readonly config: LinkerConfig;
  /** The config as it was given, without its secrets: `/config.json`. */
  readonly configJson: unknown;
  /** What its profiles set, and what of that it overrides: `/profiles.json`. */
  readonly profiles: readonly ProfileUse[];
  /** What tells whether a part of the config is another one than before. */
  readonly fingerprints: Fingerprints;
}

/** What runs now. A reload puts another in its place. */
export interface LiveProxy {
  current: RunnableProxy;
}

export function runnable({ read, plugins: _, ...built }: BuiltProxy): RunnableProxy {
  return {
    ...built,
    config: read.config,
    configJson: toJson(read),
    profiles: profileSettings(read),
    fingerprints: fingerprintsOf(read),
  };
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
  const shownMetrics = options.parts?.shownMetrics?.(metrics) ?? metrics;
  const listeners = options.parts?.listeners ?? new Listeners(options.inherited ?? []);
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
    ...remoteNamers(options),
  });
  const tls = adminTlsLocated(read, withStats, logs);
  return { read, plugins, linked, params: guarded, logs, metrics, shownMetrics, listeners, adminTls: tls };
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

/** Namers that are asked in another process. */
export function remoteNamers({ parts }: ProxyOptions): Pick<LinkOptions, "namer"> {
  return parts?.namer === undefined
    ? {}
    : { namer: (index) => (parts.namer as (index: number) => PrefixedNamer)(index) };
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

/** An edit of a stack that cannot be made, or a file that cannot be used, is a mistake of the config, at its line. */
export function linkLocated(read: ReadConfig, options: LinkOptions): Linked {
  try {
    return link(options);
  } catch (error) {
    if (!(error instanceof StackEditError || error instanceof RouterConfigError)) throw error;
    const index = read.config.routers.findIndex((router) => router.label === error.routerLabel);
    if (error instanceof RouterConfigError) {
      throw locatedError(read, ["routers", index, ...error.path], "tls", error.message);
    }
    const path = ["routers", index, "stack", error.stackName, error.index, error.key];
    throw locatedError(read, path, "stackEdit", error.message);
  }
}

/** A file of the admin server's TLS that cannot be used is a mistake of the config as well. */
function adminTlsLocated(read: ReadConfig, params: Params, logs: LogLevels): TlsAcceptor | undefined {
  try {
    return adminTls(read.config, params, logs);
  } catch (error) {
    if (!(error instanceof TlsFileError || error instanceof TlsSettingError)) throw error;
    throw locatedError(read, ["admin", "tls", error.key], "tls", `admin, ${error.message}`);
  }
}
