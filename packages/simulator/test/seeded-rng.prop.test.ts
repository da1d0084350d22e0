import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SeededRng, seededRng } from "../src/seeded-rng.ts";

function draw(rng: SeededRng, count: number): number[] {
  return Array.from({ length: count }, () => rng.next());
}

const seed = fc.oneof(fc.nat(), fc.string());

describe("seeded chance", () => {
  it("is the same for the same seed, in [0, 1), and another for another", () => {
    fc.assert(
      fc.property(seed, seed, (a, b) => {
        const numbers = draw(seededRng(a), 50);
        expect(draw(seededRng(a), 50)).toEqual(numbers);
        expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
        if (a === b) return;
        expect(draw(seededRng(b), 50)).not.toEqual(numbers);
        expect(draw(seededRng(b).stream("s"), 50)).not.toEqual(draw(seededRng(a).stream("s"), 50));
      }),
    );
  });

  it("gives streams that depend on seed and name alone, and differ from each other and from their source", () => {
    fc.assert(
      fc.property(seed, fc.string(), fc.string(), fc.nat(20), (from, a, b, before) => {
        fc.pre(a !== b);
        const source = seededRng(from);
        const fresh = draw(source.stream(a), 20);
        draw(source, before);
        draw(source.stream(b), before);
        expect(draw(source.stream(a), 20)).toEqual(fresh);
        expect(draw(source.stream(b), 20)).not.toEqual(fresh);
        expect(draw(seededRng(from), 20)).not.toEqual(fresh);
      }),
    );
  });

  it("is the same on every machine and in every version", () => {
    expect(draw(seededRng(1), 3)).toEqual([0.12511055387735703, 0.03954906213572007, 0.20597959254136278]);
    expect(draw(seededRng("a").stream("b"), 2)).toEqual([0.310182651809751, 0.5386940788563293]);
  });

  it("is even to 5 sigma, in its first digits, its last ones, and from one number to the next", () => {
    const rng = seededRng(7);
    const count = 200_000;
    const cells = 64;
    const first = new Array<number>(cells).fill(0);
    const last = new Array<number>(cells).fill(0);
    const pairs = new Array<number>(cells).fill(0);
    let before = rng.next();
    for (let i = 0; i < count; i++) {
      const value = rng.next();
      const at = Math.floor(value * cells);
      first[at] = (first[at] as number) + 1;
      const low = Math.floor(value * 2 ** 53) % cells;
      last[low] = (last[low] as number) + 1;
      const pair = Math.floor(before * 8) * 8 + Math.floor(value * 8);
      pairs[pair] = (pairs[pair] as number) + 1;
      before = value;
    }
    const mean = count / cells;
    const sigma = Math.sqrt(mean * (1 - 1 / cells));
    for (const cell of [...first, ...last, ...pairs]) expect(Math.abs(cell - mean)).toBeLessThan(5 * sigma);
  });
});
