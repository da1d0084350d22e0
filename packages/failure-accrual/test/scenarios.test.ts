import { describe, expect, it } from "vitest";
import { consecutiveFailures, FailureAccrualParam, none, unified } from "../src/index.ts";
import { BreakerCluster } from "./breaker-cluster.ts";

const linkerd1 = FailureAccrualParam.default;

describe("breakers below a balancer that heeds their status", () => {
  it("G1: with one good peer, a backend that flaps every 100 ms costs less than 1 % of the calls", async () => {
    const flaps = (endpoint: number, nowMs: number): boolean => endpoint === 1 && Math.floor(nowMs / 100) % 2 === 1;
    const success = await new BreakerCluster({ kind: linkerd1, size: 2, fails: flaps }).run(60_000, 300);
    expect(success).toBeGreaterThanOrEqual(0.99);
    const without = await new BreakerCluster({ kind: none, size: 2, fails: flaps }).run(60_000, 300);
    expect(without).toBeLessThan(0.8);
  });

  it("G2: with all backends dead every call still goes through to one, and time alone causes no work", async () => {
    const cluster = new BreakerCluster({ kind: linkerd1, size: 3, fails: () => true });
    expect(await cluster.run(10_000, 50)).toBe(0);
    expect(cluster.backends.reduce((sum, each) => sum + each.calls.length, 0)).toBe(500);
    await cluster.clock.advance(600_000);
    expect(cluster.clock.armed).toBe(0);
  });

  it("G4: a backend that always fails gets five calls, then one at each wait of 5 s to 300 s, jittered", async () => {
    const cluster = new BreakerCluster({ kind: linkerd1, size: 2, fails: (endpoint) => endpoint === 1 });
    await cluster.run(1_800_000, 5);
    const bad = cluster.backends[1]?.calls.map((call) => call.atMs) ?? [];
    const outMs = bad[4] as number;
    expect(bad.filter((atMs) => atMs <= outMs)).toHaveLength(5);
    const waits = cluster.events.map((event) => event.forMs);
    expect(waits[0]).toBe(5_000);
    for (let i = 1; i < 6; i++) {
      expect(waits[i]).toBeGreaterThanOrEqual(2_500 * 2 ** i);
      expect(waits[i]).toBeLessThan(5_000 * 2 ** i);
    }
    expect(waits.slice(7).every((ms) => ms === 300_000)).toBe(true);
    expect(bad).toHaveLength(5 + cluster.events.length - 1);
    expect(cluster.stats.readCounter("failure_accrual/probes")).toBe(cluster.events.length - 1);
    expect(cluster.stats.readCounter("failure_accrual/removals")).toBe(1);
    expect(cluster.stats.readCounter("failure_accrual/revivals")).toBe(0);
  });

  it("G5: a brown-out of 30 % in one of three hides from a row of five, and not from the ratio", async () => {
    const brown = (endpoint: number, _nowMs: number, chance: number): boolean => endpoint === 0 && chance < 0.3;
    const byRow = await new BreakerCluster({ kind: consecutiveFailures(5), size: 3, fails: brown }).run(60_000, 60);
    const cluster = new BreakerCluster({ kind: unified(), size: 3, fails: brown });
    const byRatio = await cluster.run(60_000, 60);
    expect(byRow).toBeLessThan(0.95);
    expect(byRatio).toBeGreaterThan(0.985);
    expect(cluster.events[0]).toMatchObject({ endpoint: "e0", kind: "ejected" });
    expect(cluster.events.every((event) => event.endpoint === "e0")).toBe(true);
  });

  it("G5: a brown-out of 30 % everywhere is no worse for being noticed: with all out, all are asked", async () => {
    const brown = (_endpoint: number, _nowMs: number, chance: number): boolean => chance < 0.3;
    const cluster = new BreakerCluster({ kind: unified(), size: 3, fails: brown });
    const success = await cluster.run(60_000, 60);
    expect(cluster.mostOut).toBe(3);
    expect(Math.abs(success - 0.7)).toBeLessThan(0.04);
  });

  it("G23: of ten that fail, five are out and never more, where half is the most", async () => {
    const cluster = new BreakerCluster({ kind: linkerd1, size: 10, fails: () => true, maxEjectionPercent: 50 });
    await cluster.run(30_000, 50);
    expect(cluster.mostOut).toBe(5);
    expect(cluster.ejections.out).toBe(5);
    expect(cluster.stats.readCounter("failure_accrual/refused")).toBeGreaterThan(100);
    const free = new BreakerCluster({ kind: linkerd1, size: 10, fails: () => true });
    await free.run(30_000, 50);
    expect(free.mostOut).toBe(10);
  });
});
