import { emptyBudget, infiniteBudget, newRetryBudget, type RetryBudget } from "@weftmesh/retry-budget";
import { ManualClock } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** Every deposit and withdrawal with its slot: what the budget must agree with. */
class Model {
  readonly deposits: number[] = [];
  readonly withdrawals: number[] = [];
  readonly deposit: number;
  readonly withdrawal: number;
  readonly reserve: number;
  readonly slotMs: number;

  constructor(ttlMs: number, min: number, percent: number) {
    this.deposit = percent === 0 ? 0 : 1000;
    this.withdrawal = percent === 0 ? 1 : Math.floor(1000 / percent);
    this.reserve = Math.floor((min * ttlMs) / 1000) * this.withdrawal;
    this.slotMs = ttlMs / 50;
  }

  slot(nowMs: number): number {
    return Math.floor(nowMs / this.slotMs);
  }

  sum(nowMs: number): number {
    const slot = this.slot(nowMs);
    const paid = this.deposits.filter((each) => each > slot - 50).length;
    const taken = this.withdrawals.filter((each) => each > slot - 51).length;
    return this.reserve + this.deposit * paid - this.withdrawal * taken;
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

/** The law of reliability itself, for every window there is: the worst begin right before a retry and end with one. */
function expectBound(
  deposits: readonly number[],
  withdrawals: readonly number[],
  { ttlMs, minRetriesPerSec }: { readonly ttlMs: number; readonly minRetriesPerSec: number },
  share: number,
): void {
  for (const from of new Set(withdrawals)) {
    for (const to of new Set(withdrawals)) {
      if (to < from) continue;
      const taken = withdrawals.filter((at) => at >= from && at <= to).length;
      const paid = deposits.filter((at) => at > from - ttlMs && at <= to).length;
      const allowed = share * paid + (minRetriesPerSec * (to - from + ttlMs)) / 1000;
      expect([from, to, Math.max(taken - allowed, 1e-9)]).toEqual([from, to, 1e-9]);
    }
  }
}

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
                model.deposits.push(model.slot(now));
                continue;
              }
              const pays = model.sum(now) >= model.withdrawal;
              expect(budget.tryWithdraw()).toBe(pays);
              if (pays) model.withdrawals.push(model.slot(now));
            }
          }
          expect(budget.balance).toBe(model.balance(clock.now()));
        }
      }),
    );
  });

  it("G15: allows in no window of time more than its share of the requests and its minimum", async () => {
    await fc.assert(
      fc.asyncProperty(arbSettings, arbSteps(5000), fc.nat(5000), async (settings, steps, startMs) => {
        const { percentCanRetry } = settings;
        const clock = new ManualClock(startMs);
        const budget = newRetryBudget({ ...settings, clock });
        // A retry costs a whole number, so that one request in 3 may be one in 3.003.
        const share = percentCanRetry === 0 ? 0 : 1000 / Math.floor(1000 / percentCanRetry);
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
        expectBound(deposits, withdrawals, settings, share);
      }),
    );
  });

  it("G15: bears the worst that can be done to it: all of it at the end of a slot, and again as soon as there is any", async () => {
    for (const ttlMs of [1000, 10_000]) {
      const slotMs = ttlMs / 50;
      const clock = new ManualClock(slotMs - 1);
      const budget = newRetryBudget({ ttlMs, minRetriesPerSec: 10, percentCanRetry: 0, clock });
      const withdrawals: number[] = [];
      for (let i = 0; i < 260; i++) {
        while (budget.tryWithdraw()) withdrawals.push(clock.now());
        // To the first moment of the next slot.
        await clock.advance(i === 0 ? 1 : slotMs);
      }
      expect(withdrawals.length).toBe(6 * ((10 * ttlMs) / 1000));
      expect(withdrawals[(10 * ttlMs) / 1000]).toBe(51 * slotMs);
      expectBound([], withdrawals, { ttlMs, minRetriesPerSec: 10 }, 0);
    }
  });

  it("allows its share and its minimum in the long run, to a fiftieth", async () => {
    for (const perSecond of [0, 10, 100, 1000]) {
      const clock = new ManualClock();
      const budget = newRetryBudget({ clock });
      let retries = 0;
      // Twenty seconds, after which it has settled, and then sixty that count; ten times as much asked for as there is.
      for (let ms = 0; ms < 80_000; ms += 10) {
        if (perSecond === 1000) for (let i = 0; i < 10; i++) budget.deposit();
        else if (perSecond > 0 && ms % (1000 / perSecond) === 0) budget.deposit();
        for (let i = 0; i < 22; i++) if (budget.tryWithdraw() && ms >= 20_000) retries++;
        await clock.advance(10);
      }
      const expected = 0.2 * perSecond + 10;
      const ratio = retries / 60 / expected;
      expect([perSecond, ratio, ratio > 0.98 && ratio <= 1]).toEqual([perSecond, ratio, true]);
    }
  });

  it("is as good as new when its time, and a slot, have passed without anybody", async () => {
    await fc.assert(
      fc.asyncProperty(arbSettings, arbSteps(3000), async (settings, steps) => {
        const clock = new ManualClock();
        const used = newRetryBudget({ ...settings, clock });
        for (const each of steps) {
          if (each.step === "pass") await clock.advance(each.ms);
          else for (let i = 0; i < each.times; i++) each.step === "deposit" ? used.deposit() : used.tryWithdraw();
        }
        await clock.advance(settings.ttlMs * 1.02);
        const fresh = newRetryBudget({ ...settings, clock });
        for (const each of steps) {
          expect(used.balance).toBe(fresh.balance);
          if (each.step === "pass") await clock.advance(each.ms);
          else if (each.step === "deposit") for (const budget of [used, fresh]) budget.deposit();
          else for (let i = 0; i < each.times; i++) expect(used.tryWithdraw()).toBe(fresh.tryWithdraw());
        }
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

  it("counts a request for more than 49 fiftieths of its time, and never for more than all of it", async () => {
    for (const [atMs, lastsMs] of [
      [0, 1000],
      [19, 981],
      [10, 990],
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

  it("counts a retry for all of its time at least, and never for more than a fiftieth longer", async () => {
    for (const [atMs, lastsMs] of [
      [0, 1020],
      [19, 1001],
      [10, 1010],
    ] as const) {
      const clock = new ManualClock(atMs);
      const budget = newRetryBudget({ ttlMs: 1000, minRetriesPerSec: 1, percentCanRetry: 1, clock });
      expect([budget.tryWithdraw(), budget.balance]).toEqual([true, 0]);
      await clock.advance(lastsMs - 1);
      expect([atMs, budget.balance]).toEqual([atMs, 0]);
      await clock.advance(1);
      expect([atMs, budget.balance]).toEqual([atMs, 1]);
    }
  });

  it("forgets the same after a pause of any length", async () => {
    for (const pauseMs of [1000, 1020, 1040, 5000, 100_020]) {
      const clock = new ManualClock();
      const budget = newRetryBudget({ ttlMs: 1000, minRetriesPerSec: 5, percentCanRetry: 1, clock });
      for (let i = 0; i < 3; i++) budget.deposit();
      for (let i = 0; i < 4; i++) budget.tryWithdraw();
      await clock.advance(pauseMs);
      expect([pauseMs, budget.balance]).toEqual([pauseMs, pauseMs < 1020 ? 1 : 5]);
    }
  });

  it("takes a share that is below one in a million for none", () => {
    const clock = new ManualClock();
    for (const percentCanRetry of [5e-324, 1e-12, 9.9e-7]) {
      const budget = newRetryBudget({ minRetriesPerSec: 1, percentCanRetry, clock });
      for (let i = 0; i < 1000; i++) budget.deposit();
      expect(budget.balance).toBe(10);
      for (let i = 0; i < 12; i++) expect([i, budget.tryWithdraw()]).toEqual([i, i < 10]);
    }
    const least = newRetryBudget({ minRetriesPerSec: 0, percentCanRetry: 1e-6, clock });
    for (let i = 0; i < 999_999; i++) least.deposit();
    expect(least.tryWithdraw()).toBe(false);
    least.deposit();
    expect([least.tryWithdraw(), least.tryWithdraw()]).toEqual([true, false]);
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

  it("is not upset by a clock whose origin is in the future", async () => {
    const clock = new ManualClock(-25_000);
    const budget = newRetryBudget({ minRetriesPerSec: 1, percentCanRetry: 1, clock });
    for (let i = 0; i < 5; i++) budget.deposit();
    expect(budget.balance).toBe(15);
    for (let i = 0; i < 15; i++) expect(budget.tryWithdraw()).toBe(true);
    expect([budget.balance, budget.tryWithdraw()]).toEqual([0, false]);
    await clock.advance(10_400);
    expect(budget.balance).toBe(10);
    await clock.advance(20_000);
    expect(budget.balance).toBe(10);
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
