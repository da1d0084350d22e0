import { describe, expect, it } from "vitest";
import {
  backends,
  closedLoop,
  exponentialLatency,
  poissonArrivals,
  runExperiment,
  type TrafficResult,
} from "../src/index.ts";
import { overBalancer } from "./stacks.ts";

const serviceMs = 10;

/** A line of customers before `workers` of them who serve, each for an exponential time. */
function queue(options: {
  rps: number;
  workers: number;
  maxQueue?: number;
  requests: number;
  seed: number;
}): Promise<TrafficResult> {
  const { rps, workers, requests, seed } = options;
  const spec = { latency: exponentialLatency(serviceMs), workers };
  return runExperiment(
    {
      kind: "traffic",
      name: "queue",
      durationMs: (requests / rps) * 1000,
      tiers: [
        {
          name: "shop",
          backends: backends(1, options.maxQueue === undefined ? spec : { ...spec, maxQueue: options.maxQueue }),
        },
      ],
      load: { to: "shop", arrivals: poissonArrivals(rps), through: overBalancer() },
    },
    { seed },
  );
}

/** Mean over independent runs, and the standard error of it. */
async function over(runs: number, run: (seed: number) => Promise<number>): Promise<{ mean: number; error: number }> {
  const values: number[] = [];
  for (let seed = 1; seed <= runs; seed++) values.push(await run(seed));
  const mean = values.reduce((sum, value) => sum + value, 0) / runs;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (runs - 1);
  return { mean, error: Math.sqrt(variance / runs) };
}

/** The probability that an arrival finds all of `c` workers busy and none may wait. Source: Erlang B, by recursion. */
function erlangB(c: number, offered: number): number {
  let blocked = 1;
  for (let k = 1; k <= c; k++) blocked = (offered * blocked) / (k + offered * blocked);
  return blocked;
}

/** The probability that an arrival has to wait. Source: Erlang C. */
function erlangC(c: number, offered: number): number {
  const blocked = erlangB(c, offered);
  return blocked / (1 - (offered / c) * (1 - blocked));
}

describe("simulated servers obey the laws of queues, to 5 sigma", () => {
  it.each([
    { workers: 1, rps: 70 },
    { workers: 4, rps: 320 },
    { workers: 12, rps: 1000 },
  ])("M/M/$workers at $rps rps: the time in the server, its utilisation, and the wait", async ({ workers, rps }) => {
    const offered = (rps / 1000) * serviceMs;
    const waitMs = (erlangC(workers, offered) * serviceMs) / (workers - offered);
    let utilised: number[] = [];
    const { mean, error } = await over(16, async (seed) => {
      const run = await queue({ workers, rps, requests: 6000, seed });
      utilised.push(run.tiers[0]?.backends[0]?.utilisation ?? 0);
      return run.latency.meanMs;
    });
    expect(Math.abs(mean - (serviceMs + waitMs))).toBeLessThan(5 * error);
    // The error is small enough for the test to mean something.
    expect(error).toBeLessThan(0.08 * (serviceMs + waitMs));
    let at = 0;
    const utilisation = await over(16, () => Promise.resolve(utilised[at++] ?? 0));
    expect(Math.abs(utilisation.mean - offered / workers)).toBeLessThan(5 * utilisation.error);
    expect(utilisation.error).toBeLessThan(0.01);
    utilised = [];
  });

  it("M/M/5/5: the share that is refused is Erlang's", async () => {
    const { mean, error } = await over(12, async (seed) => {
      const run = await queue({ workers: 5, rps: 400, maxQueue: 0, requests: 4000, seed });
      return (run.failures["503"] ?? 0) / run.requests;
    });
    expect(Math.abs(mean - erlangB(5, 4))).toBeLessThan(5 * error);
    expect(error).toBeLessThan(0.01);
  });

  it("Little: calls inside on average are the rate times the time inside, exactly, once all have left", async () => {
    for (const { workers, rps } of [
      { workers: 1, rps: 90 },
      { workers: 3, rps: 200 },
    ]) {
      const run = await queue({ workers, rps, requests: 3000, seed: 3 });
      const shop = run.tiers[0]?.backends[0];
      if (shop === undefined) throw new Error("no server");
      expect(shop.inside).toBe(0);
      const rate = shop.answered / run.endedMs;
      expect(shop.meanInside / (rate * shop.meanSojournMs)).toBeCloseTo(1, 9);
      expect(shop.meanSojournMs).toBeCloseTo(run.latency.meanMs, 9);
    }
  });

  it("a closed loop never has more calls in flight than users, and its rate is users over the time of a round", async () => {
    const run = await runExperiment({
      kind: "traffic",
      name: "loop",
      durationMs: 60_000,
      tiers: [{ name: "shop", backends: backends(1, { latency: exponentialLatency(20), workers: 50 }) }],
      load: { to: "shop", arrivals: closedLoop({ users: 30, think: exponentialLatency(80) }), through: overBalancer() },
    });
    expect(run.tiers[0]?.backends[0]?.meanInside).toBeLessThan(30);
    // 30 users, a round of 100 ms on average: 18,000 in a minute, with a deviation of about the root of it.
    expect(Math.abs(run.requests - 18_000)).toBeLessThan(5 * Math.sqrt(18_000));
    expect(run.inFlight).toBe(0);
  });
});
