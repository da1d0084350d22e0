import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CallWindow } from "../src/call-window.ts";

describe("CallWindow", () => {
  it("counts exactly the calls of the last ten slices of the clock, at any pace", () => {
    const arbCall = fc.record({
      dtMs: fc.oneof(fc.constantFrom(0, 1, 9, 10, 11, 89, 90, 91, 99, 100, 101, 1_000), fc.nat(300)),
      bad: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(100, 33, 12_345.5),
        fc.constantFrom(0, 5, 1_000_007.25),
        fc.array(arbCall, { maxLength: 80, size: "max" }),
        (windowMs, startMs, calls) => {
          const window = new CallWindow(windowMs);
          const sliceOf = (ms: number): number => Math.floor(ms / (windowMs / 10));
          const seen: { slice: number; bad: boolean }[] = [];
          let nowMs = startMs;
          for (const { dtMs, bad } of calls) {
            nowMs += dtMs;
            window.add(nowMs, bad);
            seen.push({ slice: sliceOf(nowMs), bad });
            const recent = seen.filter((each) => sliceOf(nowMs) - each.slice < 10);
            expect(window.total).toBe(recent.length);
            expect(window.bad).toBe(recent.filter((each) => each.bad).length);
          }
        },
      ),
    );
  });

  it("forgets everything when it is reset, and counts on from there", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { maxLength: 20 }), fc.array(fc.nat(5), { maxLength: 10 }), (before, after) => {
        const window = new CallWindow(100);
        let nowMs = 0;
        const passed = (ms: number): number => {
          nowMs += ms;
          return nowMs;
        };
        for (const ms of before) window.add(passed(ms), true);
        window.reset();
        expect([window.total, window.bad]).toEqual([0, 0]);
        after.forEach((ms, i) => {
          window.add(passed(ms), i % 2 === 0);
          expect([window.total, window.bad]).toEqual([i + 1, Math.floor(i / 2) + 1]);
        });
      }),
    );
  });

  it("forgets the slice of ten slices ago, be it the first of the clock, and costs no more after a long rest", () => {
    const window = new CallWindow(100);
    window.add(0, true);
    window.add(99, false);
    expect([window.total, window.bad]).toEqual([2, 1]);
    window.add(100, false);
    expect([window.total, window.bad]).toEqual([2, 0]);
    window.add(1e15, true);
    expect([window.total, window.bad]).toEqual([1, 1]);
  });

  it("takes a clock that steps back for one that stands still", () => {
    const window = new CallWindow(100);
    window.add(1_000, true);
    window.add(500, false);
    expect([window.total, window.bad]).toEqual([2, 1]);
    window.add(1_099, false);
    expect(window.total).toBe(3);
    window.add(1_100, false);
    expect([window.total, window.bad]).toEqual([2, 0]);
  });
});
