import { describe, expect, it } from "vitest";
import { KeyedBuckets } from "../src/keyed-buckets.ts";
import { BucketRate } from "../src/token-bucket.ts";

const second = 1_000_000;

function newBuckets(maxKeys: number): {
  buckets: KeyedBuckets;
  overflows(): number;
  allows(key: string | undefined, nowUs: number): boolean;
} {
  let overflows = 0;
  // A refill takes a second.
  const buckets = new KeyedBuckets(new BucketRate({ requestsPerSecond: 2 }), maxKeys, 0, () => overflows++);
  return {
    buckets,
    overflows: () => overflows,
    allows: (key, nowUs) => {
      const bucket = buckets.get(key, nowUs);
      if (bucket.waitUs(nowUs) > 0) return false;
      bucket.take(nowUs);
      return true;
    },
  };
}

describe("KeyedBuckets", () => {
  it("has one bucket for all without a key, beside those with one", () => {
    const { buckets, allows } = newBuckets(1);
    expect([allows(undefined, 0), allows(undefined, 0), allows(undefined, 0)]).toEqual([true, true, false]);
    expect(allows("", 0)).toBe(true);
    expect(allows("undefined", 0)).toBe(true);
    expect(buckets.size).toBe(1);
  });

  it("lets those without room share one bucket, and counts them", () => {
    const { allows, overflows } = newBuckets(1);
    expect(allows("a", 0)).toBe(true);
    expect([allows("b", 0), allows("c", 0), allows("d", 0), allows("b", 0)]).toEqual([true, true, false, false]);
    expect(allows("a", 0)).toBe(true);
    expect(overflows()).toBe(4);
  });

  it("forgets a key that has not come for two refills, and keeps one that has come since the last turn", () => {
    const { buckets, allows } = newBuckets(10);
    allows("a", 0);
    allows("b", second - 1);
    expect(buckets.size).toBe(2);
    allows("b", second);
    expect(buckets.size).toBe(2);
    allows("b", 2 * second);
    expect(buckets.size).toBe(1);
    // After two refills without anybody all of them are as good as new.
    allows("c", 4 * second);
    expect(buckets.size).toBe(1);
    allows("d", 4 * second);
    expect(buckets.size).toBe(2);
  });

  it("does not give a key that was refused for want of room a fresh bucket when there is some", () => {
    const { allows } = newBuckets(1);
    allows("a", 0);
    expect([allows("b", 1_999_999), allows("b", 1_999_999)]).toEqual([true, true]);
    // Now a is forgotten, and b has a bucket of its own: with what it has used.
    expect(allows("b", 2 * second)).toBe(false);
    expect(allows("b", 2_499_999)).toBe(true);
  });

  it("takes keys that begin alike for one when they are long", () => {
    const { buckets, allows } = newBuckets(10);
    const long = "k".repeat(256);
    expect([allows(`${long}1`, 0), allows(`${long}2`, 0), allows(`${long}3`, 0)]).toEqual([true, true, false]);
    expect(buckets.size).toBe(1);
    expect(allows("k".repeat(255), 0)).toBe(true);
    expect(buckets.size).toBe(2);
    expect(allows(long, 0)).toBe(false);
  });

  it("tells keys apart by every character, whatever it is", () => {
    const { buckets, allows } = newBuckets(10);
    for (const key of ["ä€😀", "\ud800", "a\u0000b"]) {
      expect([allows(key, 0), allows(key, 0), allows(key, 0)]).toEqual([true, true, false]);
    }
    expect(buckets.size).toBe(3);
  });

  it.each([0, -1, 1.5, Number.NaN])("does not keep %d keys", (maxKeys) => {
    expect(() => newBuckets(maxKeys)).toThrow(
      new RangeError(`rateLimit: maxKeys must be a whole number above 0, not ${maxKeys}`),
    );
  });
});
