import { arbScript } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PercentileWindow } from "../src/index.ts";

const sliceMs = 10_000;
const slices = 3;

/** How far apart the edges of the bucket are that such a latency falls into. */
function widthAt(ms: number): number {
  return ms <= 128 ? 1 : 2 ** Math.ceil(Math.log2(ms / 128));
}

const arbLatencyMs = fc.oneof(
  fc.integer({ min: 0, max: 2_100 }),
  fc.constantFrom(0, 1, 127, 128, 129, 130, 256, 257, 511, 512, 513, 1_024, 1_025, 1_999, 2_000, 2_001, 60_000),
  fc.double({ min: 0, max: 2_500, noNaN: true }),
);
const arbQ = fc.oneof(fc.constantFrom(0, 0.5, 0.9, 0.95, 0.99, 0.999, 1), fc.double({ min: 0, max: 1, noNaN: true }));

describe("PercentileWindow", () => {
  it("is within one bucket of the sorted array of what was recorded in the last 20 to 30 s, and never below", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 123_456.78, -25_000),
        arbScript(arbLatencyMs, { windowMs: sliceMs, maxLength: 80 }),
        fc.constantFrom(0, 1, 9_999, 10_000, 19_999, 20_000, 29_999, 30_000, 1e9),
        arbQ,
        (startMs, script, laterMs, q) => {
          const window = new PercentileWindow(sliceMs, slices);
          const recorded: { atMs: number; ms: number }[] = [];
          let nowMs = startMs;
          for (const { dtMs, event } of script) {
            nowMs += dtMs;
            window.add(nowMs, event);
            recorded.push({ atMs: nowMs, ms: Math.min(Math.ceil(event), 2_000) });
          }
          nowMs += laterMs;
          const oldestMs = (Math.floor(nowMs / sliceMs) - slices + 1) * sliceMs;
          const sorted = recorded
            .filter(({ atMs }) => atMs >= oldestMs)
            .map(({ ms }) => ms)
            .sort((a, b) => a - b);
          const found = window.percentile(nowMs, q);
          if (sorted.length === 0) {
            expect(found).toBeUndefined();
            return;
          }
          const rank = Math.max(Math.ceil(q * sorted.length * (1 - 1e-12)), 1);
          const exact = sorted[rank - 1] as number;
          expect(found).toBeGreaterThanOrEqual(exact);
          expect((found as number) - exact).toBeLessThan(widthAt(exact));
          // No larger share than asked for lies above it.
          const above = sorted.filter((ms) => ms > (found as number)).length;
          expect(above).toBeLessThanOrEqual(sorted.length - rank);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("tells whole milliseconds apart up to 128, and has its buckets' upper edges above", () => {
    const edges = [0, 1, 0.2, 128, 128.5, 130, 131, 256, 257, 260, 261, 1_024, 1_025, 1_040, 1_985, 2_000, 9_999].map(
      (ms) => {
        const window = new PercentileWindow(sliceMs, slices);
        window.add(0, ms);
        return window.percentile(0, 1);
      },
    );
    expect(edges).toEqual([0, 1, 1, 128, 130, 130, 132, 256, 260, 260, 264, 1_024, 1_040, 1_040, 2_000, 2_000, 2_000]);
  });

  it("counts what is recorded for more than 20 s, and for no more than 30", () => {
    const window = new PercentileWindow(sliceMs, slices);
    window.add(10_000, 7);
    expect(window.percentile(39_999, 0.5)).toBe(7);
    expect(window.percentile(40_000, 0.5)).toBeUndefined();
    window.add(19_999, 8);
    expect(window.percentile(39_999, 1)).toBe(8);
    expect(window.percentile(40_000, 1)).toBeUndefined();
  });
});
