import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RateWindow } from "../src/rate-window.ts";

/** What is shown to the window: some time and some bytes later; or nobody waits for them meanwhile. */
interface Look {
  readonly afterMs: number;
  readonly bytes: number;
  readonly rests: boolean;
}

const looks: fc.Arbitrary<readonly Look[]> = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 3_000 }),
    bytes: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_000 })),
    rests: fc.boolean().map((rests) => rests),
  }),
  { maxLength: 40 },
);
const windowMs = fc.integer({ min: 1, max: 5_000 });
const minPerSec = fc.integer({ min: 0, max: 1_000 });

/** All that was seen since measuring began, judged as the words of the class have it. */
function slowByModel(seen: readonly { atMs: number; total: number }[], window: number, min: number): boolean {
  // The windows follow on each other: each begins where the one before was judged.
  let [start] = seen;
  if (start === undefined) return false;
  let slow = false;
  for (const each of seen) {
    slow = false;
    const elapsed = each.atMs - start.atMs;
    if (elapsed < window) continue;
    const bytes = each.total - start.total;
    slow = bytes === 0 || bytes * 1000 < min * elapsed;
    if (slow) break;
    start = each;
  }
  return slow;
}

describe("RateWindow", () => {
  it("is as slow as a model that keeps all it has seen", () => {
    fc.assert(
      fc.property(looks, windowMs, minPerSec, (all, window, min) => {
        const rate = new RateWindow();
        let seen: { atMs: number; total: number }[] = [];
        let [atMs, total] = [0, 0];
        for (const { afterMs, bytes, rests } of all) {
          atMs += afterMs;
          total += bytes;
          if (rests) {
            rate.rest();
            seen = [];
            continue;
          }
          seen.push({ atMs, total });
          const slow = rate.isSlow(total, atMs, window, min);
          expect(slow).toBe(slowByModel(seen, window, min));
          // A connection that was too slow is closed.
          if (slow) return;
        }
      }),
      { numRuns: 500 },
    );
  });

  it("never takes a peer that keeps the pace for slow, and always one that sends nothing, within a window and a look", () => {
    fc.assert(
      fc.property(
        windowMs,
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: 1, max: 500 }),
        (window, min, everyMs) => {
          const [good, silent] = [new RateWindow(), new RateWindow()];
          let slowAt = -1;
          for (let atMs = 0; atMs < 4 * (window + everyMs); atMs += everyMs) {
            expect(good.isSlow(Math.ceil((min * atMs) / 1000) + atMs, atMs, window, min)).toBe(false);
            if (slowAt === -1 && silent.isSlow(0, atMs, window, min)) slowAt = atMs;
          }
          expect(slowAt).toBeGreaterThanOrEqual(window);
          expect(slowAt).toBeLessThan(window + everyMs);
        },
      ),
    );
  });
});
