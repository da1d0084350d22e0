import { describe, expect, it } from "vitest";
import { durationText } from "../src/index.ts";

describe("a duration in Finagle's words", () => {
  it.each([
    [0, "0.seconds"],
    [1, "1.milliseconds"],
    [10_000, "10.seconds"],
    [1500, "1.seconds+500.milliseconds"],
    [60_000, "1.minutes"],
    [90_061_001, "1.days+1.hours+1.minutes+1.seconds+1.milliseconds"],
  ])("%i ms is %s", (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});
