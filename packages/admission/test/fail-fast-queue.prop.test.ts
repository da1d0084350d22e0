import { ClockParam, Params, type Service, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FailFastTimeoutMs, failFastQueue, Gate, GateParam, gate, QueueCapacity } from "../src/index.ts";
import { Calls, type Fate } from "./calls.ts";

const timeoutMs = 100;
const never = Number.POSITIVE_INFINITY;

/** A queue before a gate, of whose changes it hears at once. */
class Model {
  nowMs = 0;
  permits = never;
  failingFast = false;
  entered = 0;
  left = 0;
  sinceMs: number | undefined = undefined;
  readonly fates: Fate[] = [];
  readonly started: number[] = [];
  readonly waiting: { readonly n: number; readonly deadlineMs: number }[] = [];
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  call(deadlineMs: number): void {
    const n = this.fates.push("waiting") - 1;
    if (this.waiting.length === 0 && this.permits > 0) {
      this.#available();
      this.#send(n);
    } else if (deadlineMs <= this.nowMs) this.fates[n] = "WEFT_QUEUE_DEADLINE";
    else if (this.failingFast) this.fates[n] = "WEFT_QUEUE_FAILFAST";
    else if (this.waiting.length >= this.#capacity) this.fates[n] = "WEFT_QUEUE_FULL";
    else {
      this.waiting.push({ n, deadlineMs });
      this.sinceMs ??= this.nowMs;
    }
  }

  leave(at: number): void {
    const [left] = this.waiting.splice(at, 1);
    if (left !== undefined) this.fates[left.n] = "WEFT_CANCELLED";
  }

  change(permits: number): void {
    this.permits = permits;
    if (this.sinceMs === undefined) return;
    while (this.waiting.length > 0 && this.permits > 0) {
      this.#send((this.waiting.shift() as { n: number }).n);
      this.sinceMs = this.nowMs;
    }
    if (this.permits > 0) this.#available();
  }

  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const failMs = this.sinceMs === undefined || this.failingFast ? never : this.sinceMs + timeoutMs;
      const deadlineMs = Math.min(never, ...this.waiting.map((each) => each.deadlineMs));
      const nextMs = Math.min(failMs, deadlineMs);
      if (nextMs > untilMs) break;
      this.nowMs = nextMs;
      if (nextMs === failMs) {
        this.failingFast = true;
        this.entered++;
        for (const { n } of this.waiting.splice(0)) this.fates[n] = "WEFT_QUEUE_FAILFAST";
      } else {
        const at = this.waiting.findIndex((each) => each.deadlineMs === nextMs);
        this.fates[(this.waiting[at] as { n: number }).n] = "WEFT_QUEUE_DEADLINE";
        this.waiting.splice(at, 1);
      }
    }
    this.nowMs = untilMs;
  }

  #send(n: number): void {
    this.fates[n] = "started";
    this.started.push(n);
    this.permits--;
  }

  #available(): void {
    this.sinceMs = undefined;
    if (this.failingFast) this.left++;
    this.failingFast = false;
  }
}

interface Real {
  readonly clock: ManualClock;
  readonly stats: MemoryStats;
  readonly at: Gate;
  readonly calls: Calls;
  readonly subject: Service<number, string>;
}

type Command = fc.AsyncCommand<Model, Real>;

function compare(model: Model, { calls, stats, subject }: Real, capacity: number): void {
  expect(calls.fates).toEqual(model.fates);
  expect(calls.started).toEqual(model.started);
  expect(stats.readGauge("failfast_queue/length")).toBe(model.waiting.length);
  expect(stats.readGauge("failfast_queue/failing_fast")).toBe(model.failingFast ? 1 : 0);
  expect(stats.readCounter("failfast_queue/shut")).toBe(model.entered);
  expect(stats.readCounter("failfast_queue/opened")).toBe(model.left);
  const count = (code: string): number => model.fates.filter((each) => each === code).length;
  expect(stats.readCounter("failfast_queue/failed")).toBe(count("WEFT_QUEUE_FAILFAST"));
  expect(stats.readCounter("failfast_queue/full")).toBe(count("WEFT_QUEUE_FULL"));
  expect(stats.readCounter("failfast_queue/expired")).toBe(count("WEFT_QUEUE_DEADLINE"));
  const refuses = model.permits <= 0 && (model.failingFast || model.waiting.length >= capacity);
  expect(subject.status).toBe(refuses ? "busy" : "open");
}

let capacityNow = 1;

class CallCommand implements Command {
  readonly withinMs: number;

  constructor(withinMs: number) {
    this.withinMs = withinMs;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    const deadlineMs = model.nowMs + this.withinMs;
    model.call(deadlineMs);
    await real.calls.call(deadlineMs);
    compare(model, real, capacityNow);
  }

  toString(): string {
    return `call within ${this.withinMs} ms`;
  }
}

class LeaveCommand implements Command {
  readonly which: number;

  constructor(which: number) {
    this.which = which;
  }

  check(model: Readonly<Model>): boolean {
    return model.waiting.length > 0;
  }

  async run(model: Model, real: Real): Promise<void> {
    const at = this.which % model.waiting.length;
    const { n } = model.waiting[at] as { n: number };
    model.leave(at);
    await real.calls.cancel(n);
    compare(model, real, capacityNow);
  }

  toString(): string {
    return `cancel ${this.which} of those that wait`;
  }
}

class GateCommand implements Command {
  readonly permits: number;

  constructor(permits: number) {
    this.permits = permits;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    model.change(this.permits);
    if (this.permits === 0) real.at.shut();
    else if (this.permits === never) real.at.open();
    else real.at.limit(this.permits);
    await real.clock.advance(0);
    compare(model, real, capacityNow);
  }

  toString(): string {
    return `the gate lets ${this.permits} pass`;
  }
}

class AdvanceCommand implements Command {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    model.advance(this.ms);
    await real.clock.advance(this.ms);
    compare(model, real, capacityNow);
  }

  toString(): string {
    return `${this.ms} ms pass`;
  }
}

describe("failFastQueue over a gate", () => {
  it("agrees with a model: in turn as the gate allows, full at its size, failing fast after its time, no call left behind", async () => {
    const commands = fc.commands<Model, Real, false>(
      [
        // Parts of a ms, so that no deadline falls together with the end of the wait.
        fc.constantFrom(never, never, never, 0, 10.5, 60.25).map((ms) => new CallCommand(ms)),
        fc.constantFrom(never, never).map((ms) => new CallCommand(ms)),
        fc.nat(9).map((which) => new LeaveCommand(which)),
        fc.constantFrom(0, 0, 1, 2, never).map((permits) => new GateCommand(permits)),
        fc.constantFrom(0, 1, 7, 40, 99, 100, 101, 300).map((ms) => new AdvanceCommand(ms)),
      ],
      { maxCommands: 60, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), commands, async (capacity, steps) => {
        capacityNow = capacity;
        const clock = new ManualClock();
        const stats = new MemoryStats();
        const at = new Gate();
        const params = Params.empty
          .with(QueueCapacity, capacity)
          .with(FailFastTimeoutMs, timeoutMs)
          .with(GateParam, at)
          .with(ClockParam, clock)
          .with(StatsParam, stats);
        let subject: Service<number, string> | undefined;
        const calls = new Calls(clock, (inner) => {
          subject = new Stack([failFastQueue<number, string>(), gate<number, string>()], () => inner).make(params);
          return subject;
        });
        const real: Real = { clock, stats, at, calls, subject: subject as unknown as Service<number, string> };
        await fc.asyncModelRun(() => ({ model: new Model(capacity), real }), steps);
        // However it was, an open gate lets everybody who still waits through.
        at.open();
        await clock.advance(0);
        expect(stats.readGauge("failfast_queue/length")).toBe(0);
        expect(calls.fates).not.toContain("waiting");
        expect(clock.armed).toBe(0);
        await calls.giveUp();
      }),
      { numRuns: 300 },
    );
  });
});
