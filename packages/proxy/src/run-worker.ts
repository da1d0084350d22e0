import { asError, Params, systemClock } from "@weftmesh/core";
import { HostResolverParam } from "@weftmesh/naming";
import { readLogLevel } from "@weftmesh/telemetry";
import { SessionSecretParam } from "@weftmesh/tls";
import {
  encodeAddr,
  FedListeners,
  type FromWorker,
  MetricsReporter,
  RemoteDiscovery,
  type RemoteNamers,
  type ToWorker,
} from "@weftmesh/workers";
import { buildProxy, type LiveProxy, type ProxyOptions, runnable } from "./built-proxy.ts";
import { exitNow } from "./own-exit.ts";
import { Reloader } from "./reloader.ts";
import { explain, type RunOptions } from "./run-options.ts";
import { interpretOnly } from "./start-interpreted.ts";
import { surviveUnhandledErrors } from "./unhandled-errors.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/** Counted by the supervisor for all. */
const notReported: readonly string[] = ["config"];
/** The thread with number 1 is the supervisor's, in the lines of the log. */
const firstThread = 1;

function say(message: FromWorker, said?: () => void): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => said?.());
  else said?.();
}

/** One worker, from the supervisor's first word to the last request. Gives the exit code. */
export function runWorker(options: RunOptions): Promise<number> {
  return new Promise((resolve) => {
    const worker = new Worker(options, resolve);
    // These are for the supervisor, which passes on what concerns a worker. HUP is for logs that reopen their files.
    for (const signal of ["SIGINT", "SIGHUP", "SIGUSR2"] as const) process.on(signal, () => {});
    process.on("SIGTERM", () => worker.terminate());
    process.on("disconnect", () => worker.orphaned());
    process.on("message", (message: ToWorker, handle: unknown) => worker.hear(message, handle));
    say({ t: "hello" });
  });
}

class Worker {
  readonly #options: RunOptions;
  readonly #end: (code: number) => void;
  readonly #discovery: RemoteDiscovery = new RemoteDiscovery(say);
  readonly #listeners: FedListeners = new FedListeners(systemClock, (taken, open) => say({ t: "took", taken, open }));
  #namers: RemoteNamers = { generation: 0, prefixes: [] };
  #live: LiveProxy | undefined;
  #reloader: Reloader | undefined;
  #reporter: MetricsReporter | undefined;
  #started: Promise<void> | undefined;
  #leaving = false;
  #draining = false;

  constructor(options: RunOptions, end: (code: number) => void) {
    this.#options = options;
    this.#end = end;
  }

  hear(message: ToWorker, handle: unknown): void {
    switch (message.t) {
      case "start":
        this.#namers = message.start.namers;
        this.#started = this.#start(
          message.start.config,
          message.start.worker,
          message.start.settings as WorkerSettings,
        );
        return;
      case "reload":
        void this.#reload(message.id, message.config, message.namers);
        return;
      case "connection":
        this.#listeners.feed(handle, message.to);
        return;
      case "report":
        if (this.#reporter !== undefined) say({ t: "report", id: message.id, report: this.#reporter.report() });
        return;
      case "clients":
        say({ t: "clients", id: message.id, clients: this.#clients() });
        return;
      case "window":
        this.#live?.current.metrics.snapshot();
        return;
      case "logLevel": {
        const level = readLogLevel(message.level);
        if (level !== undefined) this.#live?.current.logs.set(message.logger, level);
        return;
      }
      case "value":
        this.#discovery.value(message.watch, message.value);
        return;
      case "released":
        if (this.#leaving) this.#drain(this.#graceMs);
        return;
      case "drain":
        this.#drain(message.graceMs);
        return;
    }
  }

  /** Asks for no more connections first; the second time it ends at once. */
  terminate(): void {
    if (this.#leaving) exitNow(143);
    this.#leaving = true;
    say({ t: "leaving" });
  }

  /** The supervisor is gone: nobody brings connections any more. */
  orphaned(): void {
    if (this.#draining || this.#live === undefined) exitNow(1);
    this.#drain(this.#graceMs);
  }

  get #graceMs(): number {
    return this.#live?.current.config.admin.shutdownGraceMs ?? 0;
  }

  async #start(config: string, worker: number, settings: WorkerSettings): Promise<void> {
    const { plugins, stacks, sharedModules } = this.#options;
    const thread = ` THREAD${worker + firstThread}: `;
    const options: ProxyOptions = {
      config,
      configName: settings.configName,
      plugins,
      pluginNames: settings.pluginNames,
      log: (line) => void process.stderr.write(line.replace(" THREAD1: ", thread)),
      params: Params.empty
        .with(HostResolverParam, this.#discovery)
        .with(SessionSecretParam, Buffer.from(settings.sessionSecret, "base64")),
      parts: {
        listeners: this.#listeners,
        namer: (index) => this.#discovery.namer(this.#namers, index),
        quiet: true,
      },
      ...(stacks === undefined ? {} : { stacks }),
      ...(sharedModules === undefined ? {} : { sharedModules }),
      ...(settings.logLevel === undefined ? {} : { logLevel: settings.logLevel }),
    };
    const compileAgain = interpretOnly(config);
    try {
      const live: LiveProxy = { current: runnable(await buildProxy(options)) };
      const { metrics, linked, logs } = live.current;
      this.#live = live;
      this.#reporter = new MetricsReporter(metrics, notReported);
      this.#reloader = new Reloader(options, live, { paths: () => [], handle: () => {} });
      surviveUnhandledErrors(metrics, logs.root);
      for (const { router } of linked.routers) await router.listen();
      say({ t: "ready" });
    } catch (thrown) {
      say({ t: "failed", message: explain(thrown) }, () => this.#end(1));
    } finally {
      compileAgain();
    }
  }

  async #reload(id: number, config: string, namers: RemoteNamers): Promise<void> {
    // One that has not begun yet begins with this config.
    await this.#started;
    this.#namers = namers;
    const answer = await this.#reloader?.reload(() => config);
    say({ t: "reloaded", id, ...(answer?.kind === "refused" ? { problem: answer.message } : {}) });
  }

  #clients(): readonly (readonly [string, unknown])[] {
    const clients: (readonly [string, unknown])[] = [];
    for (const { router } of this.#live?.current.linked.routers ?? []) {
      for (const { id, addr } of router.snapshot().clients) clients.push([id, encodeAddr(addr)]);
    }
    return clients;
  }

  #drain(graceMs: number): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#leaving = true;
    this.#finish(graceMs).then(
      () => this.#leave(),
      (thrown) => {
        process.stderr.write(`while closing: ${asError(thrown).message}\n`);
        this.#leave();
      },
    );
  }

  async #finish(graceMs: number): Promise<void> {
    await this.#started;
    const routers = this.#live?.current.linked.routers ?? [];
    await Promise.all([this.#reloader?.close(graceMs), ...routers.map(({ router }) => router.close(graceMs))]);
  }

  /** Its last figures, and then it ends. */
  #leave(): void {
    const over = (): void => {
      if (process.connected) process.disconnect();
      this.#end(0);
    };
    if (this.#reporter === undefined) over();
    else say({ t: "report", id: 0, report: this.#reporter.report() }, over);
  }
}
