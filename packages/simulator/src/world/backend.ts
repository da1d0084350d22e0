import { asError, type Clock, type Ctx, type Rng } from "@weftmesh/core";
import { HttpResponse } from "@weftmesh/http";
import type { Address } from "@weftmesh/naming";
import { SimulatedConnectionLostError } from "../errors.ts";
import type { BackendSpec } from "../experiment.ts";
import { type FaultEffect, isActive, nextChange } from "../fault.ts";
import { Job, type Workplace } from "./job.ts";
import type { SimClient } from "./sim-client.ts";
import type { SimSession } from "./sim-session.ts";

/** What a server does for each call beside its own work. */
export interface BackendCalls {
  readonly client: SimClient;
  readonly times: number;
}

interface Waiting {
  readonly job: Job;
  readonly ctx: Ctx;
}

/**
 * One simulated server: its workers, the queue before them, its faults, and what it counts.
 *
 * Shape: a call waits for a worker, is worked on for a time that the latency gives, calls what it depends on, and is
 * answered. Areas under the curves of busy workers and of calls in the server are kept, so that utilisation and Little's
 * law can be read off.
 */
export class Backend implements Workplace {
  readonly name: string;
  readonly address: Address;
  readonly spec: BackendSpec;
  /** Set once the whole is built: backends may depend on each other in any order. */
  calls: readonly BackendCalls[] = [];
  readonly #holdsWorkers: boolean;

  arrived = 0;
  answered = 0;
  /** Calls that ended without an answer, because nobody waited for one. */
  abandoned = 0;
  /** Answers of status 500 and above. */
  errors = 0;
  /** Answered 503 because the queue was full. */
  refused = 0;
  /** Calls whose caller had gone before the work was over, and which were worked on all the same. */
  wasted = 0;
  /** Connections that were not made or did not last. */
  connectFailures = 0;
  connects = 0;
  sessions = 0;
  busy = 0;
  /** Calls in the server: waiting, worked on, or held by a fault. */
  inside = 0;
  maxQueue = 0;
  /** ms of all answered calls from arrival to answer. */
  sojournMs = 0;

  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #workers: number;
  readonly #queue: (Waiting | undefined)[] = [];
  #head = 0;
  #queued = 0;
  #busyArea = 0;
  #insideArea = 0;
  #lastMs = 0;
  /** For faults that break connections. */
  readonly #open: Set<SimSession> | undefined;

  constructor(name: string, address: Address, spec: BackendSpec, holdsWorkers: boolean, clock: Clock, rng: Rng) {
    this.#holdsWorkers = holdsWorkers;
    this.name = name;
    this.address = address;
    this.spec = spec;
    this.#clock = clock;
    this.#rng = rng;
    this.#workers = spec.workers ?? Number.POSITIVE_INFINITY;
    const faults = spec.faults ?? [];
    this.#open = faults.some(({ effect }) => effect.kind === "refusing") ? new Set() : undefined;
    if (faults.some(({ effect }) => effect.kind === "refusing" || effect.kind === "capacity")) this.#watchFaults();
  }

  get queued(): number {
    return this.#queued;
  }

  /** Busy workers over all workers, from the start of time to now; 0 where there is no limit. */
  get utilisation(): number {
    this.#account();
    return Number.isFinite(this.#workers) && this.#lastMs > 0 ? this.#busyArea / (this.#workers * this.#lastMs) : 0;
  }

  /** Calls in the server, on average over time. */
  get meanInside(): number {
    this.#account();
    return this.#lastMs > 0 ? this.#insideArea / this.#lastMs : 0;
  }

  /** What a connection meets now. */
  get reachable(): "yes" | "refused" | "silent" {
    if (this.#effect("refusing") !== undefined) return "refused";
    return this.#effect("silent") === undefined ? "yes" : "silent";
  }

  /** `stops`: whether the work ends when its caller goes. `ctx` is what calls to other tiers are made within. */
  begin(ctx: Ctx, stops: boolean): Job {
    this.#account();
    this.arrived++;
    this.inside++;
    const job = new Job(this, this.#clock.now(), stops);
    if (this.#effect("silent") !== undefined) return job;
    const fault = this.#effect("failing");
    if (fault?.afterMs !== undefined && this.#happens(fault.rate)) {
      job.timer = this.#clock.after(fault.afterMs, () => this.#answer(job, fault.status));
      return job;
    }
    if (this.busy < this.#capacity()) this.#start(job, ctx);
    else if (this.#queued < (this.spec.maxQueue ?? Number.POSITIVE_INFINITY)) this.#enqueue(job, ctx);
    else {
      this.refused++;
      this.#answer(job, 503);
    }
    return job;
  }

  drop(job: Job): void {
    if (job.state === "over") return;
    this.#account();
    job.timer?.cancel();
    const worked = job.state === "working";
    if (job.state === "queued") this.#queued--;
    job.state = "over";
    this.inside--;
    this.abandoned++;
    if (worked) this.#free();
  }

  add(session: SimSession): void {
    this.sessions++;
    this.#open?.add(session);
  }

  remove(session: SimSession): void {
    this.sessions--;
    this.#open?.delete(session);
  }

  #enqueue(job: Job, ctx: Ctx): void {
    job.state = "queued";
    this.#queue.push({ job, ctx });
    this.#queued++;
    if (this.#queued > this.maxQueue) this.maxQueue = this.#queued;
  }

  #start(job: Job, ctx: Ctx): void {
    job.state = "working";
    this.busy++;
    const latency = this.#effect("latency")?.latency ?? this.spec.latency;
    const ms = latency.sampleMs(this.#rng) * this.#slowness();
    job.timer = this.#clock.after(ms, () => this.#worked(job, ctx));
  }

  /** Its own work is done. */
  #worked(job: Job, ctx: Ctx): void {
    const fault = this.#effect("failing");
    if (fault !== undefined && fault.afterMs === undefined && this.#happens(fault.rate))
      this.#finish(job, fault.status);
    else if (this.calls.length === 0) this.#finish(job, 200);
    else this.#callDownstream(job, ctx);
  }

  #callDownstream(job: Job, ctx: Ctx): void {
    const run = async (): Promise<number> => {
      for (const { client, times } of this.calls) {
        for (let i = 0; i < times; i++) {
          const rep = await client.dispatch(ctx.fork());
          if (rep.status >= 500) return rep.status;
        }
      }
      return 200;
    };
    job.calling = true;
    if (!this.#holdsWorkers) {
      this.#account();
      job.state = "held";
      this.#free();
    }
    run().then(
      (status) => this.#finish(job, status),
      (thrown: unknown) => {
        if (job.state === "over") return;
        this.#account();
        const worked = this.#leave(job);
        this.errors++;
        job.reject(asError(thrown));
        if (worked) this.#free();
      },
    );
  }

  #finish(job: Job, status: number): void {
    if (job.state === "over") return;
    if (this.#answer(job, status)) this.#free();
  }

  /** Whether it had a worker, which is then free. */
  #answer(job: Job, status: number): boolean {
    this.#account();
    const worked = this.#leave(job);
    if (status >= 500) this.errors++;
    job.resolve(new HttpResponse(status));
    return worked;
  }

  #leave(job: Job): boolean {
    const worked = job.state === "working";
    job.state = "over";
    this.inside--;
    this.answered++;
    this.sojournMs += this.#clock.now() - job.arrivedMs;
    if (!job.wanted) this.wasted++;
    return worked;
  }

  /** A worker has nothing to do. The area is up to date. */
  #free(): void {
    this.busy--;
    this.#pump();
  }

  #pump(): void {
    const queue = this.#queue;
    const capacity = this.#capacity();
    while (this.busy < capacity && this.#head < queue.length) {
      const { job, ctx } = queue[this.#head] as Waiting;
      queue[this.#head++] = undefined;
      if (this.#head > 1024 && this.#head * 2 > queue.length) this.#head -= queue.splice(0, this.#head).length;
      if (job.state !== "queued") continue;
      this.#queued--;
      this.#start(job, ctx);
    }
  }

  #account(): void {
    const nowMs = this.#clock.now();
    const passedMs = nowMs - this.#lastMs;
    if (passedMs <= 0) return;
    this.#busyArea += this.busy * passedMs;
    this.#insideArea += this.inside * passedMs;
    this.#lastMs = nowMs;
  }

  #capacity(): number {
    const fault = this.#effect("capacity");
    return fault === undefined ? this.#workers : Math.round(this.#workers * fault.factor);
  }

  #slowness(): number {
    const nowMs = this.#clock.now();
    let factor = 1;
    for (const fault of this.spec.faults ?? []) {
      if (!isActive(fault, nowMs)) continue;
      if (fault.effect.kind === "slow") factor *= fault.effect.factor;
      if (fault.effect.kind === "warmUp") {
        const wayMs = fault.toMs - fault.fromMs;
        factor *= Math.min(wayMs / Math.max(nowMs - fault.fromMs, Number.MIN_VALUE), fault.effect.maxFactor);
      }
    }
    return factor;
  }

  #effect<K extends FaultEffect["kind"]>(kind: K): Extract<FaultEffect, { kind: K }> | undefined {
    const { faults } = this.spec;
    if (faults === undefined) return undefined;
    const nowMs = this.#clock.now();
    for (const fault of faults) {
      if (fault.effect.kind === kind && isActive(fault, nowMs))
        return fault.effect as Extract<FaultEffect, { kind: K }>;
    }
    return undefined;
  }

  #happens(rate: number): boolean {
    return rate >= 1 || this.#rng.next() < rate;
  }

  /** Wakes at each begin and end of a fault: workers come back, connections break. */
  #watchFaults(): void {
    const nowMs = this.#clock.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const fault of this.spec.faults ?? []) nextMs = Math.min(nextMs, nextChange(fault, nowMs));
    if (nextMs === Number.POSITIVE_INFINITY) return;
    // A change that rounding puts before now would come again and again.
    this.#clock.after(Math.max(nextMs - nowMs, 1e-3), () => {
      this.#account();
      if (this.reachable === "refused") this.#reset();
      this.#pump();
      this.#watchFaults();
    });
  }

  #reset(): void {
    if (this.#open === undefined) return;
    for (const session of [...this.#open]) session.reset(new SimulatedConnectionLostError(this.name));
  }
}
