import { asError, Ctx, failed, ok } from "@weftmesh/core";
import { type Answer, answerFail, answerOk, seededRng } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { aperture, type BalancerKind, heap, leastLoaded, peakEwma, roundRobin } from "../src/index.ts";
import { bound, Cluster } from "./cluster.ts";

interface Run {
  readonly success: number;
  readonly p50: number;
  readonly p999: number;
  /** Share of the bad node over the whole run. */
  readonly badShare: number;
}

/**
 * Eleven backends of about 167 ms, 1,000 requests a second for 60 s in virtual time; the last backend is bad from 15 s
 * to 45 s. A success is an answer within a second. Source: the experiment of Linkerd's "Beyond Round Robin".
 */
async function simulate(kind: BalancerKind, seed: number, bad: () => Answer<string>): Promise<Run> {
  const rng = seededRng(seed);
  const normal = (): number => {
    const radius = Math.sqrt(-2 * Math.log(1 - rng.next()));
    return 167 + 5 * radius * Math.cos(2 * Math.PI * rng.next());
  };
  const cluster: Cluster = new Cluster(kind, bound(...Array.from({ length: 11 }, (_, n) => n)), {
    seed,
    script: (where) => {
      const nowMs = cluster.clock.now();
      if (where === "10.0.0.10:80" && nowMs >= 15_000 && nowMs < 45_000) return bad();
      return answerOk("rep", normal());
    },
  });
  const latencies: number[] = [];
  let successes = 0;
  const total = 60_000;
  let sent = 0;
  const send = (): void => {
    if (++sent < total) cluster.clock.after(1, send);
    const ctx = new Ctx();
    const fromMs = cluster.clock.now();
    cluster.service.call("req", ctx).then(
      (rep) => {
        const ms = cluster.clock.now() - fromMs;
        latencies.push(ms);
        if (ms < 1000) successes++;
        ctx.respond(rep);
        ctx.end(ok);
      },
      (error: unknown) => ctx.end(failed(asError(error))),
    );
  };
  cluster.clock.after(1, send);
  await cluster.clock.advance(70_000);
  latencies.sort((a, b) => a - b);
  return {
    success: successes / total,
    p50: latencies[Math.floor(latencies.length * 0.5)] as number,
    p999: latencies[Math.floor(latencies.length * 0.999)] as number,
    badShare: (cluster.endpoint(10)?.calls.length ?? 0) / total,
  };
}

describe("one slow backend of eleven", () => {
  const slow = (): Answer<string> => answerOk("rep", 2000);

  it("G3: costs about 0.1 % of the answers within a second with peak EWMA", { timeout: 60_000 }, async () => {
    const run = await simulate(peakEwma(), 1, slow);
    expect(run.success).toBeGreaterThanOrEqual(0.9985);
    expect(run.p999).toBeLessThan(200);
    expect(Math.abs(run.p50 - 167)).toBeLessThan(2);
  });

  it("costs about 0.5 % with least load", { timeout: 60_000 }, async () => {
    const run = await simulate(leastLoaded(), 1, slow);
    expect(run.success).toBeGreaterThanOrEqual(0.993);
    expect(run.success).toBeLessThanOrEqual(0.997);
  });
});

describe("one slow backend of eleven, by other kinds", () => {
  const slow = (): Answer<string> => answerOk("rep", 2000);

  it("costs its eleventh of the time with round robin", { timeout: 60_000 }, async () => {
    const run = await simulate(roundRobin(), 1, slow);
    expect(run.success).toBeGreaterThan(0.953);
    expect(run.success).toBeLessThan(0.956);
    // Turns do not vary.
    expect(Math.abs(run.badShare - 1 / 11)).toBeLessThan(1e-4);
  });

  it("costs about 0.45 % with a heap, and with an aperture as with least load", { timeout: 60_000 }, async () => {
    const run = await simulate(heap(), 1, slow);
    expect(run.success).toBeGreaterThanOrEqual(0.995);
    expect(run.success).toBeLessThanOrEqual(0.996);
    // 167 calls in flight are more than 2 for each of 11: all are in use.
    const other = await simulate(aperture(), 1, slow);
    expect(other.success).toBeGreaterThanOrEqual(0.993);
    expect(other.success).toBeLessThanOrEqual(0.997);
  });
});

describe("one backend of eleven that fails at once", () => {
  const fails = (): Answer<string> => answerFail([], 1);

  it("gets next to nothing with peak EWMA, since a failure counts as slow", { timeout: 60_000 }, async () => {
    const run = await simulate(peakEwma(), 1, fails);
    expect(run.success).toBeGreaterThanOrEqual(0.999);
  });

  it("gets nearly all calls while it fails with a heap, to which it looks idle", { timeout: 60_000 }, async () => {
    const run = await simulate(heap(), 1, fails);
    expect(run.success).toBeGreaterThan(0.5);
    expect(run.success).toBeLessThan(0.56);
  });

  it("gets its two of eleven when failures count by their time: the reason for the penalty", {
    timeout: 60_000,
  }, async () => {
    const run = await simulate(peakEwma({ failurePenaltyMs: 0 }), 1, fails);
    expect(run.success).toBeGreaterThan(0.89);
    expect(run.success).toBeLessThan(0.93);
  });
});
