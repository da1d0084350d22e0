import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { ClockParam, RngParam, type Timer } from "@weftmesh/core";
import { type InheritedSocket, Listeners } from "@weftmesh/listeners";
import { HostResolverParam } from "@weftmesh/naming";
import type { MetricsTree } from "@weftmesh/telemetry";
import {
  Crew,
  DiscoveryHub,
  Distributor,
  decodeAddr,
  type FromWorker,
  MergedMetrics,
  type RemoteNamers,
  usableProcessors,
  type WorkerLink,
} from "@weftmesh/workers";
import type { ProcessParts, ProxyOptions } from "./built-proxy.ts";
import { createProxy } from "./create-proxy.ts";
import type { ProxyServer } from "./proxy-server.ts";
import { type WorkerSettings, workerVariable } from "./worker-settings.ts";

export interface SupervisorOptions {
  readonly workers: number | "auto";
  readonly workerHeapMb: number | undefined;
}

const defaultWindowMs = 60_000;
/** Pages that show nothing of the workers, and are asked often. */
const ownPages: ReadonlySet<string> = new Set(["/live", "/ready", "/admin/ping"]);

/**
 * A proxy whose requests are answered by worker processes: this one has the sockets, the admin server, the telemeters
 * and discovery.
 *
 * Errors: as `createProxy`; and as `ProxyServer.start`, which fails with `WEFT_WORKER_START` where a worker does not
 * come up.
 */
export async function createSupervisor(options: ProxyOptions, asked: SupervisorOptions): Promise<ProxyServer> {
  const distributor = new Distributor();
  let merged: MergedMetrics | undefined;
  let crew: Crew | undefined;
  let config = options.config;
  let window: Timer | undefined;
  const parts: ProcessParts = {
    listeners: new Listeners(inheritedOf(options), (handle, to) => distributor.give(handle, to)),
    shownMetrics: (own: MetricsTree) => {
      merged = new MergedMetrics(own, ["rt"]);
      return merged;
    },
    clients: async () => ((await crew?.clients()) ?? []).map(([name, addr]) => [name, decodeAddr(addr)] as const),
    freshen: (path) => (ownPages.has(path) ? undefined : crew?.collect()),
    logLevel: (logger, level) => crew?.setLogLevel(logger, level),
    starting: async () => {
      await crew?.start();
      windows();
    },
    reloaded: async (text) => {
      config = text;
      await crew?.reload(text, namers());
    },
    ending: async (graceMs) => {
      window?.cancel();
      await crew?.close(graceMs);
    },
  };
  const proxy = await createProxy({ ...options, parts });
  const { params, logs, metrics } = proxy.built;
  const clock = params.get(ClockParam);
  const hub = new DiscoveryHub(params.get(HostResolverParam));
  const settings: WorkerSettings = {
    configName: options.configName ?? "config",
    pluginNames: options.pluginNames ?? [],
    logLevel: options.logLevel,
    sessionSecret: process.getBuiltinModule("node:crypto").randomBytes(32).toString("base64"),
  };
  const namers = (): RemoteNamers => {
    const { namers: linked } = proxy.built.linked;
    return { generation: hub.use(linked), prefixes: linked.map(({ prefix }) => prefix.show) };
  };
  const windows = (): void => {
    window = clock.after(options.histogramWindowMs ?? defaultWindowMs, () => {
      crew?.closeWindow();
      windows();
    });
  };
  const running = new Crew({
    count: asked.workers === "auto" ? usableProcessors(availableParallelism(), cpuQuota()) : asked.workers,
    clock,
    rng: params.get(RngParam),
    log: logs.root,
    stats: metrics,
    distributor,
    hub,
    metrics: merged as MergedMetrics,
    launch: (_place, heard, ended) => launch(asked.workerHeapMb, heard, ended),
    begin: (worker) => ({ config, settings, namers: namers(), worker }),
  });
  crew = running;
  process.on("SIGHUP", () => running.signal("SIGHUP"));
  // Whatever ends this process ends its workers; those that it cannot tell see that it is gone.
  process.on("exit", () => running.kill());
  return proxy;
}

function inheritedOf(options: ProxyOptions): readonly InheritedSocket[] {
  return options.inherited ?? [];
}

function cpuQuota(): string | undefined {
  try {
    return readFileSync("/sys/fs/cgroup/cpu.max", "latin1");
  } catch {
    return undefined;
  }
}

/** The same program once more, which finds in its environment that it is to be a worker. */
function launch(
  heapMb: number | undefined,
  heard: (message: FromWorker) => void,
  ended: (how: string) => void,
): WorkerLink {
  const heap = heapMb === undefined ? [] : [`--max-old-space-size=${heapMb}`];
  const child = fork(process.argv[1] as string, [], {
    execArgv: [...process.execArgv, ...heap],
    env: { ...process.env, [workerVariable]: "1" },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  let over = false;
  const end = (how: string): void => {
    if (over) return;
    over = true;
    ended(how);
  };
  child.on("message", (message) => heard(message as FromWorker));
  child.on("error", (error) => {
    if (child.pid === undefined) end(`could not be started: ${error.message}`);
  });
  child.on("exit", (code, signal) => end(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`));
  return {
    pid: child.pid,
    send: (message, handle) => {
      // What cannot be sent is sent to nobody: its end is told by `exit`.
      if (child.connected) child.send(message, handle as never, {}, () => {});
    },
    kill: (signal) => void child.kill(signal),
  };
}
