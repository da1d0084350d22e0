import { ClockParam, Params, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concurrencyLimit, LifoAfterMs, MaxConcurrentRequests, MaxPending } from "../src/index.ts";
import { Calls, type Fate } from "./calls.ts";

const memoryMs = 10_000;

interface Settings {
  readonly max: number;
  readonly maxPending: number;
  readonly lifoAfterMs: number;
}

/** What the limit should do, told from everything that ever happened. */
class Model {
  nowMs = 0;
  readonly fates: Fate[] = [];
  readonly started: number[] = [];
  readonly active: Set<number> = new Set();
  readonly waiting: { readonly n: number; readonly deadlineMs: number }[] = [];
  readonly #settings: Settings;
  readonly #spans: { readonly endMs: number; readonly spanMs: number }[] = [];
  #markMs = 0;
  #waitingSinceMs = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Undefined when a rounding error would decide. */
  call(deadlineMs: number): void {
    const { max, maxPending } = this.#settings;
    const n = this.fates.push("waiting") - 1;
    if (this.active.size < max) {
      this.#start(n);
      if (this.active.size === max) this.#markMs = this.nowMs;
      return;
    }
    const lifo = this.#lifo();
    if (deadlineMs <= this.nowMs) this.fates[n] = "WEFT_QUEUE_DEADLINE";
    else if ((lifo ? 1 : this.waiting.length + 1) * this.#intervalMs() > deadlineMs - this.nowMs + 1e-6) {
      this.fates[n] = "WEFT_QUEUE_TOO_LONG";
    } else if (this.waiting.length >= maxPending && !lifo) this.fates[n] = "WEFT_OVERLOADED";
    else {
      if (this.waiting.length >= maxPending) {
        const given = this.waiting.shift();
        if (given !== undefined) this.fates[given.n] = "WEFT_OVERLOADED";
      } else if (this.waiting.length === 0) this.#waitingSinceMs = this.nowMs;
      this.waiting.push({ n, deadlineMs });
    }
  }

  end(n: number): void {
    this.fates[n] = "answered";
    this.#freed(n);
  }

  cancel(n: number): void {
    const at = this.waiting.findIndex((each) => each.n === n);
    this.fates[n] = "WEFT_CANCELLED";
    if (at !== -1) this.waiting.splice(at, 1);
    else this.#freed(n);
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (let at = this.waiting.length - 1; at >= 0; at--) {
      const each = this.waiting[at];
      if (each === undefined || each.deadlineMs > this.nowMs) continue;
      this.fates[each.n] = "WEFT_QUEUE_DEADLINE";
      this.waiting.splice(at, 1);
    }
  }

  #start(n: number): void {
    this.active.add(n);
    this.fates[n] = "started";
    this.started.push(n);
  }

  #freed(n: number): void {
    if (this.active.size === this.#settings.max) {
      this.#spans.push({ endMs: this.nowMs, spanMs: this.nowMs - this.#markMs });
      this.#markMs = this.nowMs;
    }
    this.active.delete(n);
    const next = this.#lifo() ? this.waiting.pop() : this.waiting.shift();
    if (next !== undefined) this.#start(next.n);
  }

  #lifo(): boolean {
    return this.waiting.length > 0 && this.nowMs - this.#waitingSinceMs >= this.#settings.lifoAfterMs;
  }

  #intervalMs(): number {
    let weights = 0;
    let sumMs = 0;
    for (const { endMs, spanMs } of this.#spans) {
      const weight = Math.exp((endMs - this.nowMs) / memoryMs);
      weights += weight;
      sumMs += weight * spanMs;
    }
    const underWayMs = this.nowMs - this.#markMs;
    return Math.max(weights === 0 ? 0 : sumMs / weights, (sumMs + underWayMs) / (weights + 1));
  }
}

interface Real {
  readonly clock: ManualClock;
  readonly stats: MemoryStats;
  readonly calls: Calls;
}

type Command = fc.AsyncCommand<Model, Real>;

function compare(model: Model, { stats, calls }: Real): void {
  expect(calls.fates).toEqual(model.fates);
  expect(calls.started).toEqual(model.started);
  expect(stats.readGauge("request_concurrency")).toBe(model.active.size);
  expect(stats.readGauge("request_queue_size")).toBe(model.waiting.length);
}

class CallCommand implements Command {
  readonly withinMs: number;

  constructor(withinMs: number) {
    this.withinMs = withinMs;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    // Fractions keep what is expected and what is left from being equal but for rounding.
    const deadlineMs = model.nowMs + this.withinMs;
    model.call(deadlineMs);
    await real.calls.call(deadlineMs);
    compare(model, real);
  }

  toString(): string {
    return `call within ${this.withinMs} ms`;
  }
}

class EndCommand implements Command {
  readonly which: number;
  readonly how: "end" | "cancel";

  constructor(which: number, how: "end" | "cancel") {
    this.which = which;
    this.how = how;
  }

  check(model: Readonly<Model>): boolean {
    return model.active.size > 0;
  }

  async run(model: Model, real: Real): Promise<void> {
    const n = [...model.active][this.which % model.active.size] as number;
    model[this.how](n);
    await real.calls[this.how](n);
    compare(model, real);
  }

  toString(): string {
    return `${this.how} ${this.which} of those under way`;
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
    const { n } = model.waiting[this.which % model.waiting.length] as { n: number };
    model.cancel(n);
    await real.calls.cancel(n);
    compare(model, real);
  }

  toString(): string {
    return `cancel ${this.which} of those that wait`;
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
    compare(model, real);
  }

  toString(): string {
    return `${this.ms} ms pass`;
  }
}

const never = Number.POSITIVE_INFINITY;
const arbCommands = fc.commands<Model, Real, false>(
  [
    fc.constantFrom(never, never, never, 0, 0.5, 10.25, 99.75, 1000.125).map((ms) => new CallCommand(ms)),
    fc.constantFrom(never, never, never, never).map((ms) => new CallCommand(ms)),
    fc.nat(9).map((which) => new EndCommand(which, "end")),
    fc.nat(9).map((which) => new EndCommand(which, "cancel")),
    fc.nat(9).map((which) => new LeaveCommand(which)),
    fc.constantFrom(0, 1, 10, 50, 400).map((ms) => new AdvanceCommand(ms)),
  ],
  { maxCommands: 60, size: "max" },
);

const arbSettings = fc.record({
  max: fc.integer({ min: 1, max: 3 }),
  maxPending: fc.integer({ min: 1, max: 4 }),
  lifoAfterMs: fc.constantFrom(never, 0, 50, 51),
});

describe("concurrencyLimit with a queue", () => {
  it("agrees with a model: as many at once and waiting as may, in turn, nobody after its time, no place lost", async () => {
    await fc.assert(
      fc.asyncProperty(arbSettings, arbCommands, async (settings, commands) => {
        const clock = new ManualClock();
        const stats = new MemoryStats();
        const params = Params.empty
          .with(MaxConcurrentRequests, settings.max)
          .with(MaxPending, settings.maxPending)
          .with(LifoAfterMs, settings.lifoAfterMs)
          .with(ClockParam, clock)
          .with(StatsParam, stats);
        const calls = new Calls(clock, (inner) =>
          new Stack([concurrencyLimit<number, string>()], () => inner).make(params),
        );
        await fc.asyncModelRun(() => ({ model: new Model(settings), real: { clock, stats, calls } }), commands);
        await calls.giveUp();
        expect(stats.readGauge("request_concurrency")).toBe(0);
        expect(stats.readGauge("request_queue_size")).toBe(0);
        expect(clock.armed).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
