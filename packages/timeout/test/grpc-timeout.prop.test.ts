import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readGrpcTimeout, showGrpcTimeout } from "../src/index.ts";

const arbText = fc.tuple(fc.integer({ min: 1, max: 99_999_999 }), fc.constantFrom("n", "u", "m", "S", "M", "H"));
const longestMs = 99_999_999 * 3_600_000;
const arbLeft = fc.oneof(
  fc.double({ min: 1e-6, max: longestMs, noNaN: true }),
  fc.double({ min: 1e-6, max: 1000, noNaN: true }),
  fc.integer({ min: 1, max: 1e9 }),
);

describe("grpc-timeout", () => {
  it("is a count and a unit", () => {
    const read = ["1n", "1u", "1m", "1S", "1M", "1H", "0m", "00000250m", "99999999H"].map(readGrpcTimeout);
    expect(read).toEqual([1e-6, 1e-3, 1, 1000, 60_000, 3_600_000, 0, 250, longestMs]);
  });

  it("keeps its time when it is written again, in whatever unit", () => {
    fc.assert(
      fc.property(arbText, ([count, unit]) => {
        const ms = readGrpcTimeout(`${count}${unit}`);
        expect(ms).toBeDefined();
        const again = showGrpcTimeout(ms as number);
        expect(again).toMatch(/^[1-9]\d{0,7}[numSMH]$/);
        expect(readGrpcTimeout(again as string)).toBe(ms);
        // Its own writing is final.
        expect(showGrpcTimeout(readGrpcTimeout(again as string) as number)).toBe(again);
      }),
      { numRuns: 1000 },
    );
  });

  it("C22: is never more than is left, and less by one of its units at most", () => {
    fc.assert(
      fc.property(arbLeft, (leftMs) => {
        const text = showGrpcTimeout(leftMs) as string;
        const ms = readGrpcTimeout(text) as number;
        expect(ms).toBeLessThanOrEqual(leftMs);
        expect(leftMs - ms).toBeLessThan((readGrpcTimeout(`1${text.at(-1)}`) as number) * (1 + 1e-9));
        expect(ms).toBeGreaterThan(leftMs * 0.98 - 1e-6);
      }),
      { numRuns: 1000 },
    );
  });

  it("is written in the finest unit that has room for it", () => {
    const written = [0.5, 99.999999, 100, 99_999.999, 100_000, 99_999_999, 1e8, 99_999_999_000, 1e11].map(
      showGrpcTimeout,
    );
    expect(written).toEqual([
      "500000n",
      "99999999n",
      "100000u",
      "99999999u",
      "100000m",
      "99999999m",
      "100000S",
      "99999999S",
      "1666666M",
    ]);
    expect([6e12, 99_999_999 * 60_000].map(showGrpcTimeout)).toEqual(["1666666H", "99999999M"]);
  });

  it("is the least or the most that the wire can say beyond its range, and no header without a limit", () => {
    expect([1e-7, 0, -0, -1, -1e300].map(showGrpcTimeout)).toEqual(["1n", "1n", "1n", "1n", "1n"]);
    expect([longestMs, longestMs + 3_600_000, 1e300].map(showGrpcTimeout)).toEqual(Array(3).fill("99999999H"));
    expect(showGrpcTimeout(Number.POSITIVE_INFINITY)).toBeUndefined();
    expect(showGrpcTimeout(Number.NaN)).toBeUndefined();
  });

  it("C21: is absent where the text is anything else", () => {
    const odd = [
      "",
      "5",
      "m",
      "5 m",
      " 5m",
      "5m ",
      "5ms",
      "-5m",
      "+5m",
      "5.0m",
      "NaNm",
      "100000000n",
      "5s",
      "5h",
      "５m",
      "5m\n",
    ];
    for (const text of odd) expect(readGrpcTimeout(text)).toBeUndefined();
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        if (!/^\d{1,8}[numSMH]$/.test(text)) expect(readGrpcTimeout(text)).toBeUndefined();
      }),
    );
  });
});
