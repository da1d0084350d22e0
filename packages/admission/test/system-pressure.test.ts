import { type Clock, systemClock } from "@weftmesh/core";
import { eventually, settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { systemEventLoopDelay, systemMemoryUse } from "../src/index.ts";

/** Keeps the loop from doing anything else, turn after turn. */
async function block(ms: number, turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    const untilMs = systemClock.now() + ms;
    while (systemClock.now() < untilMs);
    await settle();
  }
}

describe("systemEventLoopDelay", () => {
  it("F17: shows how long the loop was blocked, in the last span that is over, to whoever asks", async () => {
    let nowMs = 0;
    const clock: Clock = { now: () => nowMs, epochMs: () => 0, after: () => ({ cancel: () => {} }) };
    const delay = systemEventLoopDelay(clock);
    expect([delay.meanMs, delay.maxMs]).toEqual([0, 0]);
    await block(60, 4);
    nowMs = 99;
    expect([delay.meanMs, delay.maxMs]).toEqual([0, 0]);
    nowMs = 100;
    const { meanMs, maxMs } = delay;
    // The runtime may have looked 10 ms before the block began.
    expect(maxMs).toBeGreaterThan(40);
    expect(meanMs).toBeGreaterThan(0);
    expect(meanMs).toBeLessThanOrEqual(maxMs);
    // The runtime has not looked since: there is nothing new to tell.
    nowMs = 200;
    expect([delay.meanMs, delay.maxMs]).toEqual([meanMs, maxMs]);
    nowMs = 100;
    await block(15, 3);
    nowMs = 199;
    expect([delay.meanMs, delay.maxMs]).toEqual([meanMs, maxMs]);
    await eventually("the block is over", () => {
      nowMs += 100;
      return delay.maxMs < 40;
    });
    delay.close();
    await block(60, 4);
    nowMs += 100;
    expect(delay.maxMs).toBeLessThan(40);
  });
});

describe("systemMemoryUse", () => {
  it("is the share of what the process may have, and above all of it where that is next to nothing", () => {
    const { ratio } = systemMemoryUse();
    expect(ratio).toBeGreaterThan(0);
    expect(ratio).toBeLessThan(1);
    expect(systemMemoryUse({ limitBytes: process.memoryUsage.rss() / 4 }).ratio).toBeGreaterThan(2);
  });
});
