import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readTwitterDuration } from "../src/twitter-duration.ts";

describe("readTwitterDuration", () => {
  it("reads numbers with units, in one and many, and sums of them", () => {
    const read: Record<string, number> = {
      "1.second": 1_000,
      "10.seconds": 10_000,
      "500.ms": 500,
      "2.minutes": 120_000,
      "1.hour + 30.minutes": 5_400_000,
      "3.s": 3_000,
      "250milliseconds": 250,
      "0.seconds": 0,
    };
    for (const [text, ms] of Object.entries(read)) expect([text, readTwitterDuration(text)]).toEqual([text, ms]);
  });

  it("reads nothing else", () => {
    for (const text of [
      "",
      "10",
      "seconds",
      "-1.seconds",
      "1.5.seconds",
      "1.fortnight",
      "1.seconds+",
      "99999999.days",
    ]) {
      expect([text, readTwitterDuration(text)]).toEqual([text, undefined]);
    }
  });

  it("reads any whole number of any unit as that many of it", () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.constantFrom<[string, number]>(["ms", 1], ["seconds", 1e3], ["minute", 6e4]),
        (n, [unit, ms]) => {
          const expected = n * ms;
          expect(readTwitterDuration(`${n}.${unit}`)).toBe(expected <= 366 * 864e5 ? expected : undefined);
        },
      ),
    );
  });
});
