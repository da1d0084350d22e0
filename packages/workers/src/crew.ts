import { type Backoff, equalJitter } from "@weftmesh/backoff";
import type { Clock, Rng, Timer } from "@weftmesh/core";
import type { Logger, StatsReceiver } from "@weftmesh/telemetry";
import { CrewMember, type WorkerLink } from "./crew-member.ts";
import type { DiscoveryHub } from "./discovery-hub.ts";
import type { Distributor } from "./distributor.ts";
import { WorkerStartError } from "./errors.ts";
import type { MergedMetrics } from "./merged-metrics.ts";
import type { FromWorker, MetricsReport, RemoteNamers, WorkerStart } from "./messages.ts";

export interface CrewOptions {
  readonly count: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly stats: StatsReceiver;
  readonly distributor: Distributor;
  readonly hub: DiscoveryHub;
  readonly metrics: MergedMetrics;
  /** Starts a process; `heard` gets what it says, and `ended`, once, how it ended. */
  launch(place: number, heard: (message: FromWorker) => void, ended: (how: string) => void): WorkerLink;
  /** With what a worker that comes up now begins. */
  begin(place: number): WorkerStart;
}

/** A worker that is not ready by then is ended. */
const startLimitMs = 60_000;
/** One that says nothing for so long, though it is asked every few seconds, is stuck. */
const silenceLimitMs = 60_000;
/** One that was ready for so long starts its waits anew when it dies. */
const settledMs = 60_000;
/** Metrics are collected this often at least, and take one part in so many of the time. */
const collectMs = 2_000;
const collectShare = 100;
const collectMaxMs = 10_000;
/** Pages of the admin server wait so long for workers, and show what is known without them then. */
const answerLimitMs = 1_000;

const restartWaits: Backoff = equalJitter(100, 30_000);

/**
 * The worker processes of a supervisor: started, given what they ask for, and started again when they die.
 *
 * Shape: a worker that dies is started again after a wait which doubles from 100 ms to 30 s, and begins anew once one
 * has been ready for a minute. One that leaves of its own accord is replaced while it finishes what it has.
 */
export class Crew {
  readonly #options: CrewOptions;
  readonly #members = new Set<CrewMember>();
  readonly #attempts = new Map<number, { attempt: number; previousMs: number }>();
  readonly #restarts = new Map<number, Timer>();
  readonly #died;
  readonly #replaced;
  #lastId = 0;
  #started = false;
  #closing: Promise<void> | undefined = undefined;
  #collector: Timer | undefined = undefined;
  #onReady: ((member: CrewMember) => void) | undefined = undefined;
  #onEnd: ((member: CrewMember, how: string) => void) | undefined = undefined;

  constructor(options: CrewOptions) {
    this.#options = options;
    const stats = options.stats.scope("workers");
    stats.gauge(() => this.ready, "ready");
    stats.gauge(() => options.distributor.waiting, "waiting_connections");
    stats.gauge(() => options.hub.watched, "watches");
    this.#died = stats.counter("died");
    this.#replaced = stats.counter("restarts");
  }

  /** Workers that take connections. */
  get ready(): number {
    let ready = 0;
    for (const { state } of this.#members) if (state === "ready") ready++;
    return ready;
  }

  /** Resolves when every worker is ready. Errors: `WEFT_WORKER_START`; the others are ended. */
  async start(): Promise<void> {
    const { count } = this.#options;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#onReady = () => {
          if (this.ready === count) resolve();
        };
        this.#onEnd = (member, how) => reject(new WorkerStartError(member.place, how));
        for (let place = 1; place <= count; place++) this.#launch(place);
      });
    } catch (thrown) {
      this.kill();
      throw thrown;
    } finally {
      this.#onReady = undefined;
      this.#onEnd = undefined;
    }
    this.#started = true;
    this.#collectLater(collectMs);
  }

  /** Every worker takes on the config; one that cannot is replaced. */
  async reload(config: string, namers: RemoteNamers): Promise<void> {
    const members = [...this.#members].filter(({ state }) => state === "ready" || state === "starting");
    await Promise.all(
      members.map(async (member) => {
        const problem = await member.ask((id) => ({ t: "reload", id, config, namers }));
        if (problem === undefined || member.state === "gone") return;
        if (problem === "") return;
        this.#options.log.error(`worker ${member.place} could not take on the config and is replaced: ${problem}`);
        this.#leave(member);
        member.send({ t: "drain", graceMs: settledMs });
      }),
    );
  }

  /** Collects the metrics of all workers. */
  async collect(): Promise<void> {
    const { metrics } = this.#options;
    await this.#askAll(
      (id) => ({ t: "report", id }),
      (member, report) => metrics.apply(member.id, report as MetricsReport),
    );
  }

  /** What each worker knows of the addresses of its clients: the first word on a name counts. */
  async clients(): Promise<readonly (readonly [name: string, addr: unknown])[]> {
    const clients = new Map<string, unknown>();
    await this.#askAll(
      (id) => ({ t: "clients", id }),
      (_member, answer) => {
        for (const [name, addr] of answer as readonly (readonly [string, unknown])[]) {
          if (!clients.has(name)) clients.set(name, addr);
        }
      },
    );
    return [...clients];
  }

  /** A window of the distributions is over. */
  closeWindow(): void {
    for (const member of this.#members) member.send({ t: "window" });
  }

  setLogLevel(logger: string, level: string): void {
    for (const member of this.#members) member.send({ t: "logLevel", logger, level });
  }

  signal(signal: NodeJS.Signals): void {
    for (const { link } of this.#members) link?.kill(signal);
  }

  /** Every worker finishes what it has. Resolves when all have ended. */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  /** Ends all workers at once. */
  kill(): void {
    this.#stopTimers();
    this.#closing ??= Promise.resolve();
    this.signal("SIGKILL");
    this.#options.distributor.close();
  }

  async #close(graceMs: number): Promise<void> {
    this.#stopTimers();
    const { clock, distributor } = this.#options;
    distributor.close();
    if (this.#members.size === 0) return;
    // Some more than the workers have: they cut what is left by themselves.
    const late = clock.after(graceMs + 2_000, () => this.signal("SIGKILL"));
    await new Promise<void>((resolve) => {
      this.#onEnd = () => {
        if (this.#members.size === 0) resolve();
      };
      for (const member of this.#members) {
        if (member.state === "starting") member.link?.kill("SIGKILL");
        else member.send({ t: "drain", graceMs });
      }
    });
    late.cancel();
  }

  #stopTimers(): void {
    this.#collector?.cancel();
    for (const timer of this.#restarts.values()) timer.cancel();
    this.#restarts.clear();
  }

  #launch(place: number): void {
    const { clock, launch } = this.#options;
    const member = new CrewMember(++this.#lastId, place, clock.now());
    this.#members.add(member);
    const limit = clock.after(startLimitMs, () => {
      if (member.state === "starting") member.link?.kill("SIGKILL");
    });
    member.link = launch(
      place,
      (message) => this.#hear(member, message),
      (how) => {
        limit.cancel();
        this.#ended(member, how);
      },
    );
  }

  #hear(member: CrewMember, message: FromWorker): void {
    const { clock, distributor, hub, log } = this.#options;
    member.heardAtMs = clock.now();
    switch (message.t) {
      case "hello":
        member.send({ t: "start", start: this.#options.begin(member.place) });
        return;
      case "ready":
        member.state = "ready";
        member.readyAtMs = clock.now();
        distributor.add(member);
        if (this.#started) log.info(`worker ${member.place} is ready again`);
        this.#onReady?.(member);
        return;
      case "failed":
        this.#onEnd?.(member, message.message);
        log.error(`worker ${member.place}: ${message.message}`);
        return;
      case "reloaded":
        member.answer(message.id, message.problem ?? "");
        return;
      case "took":
        distributor.took(member, message.taken, message.open);
        return;
      case "report":
        member.answer(message.id, message.report);
        // Its last words come unasked.
        if (message.id === 0) this.#options.metrics.apply(member.id, message.report);
        return;
      case "clients":
        member.answer(message.id, message.clients);
        return;
      case "watch":
        member.watches.set(
          message.watch,
          hub.watch(message.what, (value) => member.send({ t: "value", watch: message.watch, value })),
        );
        return;
      case "unwatch":
        member.watches.get(message.watch)?.();
        member.watches.delete(message.watch);
        return;
      case "leaving":
        this.#leave(member);
        return;
    }
  }

  /** It gets no more connections, and another takes its place at once. */
  #leave(member: CrewMember): void {
    const { distributor } = this.#options;
    if (member.state === "ready") {
      member.state = "leaving";
      distributor.leave(member);
      if (this.#closing === undefined) {
        this.#replaced.inc();
        this.#launch(member.place);
      }
    }
    member.send({ t: "released" });
  }

  #ended(member: CrewMember, how: string): void {
    const { distributor, log, metrics, clock, rng } = this.#options;
    const { state, place } = member;
    if (state === "gone") return;
    member.end();
    this.#members.delete(member);
    distributor.remove(member);
    metrics.end(member.id);
    this.#onEnd?.(member, how);
    if (this.#closing !== undefined || !this.#started || state === "leaving") return;
    this.#died.inc();
    const wasSettled = state === "ready" && clock.now() - member.readyAtMs >= settledMs;
    const before = wasSettled ? undefined : this.#attempts.get(place);
    const attempt = before === undefined ? 0 : before.attempt + 1;
    const waitMs = restartWaits.delayMs(attempt, before?.previousMs ?? 0, rng) ?? 0;
    this.#attempts.set(place, { attempt, previousMs: waitMs });
    log.error(`worker ${place} (process ${member.link?.pid}) ${how}; another starts in ${Math.round(waitMs)} ms`);
    this.#restarts.set(
      place,
      clock.after(waitMs, () => {
        this.#restarts.delete(place);
        this.#replaced.inc();
        this.#launch(place);
      }),
    );
  }

  /** Asks every worker that is up, and waits for those that answer in time. */
  async #askAll(
    question: Parameters<CrewMember["ask"]>[0],
    answered: (member: CrewMember, answer: unknown) => void,
  ): Promise<void> {
    const asked = [...this.#members]
      .filter(({ state }) => state === "ready" || state === "leaving")
      .map(async (member) => {
        const answer = await member.ask(question);
        if (answer !== undefined) answered(member, answer);
      });
    if (asked.length === 0) return;
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.#options.clock.after(answerLimitMs, resolve);
    });
    await Promise.race([Promise.all(asked), late]);
    timer?.cancel();
  }

  #collectLater(waitMs: number): void {
    const { clock, log } = this.#options;
    this.#collector = clock.after(waitMs, () => {
      const began = clock.now();
      for (const member of this.#members) {
        if (member.state !== "ready" || began - member.heardAtMs < silenceLimitMs) continue;
        log.error(`worker ${member.place} has said nothing for ${silenceLimitMs} ms and is ended`);
        member.link?.kill("SIGKILL");
      }
      void this.collect().then(() => {
        if (this.#closing !== undefined) return;
        this.#collectLater(Math.min(Math.max(collectMs, (clock.now() - began) * collectShare), collectMaxMs));
      });
    });
  }
}
