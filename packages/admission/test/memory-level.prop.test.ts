import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkMarks, MemoryLevel, type MemoryMarks, nextLevel } from "../src/memory-level.ts";

const marks: fc.Arbitrary<MemoryMarks> = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 10, max: 100 }), { minLength: 3, maxLength: 3 }),
    fc.integer({ min: 0, max: 9 }),
  )
  .map(([all, slack]) => {
    const [soft = 0, hard = 0, full = 0] = [...all].sort((a, b) => a - b);
    return { soft: soft / 100, hard: hard / 100, full: full / 100, slack: slack / 100 };
  });
const ratio = fc.integer({ min: 0, max: 120 }).map((percent) => percent / 100);
const level = fc.constantFrom(0, 1, 2, 3);

/** The level of a ratio by itself. */
function levelOf(at: number, { soft, hard, full }: MemoryMarks): number {
  if (at >= full) return MemoryLevel.Full;
  if (at >= hard) return MemoryLevel.Hard;
  return at >= soft ? MemoryLevel.Soft : MemoryLevel.Calm;
}

describe("nextLevel", () => {
  it("rises at once, and never above what the ratio says", () => {
    fc.assert(
      fc.property(marks, level, ratio, (each, from, at) => {
        const next = nextLevel(from, at, each);
        expect(next).toBeGreaterThanOrEqual(levelOf(at, each));
        expect(next).toBeLessThanOrEqual(Math.max(from, levelOf(at, each)));
      }),
      { numRuns: 1000 },
    );
  });

  it("falls only when the ratio is the slack below the mark, and then as far as that goes", () => {
    fc.assert(
      fc.property(marks, level, ratio, (each, from, at) => {
        const next = nextLevel(from, at, each);
        if (next >= from) return;
        const begins = [0, each.soft, each.hard, each.full];
        // Of every level that was left, the mark less the slack lies above or at the ratio.
        for (let left = from; left > next; left--)
          expect(at).toBeLessThanOrEqual((begins[left] as number) - each.slack);
        if (next > 0 && next > levelOf(at, each)) expect(at).toBeGreaterThan((begins[next] as number) - each.slack);
      }),
      { numRuns: 1000 },
    );
  });

  it("stays where it is while the ratio does", () => {
    fc.assert(
      fc.property(marks, level, ratio, (each, from, at) => {
        const once = nextLevel(from, at, each);
        expect(nextLevel(once, at, each)).toBe(once);
      }),
    );
  });

  it("does not come and go with a ratio that swings by less than the slack", () => {
    fc.assert(
      fc.property(marks, fc.array(fc.integer({ min: 0, max: 99 }), { maxLength: 50 }), (each, swings) => {
        if (each.slack === 0) return;
        let now: number = nextLevel(0, each.hard, each);
        for (const swing of swings) {
          now = nextLevel(now, each.hard - (each.slack * swing) / 100, each);
          expect(now).toBe(MemoryLevel.Hard);
        }
      }),
    );
  });
});

describe("checkMarks", () => {
  it("takes marks that rise, and no others", () => {
    fc.assert(
      fc.property(marks, (each) => {
        expect(() => checkMarks(each)).not.toThrow();
      }),
    );
    for (const wrong of [
      { soft: 0, hard: 0.5, full: 0.9, slack: 0 },
      { soft: 0.5, hard: 0.5, full: 0.9, slack: 0 },
      { soft: 0.5, hard: 0.9, full: 0.8, slack: 0 },
      { soft: 0.5, hard: 0.9, full: 1.1, slack: 0 },
      { soft: 0.5, hard: 0.8, full: 0.9, slack: 0.5 },
      { soft: Number.NaN, hard: 0.8, full: 0.9, slack: 0 },
    ]) {
      expect(() => checkMarks(wrong)).toThrow(RangeError);
    }
  });
});
