import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AcceptRate, RecentCount } from "../src/accept-rate.ts";

const arbGapMs = fc.constantFrom(0, 1, 50, 99, 100, 101, 899, 900, 901, 999, 1000, 1001, 60_000);

describe("RecentCount", () => {
  it("counts exactly what falls into the ten last tenths of a second", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ gapMs: arbGapMs, adds: fc.boolean() }), { maxLength: 60 }),
        fc.constantFrom(0, 37.5, 1e9),
        (steps, startMs) => {
          const count = new RecentCount();
          const added: number[] = [];
          let nowMs = startMs;
          for (const { gapMs, adds } of steps) {
            nowMs += gapMs;
            if (adds) {
              count.add(nowMs);
              added.push(nowMs);
            }
            const first = Math.floor(nowMs / 100) - 9;
            expect(count.sum(nowMs)).toBe(added.filter((each) => Math.floor(each / 100) >= first).length);
          }
        },
      ),
    );
  });
});

describe("AcceptRate", () => {
  it("is the mean over time of what was heard: each answer stands for the time since the one before", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ gapMs: arbGapMs, accepted: fc.boolean() }), { maxLength: 60 }),
        fc.constantFrom(1, 1000, 120_000),
        (steps, windowMs) => {
          const rate = new AcceptRate(windowMs, 500);
          expect(rate.value).toBe(1);
          const heard: { readonly fromMs: number; readonly toMs: number; readonly accepted: boolean }[] = [];
          let nowMs = 500;
          for (const { gapMs, accepted } of steps) {
            heard.push({ fromMs: nowMs, toMs: nowMs + gapMs, accepted });
            nowMs += gapMs;
            rate.update(accepted, nowMs);
            // Before the first answer everything was well.
            let expected = Math.exp((500 - nowMs) / windowMs);
            for (const each of heard) {
              if (!each.accepted) continue;
              expected += Math.exp((each.toMs - nowMs) / windowMs) - Math.exp((each.fromMs - nowMs) / windowMs);
            }
            expect(rate.value).toBeCloseTo(expected, 9);
          }
        },
      ),
    );
  });

  it("does not follow a clock that goes back", () => {
    const rate = new AcceptRate(1000, 500);
    rate.update(false, 400);
    expect(rate.value).toBe(1);
  });
});
