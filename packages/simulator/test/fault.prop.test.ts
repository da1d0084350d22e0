import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  brownOut,
  during,
  erring,
  type Fault,
  flapping,
  isActive,
  lessCapacity,
  nextChange,
  silent,
  since,
  slow,
  warmUp,
} from "../src/fault.ts";

const span = fc.tuple(fc.nat(500), fc.integer({ min: 1, max: 500 }));
const fault: fc.Arbitrary<Fault> = fc.oneof(
  span.map(([fromMs, forMs]) => during(fromMs, fromMs + forMs, silent())),
  fc.nat(500).map((fromMs) => since(fromMs, silent())),
  fc
    .tuple(span, fc.integer({ min: 2, max: 60 }), fc.nat())
    .map(([[fromMs, forMs], everyMs, down]) =>
      flapping({ everyMs, downMs: 1 + (down % (everyMs - 1)), fromMs, toMs: fromMs + forMs }, silent()),
    ),
);

describe("faults over time", () => {
  it("change only when they say that they next change, and then they do", () => {
    fc.assert(
      fc.property(fault, fc.nat(1200), (each, nowMs) => {
        const nextMs = nextChange(each, nowMs);
        expect(nextMs).toBeGreaterThan(nowMs);
        const now = isActive(each, nowMs);
        for (let ms = nowMs; ms < Math.min(nextMs, 2000); ms++) if (isActive(each, ms) !== now) expect.fail(`at ${ms}`);
        // At the start of a fault that flaps with what was before, nothing may change, save there.
        if (nextMs < 2000 && nextMs !== each.fromMs && nextMs !== each.toMs) expect(isActive(each, nextMs)).toBe(!now);
      }),
    );
  });

  it("are there from their start until before their end, and flap down first", () => {
    const each = during(10, 20, silent());
    expect([9, 10, 19, 20].map((ms) => isActive(each, ms))).toEqual([false, true, true, false]);
    const flap = flapping({ everyMs: 100, downMs: 30, fromMs: 50 }, silent());
    expect([49, 50, 79, 80, 149, 150].map((ms) => isActive(flap, ms))).toEqual([false, true, true, false, false, true]);
  });

  it("refuse shares, factors and spans that are none", () => {
    expect(() => erring({ rate: 1.1 })).toThrow(RangeError);
    expect(() => brownOut(-0.1)).toThrow(RangeError);
    expect(() => slow(0)).toThrow(RangeError);
    expect(() => warmUp(Number.NaN)).toThrow(RangeError);
    expect(() => lessCapacity(2)).toThrow(RangeError);
    expect(() => during(5, 5, silent())).toThrow(RangeError);
    expect(() => flapping({ everyMs: 5, downMs: 5 }, silent())).toThrow(RangeError);
  });
});
