import { describe, expect, it } from "vitest";
import { mixed, textHash } from "../src/text-hash.ts";

describe("the hash of a text", () => {
  it("is MurmurHash3 of its UTF-16, so that every process on every machine agrees", () => {
    // From an implementation of its own, over the same bytes.
    for (const [text, seed, hash] of [
      ["", 0, 0],
      ["", 1, 0x514e28b7],
      ["a", 0, 0x6f49d11a],
      ["ab", 0, 0x165860ca],
      ["user-42", 0, 0xa121b969],
      ["10.0.0.1:80", 0x2545f491, 0x1346333a],
      ["ключ €😀", 7, 0xf8408e8f],
    ] as const) {
      expect(textHash(text, seed)).toBe(hash);
    }
  });

  it("spreads texts that are much alike evenly", () => {
    const keys = 200_000;
    const buckets = 1024;
    for (const seed of [0, 1]) {
      const counts = new Float64Array(buckets);
      for (let i = 0; i < keys; i++) {
        const at = textHash(`user-${i}`, seed) >>> 22;
        counts[at] = (counts[at] as number) + 1;
      }
      const mean = keys / buckets;
      const chi2 = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
      // Five standard deviations of chi-squared with 1023 degrees of freedom.
      expect(Math.abs(chi2 - (buckets - 1))).toBeLessThan(5 * Math.sqrt(2 * (buckets - 1)));
    }
  });

  it("mixes numbers without losing any", () => {
    const seen = new Set<number>();
    for (let i = 0; i < 100_000; i++) seen.add(mixed(i));
    expect(seen.size).toBe(100_000);
    expect(Math.min(...[...seen].slice(0, 1000))).toBeGreaterThanOrEqual(0);
  });
});
