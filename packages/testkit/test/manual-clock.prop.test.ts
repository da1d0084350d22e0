import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../src/index.ts";

describe("ManualClock", () => {
  it("fires what is due in the order of due time and then of setting, at the very moment it is due", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ ms: fc.nat({ max: 50 }), inner: fc.option(fc.nat({ max: 50 })), cancel: fc.boolean() })),
        fc.array(fc.nat({ max: 40 })),
        async (plan, steps) => {
          const clock = new ManualClock(1000);
          const fired: [number, number][] = [];
          const expected: [number, number][] = [];
          plan.forEach(({ ms, inner, cancel }, i) => {
            const timer = clock.after(ms, () => {
              fired.push([clock.now(), i]);
              if (inner !== null) clock.after(inner, () => void fired.push([clock.now(), i + 0.5]));
            });
            if (cancel) timer.cancel();
            else {
              expected.push([1000 + ms, i]);
              if (inner !== null) expected.push([1000 + ms + inner, i + 0.5]);
            }
          });
          expect(clock.armed).toBe(plan.filter((each) => !each.cancel).length);
          for (const ms of steps) await clock.advance(ms);
          await clock.advance(100);
          expect(fired.map(([at]) => at)).toEqual([...fired.map(([at]) => at)].sort((a, b) => a - b));
          expect([...fired].sort()).toEqual(expected.sort());
          for (let i = 1; i < fired.length; i++) {
            const [[at, a], [then, b]] = [fired[i - 1] as [number, number], fired[i] as [number, number]];
            // Of those set at the start, in the same ms, the earlier one first.
            if (at === then && Number.isInteger(a) && Number.isInteger(b)) expect(a).toBeLessThan(b);
          }
          expect(clock.armed).toBe(0);
        },
      ),
    );
  });

  it("lets promises settle before the first timer and after each", async () => {
    const clock = new ManualClock();
    const log: string[] = [];
    void Promise.resolve().then(() => log.push("before"));
    for (const name of ["a", "b"]) {
      clock.after(1, () => {
        log.push(name);
        void Promise.resolve()
          .then(() => {})
          .then(() => log.push(`after ${name}`));
      });
    }
    await clock.advance(1);
    expect(log).toEqual(["before", "a", "after a", "b", "after b"]);
  });

  it("never fires within after, keeps the calendar in step, and refuses to go back", async () => {
    const clock = new ManualClock(5, 1_000_000);
    let fired = 0;
    clock.after(0, () => fired++);
    clock.after(-5, () => fired++);
    expect(fired).toBe(0);
    await clock.advance(0);
    expect(fired).toBe(2);
    await clock.advance(7.5);
    expect([clock.now(), clock.epochMs()]).toEqual([12.5, 1_000_007]);
    await expect(clock.advance(-1)).rejects.toThrow(RangeError);
    await expect(clock.advance(Number.NaN)).rejects.toThrow(RangeError);
  });
});
