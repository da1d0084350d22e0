import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Timer, TimerWheel, type WheelDriver } from "../src/index.ts";

/** A driver whose real timer fires when the test moves the time to it, or later. */
class FakeDriver implements WheelDriver {
  nowMs: number;
  wakeMs: number = Number.POSITIVE_INFINITY;
  sets = 0;
  #wake: () => void = () => {};

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  now(): number {
    return this.nowMs;
  }

  wakeAfter(ms: number, wake: () => void): void {
    this.sets++;
    this.wakeMs = this.nowMs + ms;
    this.#wake = wake;
  }

  sleep(): void {
    this.wakeMs = Number.POSITIVE_INFINITY;
  }

  /** Moves time on; the timer fires on its moment, or once at the end when the process was too busy. */
  advance(ms: number, busy: boolean): void {
    const untilMs = this.nowMs + ms;
    while (this.wakeMs <= untilMs) {
      this.nowMs = busy ? untilMs : Math.max(this.nowMs, this.wakeMs);
      this.wakeMs = Number.POSITIVE_INFINITY;
      this.#wake();
    }
    this.nowMs = untilMs;
  }
}

interface Plan {
  readonly afterMs: number;
  /** Timers that it sets when it fires, and which of all those set so far it cancels. */
  readonly inner: readonly number[];
  readonly cancels: readonly number[];
}

const arbDelay = fc.oneof(
  fc.nat({ max: 20 }),
  fc.constantFrom(0, 1, 3, 4, 5, 2043, 2044, 2047, 2048, 2049, 2052, 4096, 10_000),
  fc.double({ min: -5, max: 3000, noNaN: true }),
);
const arbPlan: fc.Arbitrary<Plan> = fc.record({
  afterMs: arbDelay,
  inner: fc.array(arbDelay, { maxLength: 3 }),
  cancels: fc.array(fc.nat({ max: 40 }), { maxLength: 2 }),
});
const arbStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("set" as const), plan: arbPlan }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel" as const), which: fc.nat({ max: 40 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: arbDelay.map(Math.abs), busy: fc.boolean() }),
  },
);

class Subject {
  readonly driver: FakeDriver;
  readonly wheel: TimerWheel;
  readonly tickMs: number;
  readonly timers: { handle: Timer; dueMs: number; firedMs: number[]; state: "set" | "fired" | "cancelled" }[] = [];

  constructor(startMs: number, tickMs: number) {
    this.driver = new FakeDriver(startMs);
    this.tickMs = tickMs;
    this.wheel = new TimerWheel(this.driver, tickMs);
  }

  set(plan: Plan): void {
    const timer = {
      handle: undefined as unknown as Timer,
      dueMs: this.driver.now() + Math.max(plan.afterMs, 0),
      firedMs: [] as number[],
      state: "set" as "set" | "fired" | "cancelled",
    };
    timer.handle = this.wheel.set(plan.afterMs, () => {
      timer.firedMs.push(this.driver.now());
      timer.state = "fired";
      for (const which of plan.cancels) this.cancel(which);
      for (const afterMs of plan.inner) this.set({ afterMs, inner: [], cancels: [] });
    });
    this.timers.push(timer);
  }

  cancel(which: number): void {
    const timer = this.timers[which % Math.max(this.timers.length, 1)];
    if (timer === undefined) return;
    timer.handle.cancel();
    if (timer.state === "set") timer.state = "cancelled";
  }

  check(): void {
    const now = this.driver.now();
    for (const timer of this.timers) {
      if (timer.state === "cancelled") expect(timer.firedMs).toEqual([]);
      if (timer.state === "fired") expect(timer.firedMs).toHaveLength(1);
      for (const firedMs of timer.firedMs) expect(firedMs).toBeGreaterThanOrEqual(timer.dueMs);
      // Late by one tick at most: whoever is overdue by more should have fired.
      if (timer.state === "set") expect(timer.dueMs + this.tickMs).toBeGreaterThan(now);
    }
    const set = this.timers.filter((each) => each.state === "set");
    expect(this.wheel.size).toBe(set.length);
    // Asleep exactly while it is empty, and never past the first timer's tick.
    if (set.length === 0) expect(this.driver.wakeMs).toBe(Number.POSITIVE_INFINITY);
    else expect(this.driver.wakeMs).toBeLessThanOrEqual(Math.min(...set.map((each) => each.dueMs)) + this.tickMs);
  }
}

describe("TimerWheel", () => {
  it("agrees with a list: never early, at most a tick late, once, and not after a cancel", () => {
    fc.assert(
      fc.property(
        fc.array(arbStep, { maxLength: 50 }),
        fc.constantFrom(0, 1, 4, 1234.567, 1e9),
        fc.constantFrom(1, 4, 10),
        (steps, startMs, tickMs) => {
          const subject = new Subject(startMs, tickMs);
          for (const step of steps) {
            if (step.kind === "set") subject.set(step.plan);
            else if (step.kind === "cancel") subject.cancel(step.which);
            else subject.driver.advance(step.ms, step.busy);
            subject.check();
          }
          // Twice the longest delay, since a timer that fires may set another, and a little for the ticks.
          subject.driver.advance(20_100, false);
          subject.check();
          expect(subject.wheel.size).toBe(0);
          for (const timer of subject.timers) expect(timer.state).not.toBe("set");
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is at most a tick late by the moment of firing as well, when the process is not busy", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(arbDelay, arbPlan), { maxLength: 30 }), (plan) => {
        const subject = new Subject(7, 4);
        for (const [ms, each] of plan) {
          subject.driver.advance(Math.abs(ms), false);
          subject.set(each);
        }
        // Twice the longest delay, since a timer that fires may set another, and a little for the ticks.
        subject.driver.advance(20_100, false);
        for (const timer of subject.timers) {
          for (const firedMs of timer.firedMs) expect(firedMs - timer.dueMs).toBeLessThanOrEqual(4);
        }
      }),
    );
  });

  it("fires timers of one tick in the order in which they were set", () => {
    const driver = new FakeDriver(0);
    const wheel = new TimerWheel(driver, 4);
    const fired: number[] = [];
    for (let i = 0; i < 20; i++) wheel.set(5 + (i % 3), () => fired.push(i));
    driver.advance(8, false);
    expect(fired).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it("goes on after a timer that throws, and fires the rest", () => {
    const driver = new FakeDriver(0);
    const wheel = new TimerWheel(driver, 4);
    const fired: string[] = [];
    wheel.set(3, () => fired.push("before"));
    wheel.set(3, () => {
      throw new Error("from a timer");
    });
    wheel.set(3, () => fired.push("beside"));
    wheel.set(5, () => fired.push("after"));
    expect(() => driver.advance(10, true)).toThrow("from a timer");
    driver.advance(10, false);
    expect(fired).toEqual(["before", "beside", "after"]);
    expect(wheel.size).toBe(0);
  });

  it("takes Infinity for a timer that never fires, and refuses NaN", () => {
    const driver = new FakeDriver(0);
    const wheel = new TimerWheel(driver, 4);
    const timer = wheel.set(Number.POSITIVE_INFINITY, () => expect.unreachable());
    driver.advance(1e6, false);
    expect(wheel.size).toBe(1);
    timer.cancel();
    expect(wheel.size).toBe(0);
    expect(() => wheel.set(Number.NaN, () => {})).toThrow(RangeError);
  });

  it("does not wake at all for timers that are cancelled before they are due", () => {
    const driver = new FakeDriver(0);
    const wheel = new TimerWheel(driver, 4);
    const timers = Array.from({ length: 1000 }, (_, i) => wheel.set(1000 + i, () => expect.unreachable()));
    expect(driver.sets).toBe(1);
    for (const timer of timers) timer.cancel();
    expect(driver.wakeMs).toBe(Number.POSITIVE_INFINITY);
  });
});
