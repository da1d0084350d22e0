import { ManualClock, MemoryStats } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { OverloadGuard, type OverloadGuardOptions, socketsWithin } from "../src/index.ts";

function guard(options: Partial<OverloadGuardOptions> = {}): {
  guard: OverloadGuard;
  clock: ManualClock;
  stats: MemoryStats;
  memory: { ratio: number; looks: number };
} {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const memory = {
    at: 0,
    looks: 0,
    get ratio() {
      this.looks++;
      return this.at;
    },
    set ratio(ratio: number) {
      this.at = ratio;
    },
  };
  const made = new OverloadGuard({
    clock,
    stats,
    memoryUse: memory,
    memoryMarks: { soft: 0.8, hard: 0.9, full: 0.97, slack: 0.05 },
    maxConnections: 3,
    maxSockets: () => 10,
    intervalMs: 100,
    ...options,
  });
  return { guard: made, clock, stats, memory };
}

describe("OverloadGuard", () => {
  it("looks at the memory while there are connections, and then no more", async () => {
    const { guard: one, clock, memory } = guard();
    await clock.advance(1000);
    expect(memory.looks).toBe(0);
    one.opened();
    one.opened();
    await clock.advance(1000);
    expect(memory.looks).toBe(11);
    one.closed();
    await clock.advance(100);
    expect(memory.looks).toBe(12);
    one.closed();
    await clock.advance(1000);
    expect(memory.looks).toBe(12);
  });

  it("F15: gives up connections first, then requests, then connections to come, and takes all again", async () => {
    const { guard: one, clock, memory } = guard();
    one.opened();
    const seen: unknown[] = [];
    for (const ratio of [0.5, 0.8, 0.9, 0.97, 0.93, 0.86, 0.85, 0.76, 0.75, 0.1]) {
      memory.ratio = ratio;
      await clock.advance(100);
      seen.push([ratio, one.keepsNone, one.refusal !== undefined, one.admits(0)]);
    }
    expect(seen).toEqual([
      [0.5, false, false, true],
      [0.8, true, false, true],
      [0.9, true, true, true],
      [0.97, true, true, false],
      [0.93, true, true, false],
      [0.86, true, true, true],
      [0.85, true, false, true],
      [0.76, true, false, true],
      [0.75, false, false, true],
      [0.1, false, false, true],
    ]);
  });

  it("refuses with an error that says how much is in use, and counts", async () => {
    const { guard: one, clock, stats, memory } = guard();
    one.opened();
    memory.ratio = 0.95;
    await clock.advance(100);
    const error = one.refuse();
    expect([error?.code, error?.message, error?.has("rejected"), error?.has("retryable")]).toEqual([
      "WEFT_OVERLOAD",
      "refused: 95 % of this server's memory is in use",
      true,
      true,
    ]);
    expect(stats.readCounter("refused_requests")).toBe(1);
  });

  it("F14: takes no connection beyond its own limit, nor with too few descriptors left", () => {
    const { guard: one, stats } = guard();
    for (let i = 0; i < 3; i++) {
      expect(one.admits(i)).toBe(true);
      one.opened();
    }
    expect(one.admits(3)).toBe(false);
    one.closed();
    expect(one.admits(9)).toBe(true);
    expect(one.admits(10)).toBe(false);
    expect(stats.readCounter("refused_connections")).toBe(2);
  });

  it("leaves no gauge and no timer behind", async () => {
    const { guard: one, clock, memory } = guard();
    one.opened();
    one.close();
    await clock.advance(1000);
    expect(memory.looks).toBe(1);
  });
});

describe("socketsWithin", () => {
  const text = (soft: string): string =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft}                 4096                 files     \n`;

  it("leaves a reserve for what is not a client", () => {
    expect(socketsWithin(text("256"), 40)).toBe(256 - 40 - 32);
    expect(socketsWithin(text("20000"), 40)).toBe(20_000 - 40 - 2500);
    expect(socketsWithin(text("32"), 40)).toBe(1);
  });

  it("knows no limit where the system tells none", () => {
    expect(socketsWithin(text("unlimited"), 40)).toBe(Number.POSITIVE_INFINITY);
    expect(socketsWithin("", 40)).toBe(Number.POSITIVE_INFINITY);
  });
});
