import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Clock, systemClock } from "@weftmesh/core";
import { eventually, settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { systemEventLoopDelay, systemMemoryUse } from "../src/index.ts";
import { youngLimitBytes } from "../src/system-pressure.ts";

const here = dirname(fileURLToPath(import.meta.url));

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

describe("youngLimitBytes", () => {
  it("is what V8 takes for new objects, by the last option that says so", () => {
    const mb = 1024 * 1024;
    expect(youngLimitBytes([])).toBe(48 * mb);
    expect(youngLimitBytes(["--max-old-space-size=96", "--max-semi-space-size=4"])).toBe(12 * mb);
    expect(youngLimitBytes(["--max_semi_space_size=32", "--max-semi-space-size=64"])).toBe(192 * mb);
    expect(youngLimitBytes(["--max-semi-space-size=0"])).toBe(48 * mb);
  });
});

describe("systemMemoryUse", () => {
  it("F15: measures a small heap by what it really may hold, as V8 has it", async () => {
    const code =
      'import("@weftmesh/admission").then(({ systemMemoryUse }) => { const use = systemMemoryUse(); const kept = []; const before = use.ratio; for (let i = 0; i < 60000; i++) kept.push(new Array(50).fill(i + 0.5)); gc(); console.log(before, use.ratio, kept.length); })';
    const args = [
      "--max-old-space-size=64",
      "--expose-gc",
      "--import",
      "tsx",
      "--conditions=@weftmesh/source",
      "--input-type=module",
      "-e",
      code,
    ];
    const [before, after] = execFileSync(process.execPath, args, { cwd: here, encoding: "utf8" })
      .split(" ")
      .map(Number);
    expect(before).toBeGreaterThan(0);
    // 60,000 lists of 50 numbers are 25 MB or so, of 64.
    expect((after as number) - (before as number)).toBeGreaterThan(0.3);
    expect(after).toBeLessThan(1);
  });

  it("is the share of what the process may have, and above all of it where that is next to nothing", () => {
    const { ratio } = systemMemoryUse();
    expect(ratio).toBeGreaterThan(0);
    expect(ratio).toBeLessThan(1);
    expect(systemMemoryUse({ limitBytes: process.memoryUsage.rss() / 4 }).ratio).toBeGreaterThan(2);
  });
});
