import { ClockParam, Ctx, failed, ok, Params, RngParam, type Service, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats, seededRng, testError } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type NackAdmissionOptions, NackAdmissionParam, nackAdmission } from "../src/index.ts";

const nack = { status: 503 };
const fine = { status: 200 };

/** What comes of a call that is sent. */
type Outcome = "fine" | "nack" | "rejected" | "failed" | "late" | "whole";
const counts: Readonly<Record<Outcome, 0 | 1>> = { fine: 1, nack: 0, rejected: 0, failed: 1, late: 1, whole: 1 };

class Subject {
  nowMs = 0;
  chance = 0;
  sent = 0;
  readonly stats: MemoryStats = new MemoryStats();
  readonly #service: Service<object, object>;

  constructor(options: NackAdmissionOptions, startMs: number) {
    this.nowMs = startMs;
    const inner: Service<object, object> = {
      status: "open",
      close: () => Promise.resolve(),
      call: () => {
        this.sent++;
        return new Promise(() => {});
      },
    };
    const params = Params.empty
      .with(NackAdmissionParam, options)
      .with(ClockParam, { now: () => this.nowMs, epochMs: () => 0, after: () => ({ cancel: () => {} }) })
      .with(RngParam, { next: () => this.chance })
      .with(StatsParam, this.stats);
    this.#service = new Stack([nackAdmission<object, object>()], () => inner).make(params);
  }

  get ema(): number {
    return this.stats.readGauge("nack_admission_control/ema_value") as number;
  }

  get dropped(): number {
    return this.stats.readCounter("nack_admission_control/dropped_requests");
  }

  /** The ctx of a call that was sent; undefined when it was kept back. */
  send(chance: number): Ctx | undefined {
    this.chance = chance;
    const before = this.sent;
    const ctx = new Ctx();
    this.#service.call({}, ctx).catch(() => {});
    return this.sent > before ? ctx : undefined;
  }

  hear(ctx: Ctx, outcome: Outcome): void {
    if (outcome === "fine" || outcome === "late" || outcome === "nack") ctx.respond(outcome === "nack" ? nack : fine);
    // A body that breaks off says nothing new, whatever its error is.
    if (outcome === "late" || outcome === "rejected") ctx.end(failed(testError("no", ["rejected"])));
    else if (outcome === "failed") ctx.end(failed(testError("no")));
    else ctx.end(ok);
  }
}

/** The filter as its specification has it. */
class Model {
  nowMs: number;
  ema = 1;
  dropped = 0;
  lastMs: number;
  readonly asked: number[] = [];
  readonly open: Ctx[] = [];
  readonly #windowMs: number;
  readonly #acceptThreshold: number;

  constructor(windowMs: number, nackRateThreshold: number, startMs: number) {
    this.#windowMs = windowMs;
    this.#acceptThreshold = 1 - nackRateThreshold;
    this.nowMs = startMs;
    this.lastMs = startMs;
  }

  get rps(): number {
    const first = Math.floor(this.nowMs / 100) - 9;
    return this.asked.filter((each) => Math.floor(each / 100) >= first).length;
  }

  drops(chance: number): boolean {
    this.asked.push(this.nowMs);
    const drop =
      this.rps >= 5 &&
      this.ema < this.#acceptThreshold &&
      chance < Math.min(0.75, 1 - this.ema / this.#acceptThreshold);
    if (drop) this.dropped++;
    return drop;
  }

  hear(accepted: 0 | 1): void {
    const kept = Math.exp((this.lastMs - this.nowMs) / this.#windowMs);
    this.ema = (this.rps < 5 ? 1 : accepted) * (1 - kept) + this.ema * kept;
    this.lastMs = this.nowMs;
  }
}

type Command = fc.Command<Model, Subject>;

function compare(model: Model, real: Subject): void {
  expect(real.ema).toBeCloseTo(model.ema * 100, 9);
  expect(real.dropped).toBe(model.dropped);
}

class SendCommand implements Command {
  readonly chance: number;

  constructor(chance: number) {
    this.chance = chance;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, real: Subject): void {
    const before = model.ema;
    const drops = model.drops(this.chance);
    const ctx = real.send(this.chance);
    expect(ctx === undefined).toBe(drops);
    if (ctx !== undefined) model.open.push(ctx);
    expect(model.ema).toBe(before);
    compare(model, real);
  }

  toString(): string {
    return `send, with the chance ${this.chance}`;
  }
}

class HearCommand implements Command {
  readonly which: number;
  readonly outcome: Outcome;

  constructor(which: number, outcome: Outcome) {
    this.which = which;
    this.outcome = outcome;
  }

  check(model: Readonly<Model>): boolean {
    return model.open.length > 0;
  }

  run(model: Model, real: Subject): void {
    const [ctx] = model.open.splice(this.which % model.open.length, 1);
    model.hear(counts[this.outcome]);
    real.hear(ctx as Ctx, this.outcome);
    compare(model, real);
  }

  toString(): string {
    return `hear ${this.which}: ${this.outcome}`;
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

  run(model: Model, real: Subject): void {
    model.nowMs += this.ms;
    real.nowMs += this.ms;
    compare(model, real);
  }

  toString(): string {
    return `${this.ms} ms pass`;
  }
}

const arbOutcome = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Outcome>("nack", "rejected") },
  { weight: 1, arbitrary: fc.constantFrom<Outcome>("fine", "failed", "late", "whole") },
);

describe("nackAdmission", () => {
  it("keeps back exactly what the formula says, by the average that it shows, and learns from nothing it kept back", () => {
    const commands = fc.commands<Model, Subject>(
      [
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((chance) => new SendCommand(chance)),
        fc.constantFrom(0, 0.25, 0.5, 0.7499, 0.75, 0.9).map((chance) => new SendCommand(chance)),
        fc.tuple(fc.nat(9), arbOutcome).map(([which, outcome]) => new HearCommand(which, outcome)),
        fc.tuple(fc.nat(9), arbOutcome).map(([which, outcome]) => new HearCommand(which, outcome)),
        fc.constantFrom(0, 1, 100, 100, 300, 1000).map((ms) => new AdvanceCommand(ms)),
      ],
      { maxCommands: 120, size: "max" },
    );
    fc.assert(
      fc.property(
        commands,
        fc.constantFrom(200, 2000),
        fc.constantFrom(0.2, 0.5, 0.9),
        (steps, windowMs, nackRateThreshold) => {
          fc.modelRun(
            () => ({
              model: new Model(windowMs, nackRateThreshold, 1234.5),
              real: new Subject({ windowMs, nackRateThreshold, isNack: (rep) => rep === nack }, 1234.5),
            }),
            steps,
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it("lets a quarter of the calls through when all are refused, and none is kept back soon after that ends", () => {
    for (const seed of [1, 2, 3]) {
      const rng = seededRng(seed);
      const subject = new Subject({ isNack: (rep) => rep === nack }, 0);
      const run = (calls: number, outcome: Outcome): number => {
        let sent = 0;
        for (let i = 0; i < calls; i++) {
          subject.nowMs += 10;
          const ctx = subject.send(rng.next());
          if (ctx === undefined) continue;
          sent++;
          subject.hear(ctx, outcome);
        }
        return sent;
      };
      // Until the average is so low that the most is kept back: below 12.5 %.
      run(60_000, "nack");
      expect(subject.ema).toBeLessThan(1);
      const calls = 40_000;
      const sent = run(calls, "nack");
      expect(Math.abs(sent / calls - 0.25)).toBeLessThanOrEqual(5 * Math.sqrt((0.25 * 0.75) / calls));
      // From 0, the average is at a half after 120 s times ln 2: 83.2 s. Gaps between answers do no more than delay it.
      run(8330, "fine");
      expect(subject.ema).toBeGreaterThan(50);
      expect(run(1000, "fine")).toBe(1000);
    }
  });

  it("is one for all stacks that count into the same scope, until the last is closed", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 30 }), (toggles) => {
        const stats = new MemoryStats();
        const module = nackAdmission<object, object>();
        const params = Params.empty
          .with(NackAdmissionParam, {})
          .with(ClockParam, new ManualClock())
          .with(RngParam, seededRng(1))
          .with(StatsParam, stats);
        const inner: Service<object, object> = {
          status: "open",
          close: () => Promise.resolve(),
          call: () => Promise.resolve({}),
        };
        const open = new Map<number, Service<object, object>>();
        for (const each of toggles) {
          const built = open.get(each);
          if (built === undefined) open.set(each, new Stack([module], () => inner).make(params));
          else {
            void built.close();
            void built.close();
            open.delete(each);
          }
          expect(stats.readGauge("nack_admission_control/ema_value")).toBe(open.size === 0 ? undefined : 100);
        }
      }),
    );
  });
});
