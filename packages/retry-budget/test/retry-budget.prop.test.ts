import { emptyBudget, infiniteBudget, newRetryBudget, type RetryBudget } from "@weftmesh/retry-budget";
import { ManualClock } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** Every deposit and withdrawal with its slot: what the budget must agree with. */
class Model {
  readonly events: { readonly slot: number; readonly amount: number }[] = [];
  readonly deposit: number;
  readonly withdrawal: number;
  readonly reserve: number;
  readonly slotMs: number;

  constructor(ttlMs: number, min: number, percent: number) {
    this.deposit = percent === 0 ? 0 : 1000;
    this.withdrawal = percent === 0 ? 1 : Math.floor(1000 / percent);
    this.reserve = Math.floor((min * ttlMs) / 1000) * this.withdrawal;
    this.slotMs = ttlMs / 10;
  }

  slot(nowMs: number): number {
    return Math.floor(nowMs / this.slotMs);
  }

  sum(nowMs: number): number {
    const oldest = this.slot(nowMs) - 9;
    return this.events.reduce((sum, { slot, amount }) => (slot >= oldest ? sum + amount : sum), this.reserve);
  }

  balance(nowMs: number): number {
    return Math.max(Math.floor(this.sum(nowMs) / this.withdrawal), 0);
  }
}

const arbSettings = fc.record({
  ttlMs: fc.constantFrom(1000, 2000, 10_000, 60_000),
  minRetriesPerSec: fc.constantFrom(0, 1, 10, 33),
  percentCanRetry: fc.constantFrom(0, 0.01, 0.2, 0.3, 1, 7, 1000),
});
type Step =
  | { readonly step: "deposit" | "withdraw"; readonly times: number }
  | { readonly step: "pass"; readonly ms: number };
const arbSteps = (maxPassMs: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 2,
        arbitrary: fc.record({
          step: fc.constantFrom("deposit" as const, "withdraw" as const),
          times: fc.integer({ min: 1, max: 60 }),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ step: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: maxPassMs }) }),
      },
    ) as fc.Arbitrary<Step>,
    { maxLength: 60, size: "max" },
  );

describe("a retry budget", () => {
  it("agrees with a list of all that was paid in and out, in slots that stand still", async () => {
    await fc.assert(
      fc.asyncProperty(arbSettings, arbSteps(15_000), fc.nat(5000), async (settings, steps, startMs) => {
        const { ttlMs, minRetriesPerSec, percentCanRetry } = settings;
        fc.pre(minRetriesPerSec > 0 || percentCanRetry > 0);
        const clock = new ManualClock(startMs);
        const budget = newRetryBudget({ ...settings, clock });
        const model = new Model(ttlMs, minRetriesPerSec, percentCanRetry);
        for (const each of steps) {
          const now = clock.now();
          if (each.step === "pass") await clock.advance(each.ms);
          else {
            for (let i = 0; i < each.times; i++) {
              if (each.step === "deposit") {
                budget.deposit();
                model.events.push({ slot: model.slot(now), amount: model.deposit });
                continue;
              }
              const pays = model.sum(now) >= model.withdrawal;
              expect(budget.tryWithdraw()).toBe(pays);
              if (pays) model.events.push({ slot: model.slot(now), amount: -model.withdrawal });
            }
          }
          expect(budget.balance).toBe(model.balance(clock.now()));
        }
      }),
    );
  });

  it("G15: allows in no window more than its share of the requests and what is there anyhow", async () => {
    await fc.assert(
      fc.asyncProperty(arbSettings, arbSteps(3000), async (settings, steps) => {
        const { ttlMs, minRetriesPerSec, percentCanRetry } = settings;
        const clock = new ManualClock();
        const budget = newRetryBudget({ ...settings, clock });
        const deposits: number[] = [];
        const withdrawals: number[] = [];
        for (const each of steps) {
          if (each.step === "pass") await clock.advance(each.ms);
          else {
            for (let i = 0; i < each.times; i++) {
              if (each.step === "deposit") {
                budget.deposit();
                deposits.push(clock.now());
              } else if (budget.tryWithdraw()) withdrawals.push(clock.now());
            }
          }
        }
        for (const until of withdrawals) {
          const taken = withdrawals.filter((at) => at > until - 0.9 * ttlMs && at <= until).length;
          const paid = deposits.filter((at) => at > until - ttlMs && at <= until).length;
          // A withdrawal costs a whole number, so that one request in 3 may be one in 3.003.
          const share = percentCanRetry === 0 ? 0 : 1000 / Math.floor(1000 / percentCanRetry);
          expect(taken).toBeLessThanOrEqual(share * paid + (minRetriesPerSec * ttlMs) / 1000 + 1e-9);
        }
      }),
    );
  });

  it("is as good as new after twice its time without anybody", async () => {
    await fc.assert(
      fc.asyncProperty(arbSettings, arbSteps(3000), async (settings, steps) => {
        const clock = new ManualClock();
        const used = newRetryBudget({ ...settings, clock });
        for (const each of steps) {
          if (each.step === "pass") await clock.advance(each.ms);
          else for (let i = 0; i < each.times; i++) each.step === "deposit" ? used.deposit() : used.tryWithdraw();
        }
        await clock.advance(settings.ttlMs);
        expect(used.balance).toBe(newRetryBudget({ ...settings, clock }).balance);
      }),
    );
  });

  it("begins with 100 retries by default, and pays one for five requests", () => {
    const budget = newRetryBudget({ clock: new ManualClock() });
    expect(budget.balance).toBe(100);
    for (let i = 0; i < 100; i++) expect(budget.tryWithdraw()).toBe(true);
    expect([budget.balance, budget.tryWithdraw()]).toEqual([0, false]);
    for (let i = 0; i < 4; i++) budget.deposit();
    expect(budget.tryWithdraw()).toBe(false);
    budget.deposit();
    expect([budget.balance, budget.tryWithdraw(), budget.tryWithdraw()]).toEqual([1, true, false]);
  });

  it("counts a request for more than nine tenths of its time, and never for more than all of it", async () => {
    for (const [atMs, lastsMs] of [
      [0, 1000],
      [99, 901],
      [50, 950],
    ] as const) {
      const clock = new ManualClock();
      await clock.advance(atMs);
      const budget = newRetryBudget({ ttlMs: 1000, minRetriesPerSec: 0, percentCanRetry: 1, clock });
      budget.deposit();
      await clock.advance(lastsMs - 1);
      expect([atMs, budget.balance]).toEqual([atMs, 1]);
      await clock.advance(1);
      expect([atMs, budget.balance]).toEqual([atMs, 0]);
    }
  });

  it("with nothing but its minimum is not fed by requests, and with nothing at all never pays", () => {
    const clock = new ManualClock();
    const least = newRetryBudget({ minRetriesPerSec: 1, ttlMs: 2000, percentCanRetry: 0, clock });
    for (let i = 0; i < 100; i++) least.deposit();
    expect([least.balance, least.tryWithdraw(), least.tryWithdraw(), least.tryWithdraw()]).toEqual([
      2,
      true,
      true,
      false,
    ]);
    const nothing: RetryBudget = newRetryBudget({ minRetriesPerSec: 0, percentCanRetry: 0, clock });
    expect(nothing).toBe(emptyBudget);
    nothing.deposit();
    expect([nothing.tryWithdraw(), nothing.balance]).toEqual([false, 0]);
    infiniteBudget.deposit();
    expect([infiniteBudget.tryWithdraw(), infiniteBudget.balance]).toEqual([true, Number.POSITIVE_INFINITY]);
  });

  it("refuses options out of their range, and takes those at its ends", () => {
    const clock = new ManualClock();
    for (const bad of [
      { ttlMs: 999 },
      { ttlMs: 60_001 },
      { ttlMs: Number.NaN },
      { minRetriesPerSec: -1 },
      { percentCanRetry: -0.1 },
      { percentCanRetry: 1000.1 },
    ]) {
      expect(() => newRetryBudget({ ...bad, clock })).toThrow(RangeError);
    }
    expect(() => newRetryBudget({ ttlMs: 999, clock })).toThrow("ttlMs must be from 1000 to 60000, not 999");
    for (const good of [
      { ttlMs: 1000 },
      { ttlMs: 60_000 },
      { minRetriesPerSec: 0 },
      { percentCanRetry: 0 },
      { percentCanRetry: 1000 },
    ]) {
      expect(() => newRetryBudget({ ...good, clock })).not.toThrow();
    }
  });

  it("is not upset by a clock that goes back", async () => {
    let nowMs = 10_000;
    const budget = newRetryBudget({
      minRetriesPerSec: 1,
      clock: { now: () => nowMs, epochMs: () => 0, after: () => ({ cancel: () => {} }) },
    });
    budget.deposit();
    nowMs = -50_000;
    budget.deposit();
    expect(budget.balance).toBe(10);
    nowMs = 10_000;
    for (let i = 0; i < 3; i++) budget.deposit();
    expect(budget.balance).toBe(11);
  });
});
