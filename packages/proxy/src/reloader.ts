import type { Admin, ReloadAnswer } from "@weftmesh/admin";
import type { LinkerConfig } from "@weftmesh/config";
import { asError, WeftError } from "@weftmesh/core";
import { Logger } from "@weftmesh/telemetry";
import { namerPages } from "./admin-options.ts";
import {
  type BuiltProxy,
  editsOf,
  type LiveProxy,
  linkLocated,
  type ProxyOptions,
  type RunnableProxy,
  readWithPlugins,
  remoteNamers,
  runnable,
} from "./built-proxy.ts";
import { exposureWarnings } from "./exposure-warnings.ts";
import type { Fingerprints } from "./fingerprints.ts";
import type { KeptParts, LinkedRouter } from "./linker.ts";

const silent = new Logger("reload", undefined, "OFF", () => {});

/** What a reload has done, by the labels of the routers. */
export interface ReloadReport {
  readonly kept: readonly string[];
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** A good config that a running process cannot take on. */
export class RestartNeededError extends WeftError {
  constructor(parts: readonly string[]) {
    super("WEFT_RESTART_NEEDED", `nothing was changed: ${parts.join(" and ")} cannot change without a restart`);
  }
}

/** The whole of a reload, or nothing of it: a config takes the place of another one while requests go on. */
export class Reloader {
  readonly #options: ProxyOptions;
  readonly #live: LiveProxy;
  readonly #admin: Pick<Admin, "paths" | "handle">;
  readonly #log: Logger;
  /** Routers whose place was taken, until their last request is over. */
  readonly #retiring = new Map<LinkedRouter, Promise<void>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ProxyOptions, live: LiveProxy, admin: Pick<Admin, "paths" | "handle">) {
    this.#options = options;
    this.#live = live;
    this.#admin = admin;
    this.#log = options.parts?.quiet === true ? silent : live.current.logs.root;
    const stats = live.current.metrics.scope("config");
    this.#reloads = stats.counter("reloads");
    this.#failures = stats.counter("reload_failures");
    stats.gauge(() => this.#retiring.size, "retiring_routers");
  }

  readonly #reloads;
  readonly #failures;

  /** One after the other. Says what came of it, and logs it. */
  reload(readText: () => string): Promise<ReloadAnswer> {
    const next = this.#last.then(() => this.#tell(readText));
    this.#last = next;
    return next;
  }

  /** Routers that are on their way out are given so long. */
  async close(graceMs: number): Promise<void> {
    const ends = [...this.#retiring].map(([{ router }, end]) => {
      void router.close(graceMs);
      return end;
    });
    await Promise.all(ends);
  }

  async #tell(readText: () => string): Promise<ReloadAnswer> {
    try {
      const text = readText();
      const report = await this.#reload(text);
      await this.#options.parts?.reloaded?.(text);
      this.#reloads.inc();
      this.#log.info(`the config was read again: ${describe(report)}`);
      return { kind: "reloaded", report };
    } catch (thrown) {
      const { message } = asError(thrown);
      this.#failures.inc();
      this.#log.error(`the config was read again, and the old one stays: ${message}`);
      return { kind: "refused", message, needsRestart: thrown instanceof RestartNeededError };
    }
  }

  async #reload(text: string): Promise<ReloadReport> {
    const options = { ...this.#options, config: text };
    const before = this.#live.current;
    const { read, plugins } = await readWithPlugins(options);
    const { params, logs, metrics, shownMetrics, listeners, adminTls } = before;
    const unlinked: Omit<BuiltProxy, "linked"> = {
      read,
      plugins,
      params,
      logs,
      metrics,
      shownMetrics,
      listeners,
      adminTls,
    };
    // With the routers that run, as a first step: only the fingerprints are wanted of it.
    const { fingerprints } = runnable({ ...unlinked, linked: before.linked });
    const parts = needRestart(before.fingerprints, fingerprints);
    if (parts.length > 0) throw new RestartNeededError(parts);
    const kept = new Unchanged(before, read.config, fingerprints);
    const linked = linkLocated(read, {
      config: read.config,
      plugins: plugins.with([]),
      params,
      logs,
      stacks: editsOf(options),
      ...remoteNamers(options),
      kept,
    });
    const fresh = linked.routers.filter((each) => !kept.has(each));
    try {
      for (const { router } of fresh) await router.reserve?.();
    } catch (thrown) {
      for (const { router } of fresh) void router.close(0);
      listeners.closeFree();
      throw thrown;
    }
    listeners.beginTakeover();
    for (const { router } of fresh) await router.listen();
    this.#live.current = runnable({ ...unlinked, linked });
    for (const page of namerPages(this.#live)) if (!this.#admin.paths().includes(page.path)) this.#admin.handle(page);
    for (const warning of exposureWarnings(read.config)) this.#log.warning(warning);
    const gone = before.linked.routers.filter((each) => !kept.has(each));
    for (const each of gone) this.#retire(each);
    return reportOf(gone, fresh, linked.routers);
  }

  /** Requests that are under way are finished by the router that has them, however long they take. */
  #retire(retired: LinkedRouter): void {
    const end = retired.router
      .close(Number.POSITIVE_INFINITY)
      .catch((error: Error) => this.#log.error(`while closing ${retired.router.label}: ${error.message}`))
      .then(() => void this.#retiring.delete(retired));
    this.#retiring.set(retired, end);
  }
}

/** What stays as it is: the telemeters, the namers if none has changed, and then every router that has not. */
class Unchanged implements KeptParts {
  readonly telemeters;
  readonly namers;
  readonly #routers = new Map<number, LinkedRouter>();
  readonly #all: ReadonlySet<LinkedRouter>;

  constructor({ config, fingerprints, linked }: RunnableProxy, next: LinkerConfig, nextPrints: Fingerprints) {
    this.telemeters = linked.telemeters;
    const same = fingerprints.namers === nextPrints.namers && fingerprints.plugins === nextPrints.plugins;
    this.namers = same ? linked.namers : undefined;
    for (const [i, { label }] of same ? next.routers.entries() : []) {
      const at = config.routers.findIndex((each) => each.label === label);
      const running = linked.routers[at];
      if (running !== undefined && fingerprints.routers[at] === nextPrints.routers[i]) this.#routers.set(i, running);
    }
    this.#all = new Set(this.#routers.values());
  }

  router(index: number): LinkedRouter | undefined {
    return this.#routers.get(index);
  }

  has(router: LinkedRouter): boolean {
    return this.#all.has(router);
  }
}

function needRestart(before: Fingerprints, after: Fingerprints): readonly string[] {
  return (["admin", "telemetry", "overload"] as const).filter((part) => before[part] !== after[part]);
}

function reportOf(
  gone: readonly LinkedRouter[],
  fresh: readonly LinkedRouter[],
  all: readonly LinkedRouter[],
): ReloadReport {
  const labels = (routers: readonly LinkedRouter[]): readonly string[] => routers.map(({ router }) => router.label);
  const [was, is] = [new Set(labels(gone)), new Set(labels(fresh))];
  return {
    kept: labels(all.filter((each) => !fresh.includes(each))),
    changed: labels(fresh).filter((label) => was.has(label)),
    added: labels(fresh).filter((label) => !was.has(label)),
    removed: labels(gone).filter((label) => !is.has(label)),
  };
}

function describe(report: ReloadReport): string {
  const parts = Object.entries(report).filter(([, labels]) => labels.length > 0);
  return parts.map(([what, labels]) => `${what}: ${(labels as readonly string[]).join(", ")}`).join("; ");
}
