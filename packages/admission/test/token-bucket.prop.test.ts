import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BucketRate, TokenBucket } from "../src/token-bucket.ts";
import { ExactBucket } from "./exact-bucket.ts";

const arbRate = fc.record({
  requestsPerSecond: fc.oneof(
    fc.constantFrom(1, 3, 7, 1000, 999_999_999, 1_000_000_000),
    fc.integer({ min: 1, max: 100 }),
  ),
  burst: fc.option(fc.constantFrom(1, 2, 3, 50, 1_000_000_000), { nil: undefined }),
});

const arbGapUs = fc.oneof(
  fc.constantFrom(0, 1, 333_333, 333_334, 999_999, 1_000_000, 1_000_001, 9_000_000_000_000_000),
  fc.nat(2_000_000),
);

describe("TokenBucket", () => {
  it("gives out exactly what arithmetic without bounds would, and says to the microsecond when it will", () => {
    fc.assert(
      fc.property(arbRate, fc.array(arbGapUs, { maxLength: 100 }), ({ requestsPerSecond, burst }, gapsUs) => {
        const options = burst === undefined ? { requestsPerSecond } : { requestsPerSecond, burst };
        const bucket = new TokenBucket(new BucketRate(options), 0);
        const exact = new ExactBucket(requestsPerSecond, burst ?? requestsPerSecond, 0);
        let nowUs = 0;
        for (const gapUs of gapsUs) {
          nowUs = Math.min(nowUs + gapUs, Number.MAX_SAFE_INTEGER);
          const waitUs = bucket.waitUs(nowUs);
          expect(waitUs).toBe(exact.waitUs(nowUs));
          if (waitUs > 0) continue;
          bucket.take(nowUs);
          exact.take(nowUs);
        }
      }),
    );
  });

  it("gives out no more than rate times span and a burst, over every span", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.nat(400_000), { maxLength: 200, size: "max" }),
        (requestsPerSecond, burst, gapsUs) => {
          const bucket = new TokenBucket(new BucketRate({ requestsPerSecond, burst }), 0);
          const taken: number[] = [];
          let nowUs = 0;
          for (const gapUs of gapsUs) {
            nowUs += gapUs;
            if (bucket.waitUs(nowUs) > 0) continue;
            bucket.take(nowUs);
            taken.push(nowUs);
          }
          // In parts of a request, so that nothing is rounded.
          let most = Number.NEGATIVE_INFINITY;
          for (let from = 0; from < taken.length; from++) {
            for (let to = from; to < taken.length; to++) {
              const spanUs = (taken[to] as number) - (taken[from] as number);
              most = Math.max(most, (to - from + 1) * 1_000_000 - spanUs * requestsPerSecond);
            }
          }
          expect(most).toBeLessThanOrEqual(burst * 1_000_000);
        },
      ),
    );
  });

  it("lets a request through exactly when it said, if no other came", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(10),
        (rate, burst, early) => {
          const bucket = new TokenBucket(new BucketRate({ requestsPerSecond: rate, burst }), 0);
          for (let i = 0; i < burst; i++) bucket.take(0);
          const waitUs = bucket.waitUs(early);
          expect(waitUs).toBeGreaterThan(0);
          expect(bucket.waitUs(early + waitUs - 1)).toBe(1);
          expect(bucket.waitUs(early + waitUs)).toBe(0);
        },
      ),
    );
  });

  it("is full again after the time that its rate says, rounded up to the microsecond", () => {
    expect(new BucketRate({ requestsPerSecond: 3 }).refillUs).toBe(1_000_000);
    expect(new BucketRate({ requestsPerSecond: 3, burst: 1 }).refillUs).toBe(333_334);
    expect(new BucketRate({ requestsPerSecond: 1, burst: 5 }).refillUs).toBe(5_000_000);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1_000_000_001])(
    "has no rate and no burst of %d",
    (wrong) => {
      expect(() => new BucketRate({ requestsPerSecond: wrong })).toThrow(
        new RangeError(`rateLimit: requestsPerSecond must be a whole number from 1 to 1000000000, not ${wrong}`),
      );
      expect(() => new BucketRate({ requestsPerSecond: 1, burst: wrong })).toThrow(
        new RangeError(`rateLimit: burst must be a whole number from 1 to 1000000000, not ${wrong}`),
      );
    },
  );
});
