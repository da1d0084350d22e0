import { ClockParam, Ctx, ok, Params, RngParam, type Service, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats, seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LoadSheddingOptions, LoadSheddingParam, loadShedding, PriorityKey } from "../src/index.ts";

const delayMs = { low: 20, high: 40, full: 200 };
const ratio = { low: 0.5, high: 0.7, full: 0.9 };

class Real {
  readonly clock: ManualClock = new ManualClock();
  readonly stats: MemoryStats = new MemoryStats();
  readonly loop = { meanMs: 0, maxMs: 0 };
  readonly memory = { ratio: 0 };
  chance = 0;
  sent = 0;
  readonly subject: Service<object, number>;

  constructor(priorities: number) {
    const inner: Service<object, number> = {
      status: "open",
      close: () => Promise.resolve(),
      call: () => Promise.resolve(++this.sent),
    };
    const options: LoadSheddingOptions = {
      eventLoopDelay: this.loop,
      eventLoopDelayMs: delayMs,
      memoryUse: this.memory,
      memoryRatio: ratio,
      intervalMs: 100,
      increase: 0.3,
      decrease: 0.1,
      priorities,
      isExempt: (req) => req === health,
    };
    this.subject = new Stack([loadShedding<object, number>()], () => inner).make(
      Params.empty
        .with(LoadSheddingParam, options)
        .with(ClockParam, this.clock)
        .with(RngParam, { next: () => this.chance })
        .with(StatsParam, this.stats),
    );
  }
}

const health = {};

/** Shares are in tenths here: what is added and taken away are whole ones. */
class Model {
  nowMs = 0;
  tenths = 0;
  delay = 0;
  memory = 0;
  shed = 0;
  /** When the monitors are looked at next. */
  nextMs: number | undefined = undefined;
  asked = false;
  readonly priorities: number;

  constructor(priorities: number) {
    this.priorities = priorities;
  }

  ask(priority: number, chance: number, exempt: boolean): boolean {
    this.asked = true;
    if (this.nextMs === undefined) {
      this.#look();
      this.nextMs = this.nowMs + 100;
    }
    const own = Math.min(Math.max(Math.floor(priority), 0), this.priorities - 1);
    const share = Math.min(Math.max((this.tenths * this.priorities) / 10 - own, 0), 1);
    const refused = !exempt && chance < share;
    if (refused) this.shed++;
    return refused;
  }

  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.nextMs !== undefined && this.nextMs <= untilMs) {
      this.nowMs = this.nextMs;
      this.#look();
      this.nextMs = this.asked || this.tenths > 0 ? this.nowMs + 100 : undefined;
      this.asked = false;
    }
    this.nowMs = untilMs;
  }

  #look(): void {
    if (this.delay >= delayMs.full || this.memory >= ratio.full) this.tenths = 10;
    else if (this.delay >= delayMs.high || this.memory >= ratio.high) this.tenths = Math.min(this.tenths + 3, 10);
    else if (this.delay <= delayMs.low && this.memory <= ratio.low) this.tenths = Math.max(this.tenths - 1, 0);
  }
}

type Command = fc.AsyncCommand<Model, Real>;

class AskCommand implements Command {
  readonly priority: number;
  readonly chance: number;
  readonly exempt: boolean;

  constructor(priority: number, chance: number, exempt: boolean) {
    this.priority = priority;
    this.chance = chance;
    this.exempt = exempt;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    const refused = model.ask(this.priority, this.chance, this.exempt);
    real.chance = this.chance;
    const before = real.sent;
    const ctx = new Ctx().set(PriorityKey, this.priority);
    const call = real.subject.call(this.exempt ? health : {}, ctx);
    expect(real.sent - before).toBe(refused ? 0 : 1);
    if (refused) await expect(call).rejects.toMatchObject({ code: "WEFT_LOAD_SHED" });
    else await call;
    ctx.end(ok);
    compare(model, real);
  }

  toString(): string {
    return `ask with priority ${this.priority} and chance ${this.chance}${this.exempt ? ", exempt" : ""}`;
  }
}

class PressCommand implements Command {
  readonly delay: number;
  readonly memory: number;

  constructor(delay: number, memory: number) {
    this.delay = delay;
    this.memory = memory;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    model.delay = this.delay;
    model.memory = this.memory;
    real.loop.meanMs = this.delay;
    real.memory.ratio = this.memory;
  }

  toString(): string {
    return `the loop is ${this.delay} ms late, and ${this.memory} of the memory is used`;
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

function compare(model: Model, real: Real): void {
  expect(real.stats.readGauge("load_shedding/share")).toBeCloseTo(model.tenths / 10, 9);
  expect(real.stats.readCounter("load_shedding/shed")).toBe(model.shed);
  expect(real.clock.armed).toBe(model.nextMs === undefined ? 0 : 1);
}

const arbDelay = fc.constantFrom(0, 20, 21, 39, 40, 199, 200, 5000);
const arbRatio = fc.constantFrom(0, 0.5, 0.51, 0.69, 0.7, 0.89, 0.9, 1);

describe("loadShedding", () => {
  it("agrees with a model: more under pressure, less without, the same in between; the lowest priority first", async () => {
    const commands = fc.commands<Model, Real, false>(
      [
        fc
          .tuple(
            fc.constantFrom(0, 0, 1, 2, 7, -1, 1.5),
            fc.constantFrom(0, 0.29, 0.3, 0.59, 0.6, 0.89, 0.99),
            fc.boolean(),
          )
          .map(([priority, chance, exempt]) => new AskCommand(priority, chance, exempt)),
        fc.tuple(arbDelay, fc.constant(0)).map(([delay, memory]) => new PressCommand(delay, memory)),
        fc.tuple(arbDelay, arbRatio).map(([delay, memory]) => new PressCommand(delay, memory)),
        fc.constantFrom(0, 1, 99, 100, 101, 1000).map((ms) => new AdvanceCommand(ms)),
        fc.constantFrom(100, 100).map((ms) => new AdvanceCommand(ms)),
      ],
      { maxCommands: 80, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), commands, async (priorities, steps) => {
        const real = new Real(priorities);
        await fc.asyncModelRun(() => ({ model: new Model(priorities), real }), steps);
        await real.subject.close();
        expect(real.clock.armed).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("refuses the share that it shows, of the lowest priority that is not refused whole", async () => {
    const rng = seededRng(3);
    const real = new Real(2);
    // Up to 0.6 of all: all of priority 0 and a fifth of priority 1.
    real.loop.meanMs = 40;
    real.chance = 1;
    await real.subject.call({}, new Ctx());
    await real.clock.advance(100);
    real.loop.meanMs = 30;
    expect(real.stats.readGauge("load_shedding/share")).toBe(0.6);
    const calls = 20_000;
    const refused = [0, 0];
    for (let i = 0; i < calls; i++) {
      const priority = i % 2;
      real.chance = rng.next();
      const call = real.subject.call({}, new Ctx().set(PriorityKey, priority));
      await call.catch(() => {
        refused[priority] = (refused[priority] ?? 0) + 1;
      });
    }
    expect(refused[0]).toBe(calls / 2);
    expect(Math.abs((refused[1] ?? 0) / (calls / 2) - 0.2)).toBeLessThanOrEqual(
      5 * Math.sqrt((0.2 * 0.8) / (calls / 2)),
    );
  });
});
