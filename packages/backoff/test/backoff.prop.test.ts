import {
  type Backoff,
  concat,
  constant,
  decorrelatedJitter,
  equalJitter,
  exponential,
  fullJitter,
  jittered,
  linear,
  take,
} from "@weftmesh/backoff";
import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** The first waits of a backoff. */
function waits(backoff: Backoff, count: number, seed = 1): (number | undefined)[] {
  const rng = seededRng(seed);
  const all: (number | undefined)[] = [];
  let previous = 0;
  for (let attempt = 0; attempt < count; attempt++) {
    const ms = backoff.delayMs(attempt, previous, rng);
    all.push(ms);
    previous = ms ?? 0;
  }
  return all;
}

const arbRange = fc
  .tuple(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 0, max: 100_000 }))
  .map(([start, more]) => ({ start, max: start + more }));
const arbSeed = fc.integer();

const jitters: Readonly<Record<string, (start: number, max: number) => Backoff>> = {
  jittered,
  fullJitter,
  equalJitter,
  decorrelatedJitter,
};

describe("steady backoffs", () => {
  it("say what arithmetic says", () => {
    expect(waits(constant(7), 3)).toEqual([7, 7, 7]);
    expect(waits(linear(5, 10, 30), 5)).toEqual([5, 15, 25, 30, 30]);
    expect(waits(exponential(5, 2, 60), 6)).toEqual([5, 10, 20, 40, 60, 60]);
    expect(waits(exponential(0, 2, 60), 2000).every((ms) => ms === 0)).toBe(true);
    expect(constant(7).name).toBe("constant(7)");
    expect(linear(5, 10, 30).name).toBe("linear(5, 10, 30)");
    expect(exponential(5, 2, 60).name).toBe("exponential(5, 2, 60)");
  });

  it("refuse what is no time or no order", () => {
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => constant(bad)).toThrow(RangeError);
      expect(() => linear(1, bad, 2)).toThrow(RangeError);
      expect(() => linear(bad, 1, 2)).toThrow(RangeError);
      expect(() => exponential(1, 2, bad)).toThrow(RangeError);
      for (const make of Object.values(jitters)) {
        expect(() => make(bad, 5)).toThrow(RangeError);
        expect(() => make(5, bad)).toThrow(RangeError);
      }
    }
    expect(() => exponential(1, 0.9, 2)).toThrow(/factor must be a number from 1, not 0.9/);
    expect(() => exponential(1, Number.POSITIVE_INFINITY, 2)).toThrow(RangeError);
    expect(() => exponential(2, 1, 1)).toThrow(/maxMs must be at least startMs: 1 is below 2/);
    for (const make of Object.values(jitters)) expect(() => make(6, 5)).toThrow(RangeError);
    for (const make of Object.values(jitters)) expect(() => make(5, 5)).not.toThrow();
  });
});

describe("jitter", () => {
  it("stays from 0 to its cap, is the same for the same chance, and keeps nothing", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(jitters)), arbRange, arbSeed, (kind, { start, max }, seed) => {
        const backoff = (jitters[kind] as typeof jittered)(start, max);
        const first = waits(backoff, 40, seed);
        for (const ms of first) {
          expect(ms).toBeGreaterThanOrEqual(0);
          expect(ms).toBeLessThanOrEqual(max);
        }
        expect(waits(backoff, 40, seed)).toEqual(first);
        expect(backoff.name).toBe(`${kind}(${start}, ${max})`);
      }),
    );
  });

  it("as Linkerd has it begins with the least, never shrinks, and at most triples", () => {
    fc.assert(
      fc.property(arbRange, arbSeed, ({ start, max }, seed) => {
        const all = waits(jittered(start, max), 30, seed) as number[];
        expect(all[0]).toBe(start);
        for (let i = 1; i < all.length; i++) {
          const before = all[i - 1] as number;
          expect(all[i]).toBeGreaterThanOrEqual(before);
          expect(all[i]).toBeLessThanOrEqual(Math.max(3 * before, before));
        }
      }),
    );
  });

  it("in full lies below a cap that doubles", () => {
    fc.assert(
      fc.property(arbRange, arbSeed, ({ start, max }, seed) => {
        waits(fullJitter(start, max), 20, seed).forEach((ms, i) => {
          expect(ms).toBeLessThanOrEqual(Math.min(start * 2 ** i, max));
        });
      }),
    );
  });

  it("of equal parts begins with the start, and then lies in the upper half of a span that doubles", () => {
    fc.assert(
      fc.property(arbRange, arbSeed, ({ start, max }, seed) => {
        const all = waits(equalJitter(start, max), 20, seed) as number[];
        expect(all[0]).toBe(start);
        for (let i = 1; i < all.length; i++) {
          const half = start * 2 ** (i - 1);
          expect(all[i]).toBeGreaterThanOrEqual(Math.min(half, max));
          expect(all[i]).toBeLessThanOrEqual(Math.min(2 * half, max));
        }
      }),
    );
  });

  it("that is decorrelated begins with the base, and lies between it and three times the wait before", () => {
    fc.assert(
      fc.property(arbRange, arbSeed, ({ start, max }, seed) => {
        const all = waits(decorrelatedJitter(start, max), 30, seed) as number[];
        expect(all[0]).toBe(start);
        for (let i = 1; i < all.length; i++) {
          expect(all[i]).toBeGreaterThanOrEqual(start);
          expect(all[i]).toBeLessThanOrEqual(Math.min(Math.max(3 * (all[i - 1] as number), start), max));
        }
      }),
    );
  });

  it.each([
    ["jittered", jittered(5, 200), [5, 10, 20, 40, 77, 121, 155, 176, 188, 194]],
    ["equalJitter", equalJitter(5, 200), [5, 7.5, 15, 30, 60, 120, 195, 200, 200, 200]],
    ["fullJitter", fullJitter(5, 200), [2.5, 5, 10, 20, 40, 80, 100, 100, 100, 100]],
    ["decorrelatedJitter", decorrelatedJitter(5, 200), [5, 10, 17.5, 28.75]],
  ] as const)("%s: has the published means within 3 %%, over 20,000 runs", (_name, backoff, expected) => {
    const runs = 20_000;
    const rng = seededRng(42);
    const sums = expected.map(() => 0);
    for (let run = 0; run < runs; run++) {
      let previous = 0;
      for (let i = 0; i < expected.length; i++) {
        previous = backoff.delayMs(i, previous, rng) ?? Number.NaN;
        sums[i] = (sums[i] as number) + previous;
      }
    }
    expected.forEach((mean, i) => {
      const ratio = (sums[i] as number) / runs / mean;
      expect([i, ratio > 0.97 && ratio < 1.03, ratio]).toEqual([i, true, ratio]);
    });
  });
});

describe("sequences of backoffs", () => {
  it("take gives so many waits, and then says that there is to be no further try", () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(30), arbSeed, (length, asked, seed) => {
        const whole = waits(fullJitter(5, 100), asked, seed);
        const taken = waits(take(fullJitter(5, 100), length), asked, seed);
        expect(taken).toEqual(whole.map((ms, i) => (i < length ? ms : undefined)));
      }),
    );
    expect(take(constant(1), 3)).toMatchObject({ name: "constant(1) x 3", length: 3 });
    for (const bad of [-1, 1.5, Number.NaN]) expect(() => take(constant(1), bad)).toThrow(RangeError);
  });

  it("take of what ends is no longer than that, and concat of what ends ends too, so that either can go on", () => {
    fc.assert(
      fc.property(fc.nat(6), fc.nat(6), fc.nat(6), (first, cut, second) => {
        const short = take(take(constant(1), first), cut);
        expect(short.length).toBe(Math.min(first, cut));
        const both = concat(short, take(constant(2), second));
        expect(both.length).toBe(short.length + second);
        const expected = [...Array<number>(short.length).fill(1), ...Array<number>(second).fill(2), 3, 3];
        expect(waits(concat(both, constant(3)), expected.length)).toEqual(expected);
        expect(waits(both, both.length + 1).at(-1)).toBeUndefined();
      }),
    );
    expect("length" in concat(take(constant(1), 2), constant(3))).toBe(false);
  });

  it("concat gives all of the one and then the other, which begins anew", () => {
    fc.assert(
      fc.property(fc.nat(10), arbSeed, (length, seed) => {
        const rng = seededRng(seed);
        const both = concat(take(constant(500), length), jittered(5, 200));
        let previous = 0;
        for (let i = 0; i < length + 10; i++) {
          const ms = both.delayMs(i, previous, rng) as number;
          if (i < length) expect(ms).toBe(500);
          else if (i === length) expect(ms).toBe(5);
          else expect(ms).toBeLessThanOrEqual(200);
          previous = ms;
        }
      }),
    );
    const told: [number, number][] = [];
    const recording: Backoff = {
      name: "recording",
      delayMs: (attempt, previousMs) => {
        told.push([attempt, previousMs]);
        return 7;
      },
    };
    waits(concat(take(constant(500), 2), recording), 4);
    expect(told).toEqual([
      [0, 0],
      [1, 7],
    ]);
    expect(concat(take(constant(1), 2), constant(3)).name).toBe("constant(1) x 2, constant(3)");
    expect(waits(concat(take(constant(1), 1), take(constant(2), 1)), 3)).toEqual([1, 2, undefined]);
  });
});
