import { leastLoaded, peakEwma } from "@weftmesh/balancer";
import { Params } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import { poolModule } from "@weftmesh/pool";
import { RequestAttemptTimeoutMs, requestTimeout, TotalTimeoutMs, totalTimeout } from "@weftmesh/timeout";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Arrivals,
  backends,
  brownOut,
  burstArrivals,
  closedLoop,
  constantArrivals,
  constantLatency,
  during,
  erring,
  exponentialLatency,
  type Fault,
  flapping,
  jsonReport,
  lessCapacity,
  poissonArrivals,
  refusing,
  runExperiment,
  runScenario,
  type Scenario,
  type StackSpec,
  silent,
  slow,
  type TrafficExperiment,
  type TrafficResult,
} from "../src/index.ts";
import { overBalancer } from "./stacks.ts";

const durationMs = 1500;
const pool = poolModule<HttpRequest, HttpResponse>();

const effect = fc.constantFrom(
  refusing(),
  silent(),
  erring(),
  erring({ afterMs: 1 }),
  brownOut(0.5),
  slow(4),
  lessCapacity(0.5),
  lessCapacity(0),
);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc
    .record({ what: effect, fromMs: fc.nat(1500), forMs: fc.integer({ min: 1, max: 1000 }) })
    .map(({ what, fromMs, forMs }) => during(fromMs, fromMs + forMs, what)),
  effect.map((what) => flapping({ everyMs: 100, downMs: 40 }, what)),
);
const backend = fc
  .record({
    latency: fc.constantFrom(constantLatency(5), exponentialLatency(20), exponentialLatency(200)),
    workers: fc.constantFrom(1, 3, undefined),
    maxQueue: fc.constantFrom(0, 2, undefined),
    connectMs: fc.constantFrom(0, 3, undefined),
    faults: fc.array(fault, { maxLength: 2 }),
  })
  .map(({ workers, maxQueue, connectMs, ...rest }) => ({
    ...rest,
    ...(workers === undefined ? {} : { workers }),
    ...(maxQueue === undefined ? {} : { maxQueue }),
    ...(connectMs === undefined ? {} : { connectMs }),
  }));
const stack: fc.Arbitrary<StackSpec> = fc
  .record({
    kind: fc.constantFrom(leastLoaded(), peakEwma()),
    total: fc.constantFrom(30, 400),
    attempt: fc.constantFrom(10, 100),
    pooled: fc.boolean(),
    timed: fc.boolean(),
  })
  .map(({ kind, total, attempt, pooled, timed }) =>
    overBalancer({
      kind,
      above: timed ? [totalTimeout<HttpRequest, HttpResponse>()] : [],
      below: [...(timed ? [requestTimeout<HttpRequest, HttpResponse>()] : []), ...(pooled ? [pool] : [])],
      params: Params.empty.with(TotalTimeoutMs, total).with(RequestAttemptTimeoutMs, attempt),
    }),
  );
const arrivals: fc.Arbitrary<Arrivals> = fc.constantFrom<Arrivals>(
  constantArrivals(100),
  poissonArrivals(150),
  burstArrivals({ baseRps: 10, burstRps: 800, everyMs: 500, burstMs: 100 }),
  closedLoop({ users: 5, think: constantLatency(10) }),
);
const experiment: fc.Arbitrary<TrafficExperiment> = fc
  .record({
    front: fc.array(backend, { minLength: 1, maxLength: 3 }),
    back: fc.array(backend, { minLength: 1, maxLength: 2 }),
    toBack: fc.option(fc.record({ through: stack, calls: fc.integer({ min: 1, max: 2 }) }), { nil: undefined }),
    through: stack,
    arrivals,
    clients: fc.integer({ min: 1, max: 3 }),
    readsDeadlines: fc.boolean(),
    stopsAbandoned: fc.boolean(),
    holdsWorkers: fc.boolean(),
  })
  .map(({ front, back, toBack, readsDeadlines, stopsAbandoned, holdsWorkers, ...load }) => ({
    kind: "traffic",
    name: "any",
    durationMs,
    drainMs: 3000,
    successWithinMs: 300,
    bucketMs: 250,
    tiers: [
      {
        name: "front",
        backends: front,
        readsDeadlines,
        stopsAbandoned,
        holdsWorkers,
        ...(toBack === undefined ? {} : { downstream: [{ to: "back", ...toBack }] }),
      },
      { name: "back", backends: back, stopsAbandoned },
    ],
    load: { to: "front", ...load },
  }));

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function conserved(run: TrafficResult): void {
  expect(run.requests).toBe(run.answered + run.failed + run.inFlight);
  expect(sum(Object.values(run.failures))).toBe(run.failed);
  const spans = Math.ceil(run.endedMs / run.bucketMs);
  expect(sum(run.series.requests)).toBe(run.requests);
  expect(sum(run.series.failures)).toBe(run.failed);
  expect(sum(run.series.successes)).toBe(Math.round(run.success * run.requests));
  expect(run.success * run.requests).toBeLessThanOrEqual(run.answered + 1e-6);
  for (const tier of run.tiers) {
    expect(sum(tier.series.arrived)).toBe(tier.arrived);
    const { arrived, queued, busy } = tier.series;
    expect([arrived.length, queued.length, busy.length]).toEqual([spans, spans, spans]);
    // The last sample may lie before the end, and what was inside then be answered since.
    expect((queued.at(-1) ?? 0) + (busy.at(-1) ?? 0)).toBeLessThanOrEqual(
      sum(tier.backends.map((each) => each.inside + each.answered + each.abandoned)),
    );
    for (const each of tier.backends) {
      expect(each.arrived).toBe(each.answered + each.abandoned + each.inside);
      expect(each.inside).toBeGreaterThanOrEqual(0);
      expect(each.errors).toBeLessThanOrEqual(each.answered);
      expect(each.wasted).toBeLessThanOrEqual(each.answered);
      expect(each.utilisation).toBeGreaterThanOrEqual(0);
      expect(each.utilisation).toBeLessThanOrEqual(1 + 1e-9);
      // What holds a connection is a call, or a pool.
      expect(each.sessions).toBeLessThanOrEqual(each.connects);
    }
  }
  const [load, ...others] = run.clients;
  expect(load?.calls).toBe(run.requests);
  for (const clients of run.clients) {
    // Without retries each call is one attempt at most; a timeout that had passed before it is none.
    expect(clients.attempts).toBeLessThanOrEqual(clients.calls);
    expect(clients.retries).toBe(0);
    expect(sum(clients.series.attempts)).toBe(clients.attempts);
  }
  const [front, back] = run.tiers;
  expect(front?.arrived).toBeLessThanOrEqual(load?.attempts ?? 0);
  expect(back?.arrived).toBeLessThanOrEqual(sum(others.map(({ attempts }) => attempts)));
}

describe("an experiment", () => {
  it("loses nothing and makes nothing up: what arrived was answered, has failed, or is in flight, everywhere", async () => {
    await fc.assert(
      fc.asyncProperty(experiment, fc.nat(1000), async (each, seed) => {
        conserved(await runExperiment(each, { seed }));
      }),
      { numRuns: 60 },
    );
  });

  it("gives the same for the same seed, to the last byte, whatever else the process does meanwhile", async () => {
    await fc.assert(
      fc.asyncProperty(experiment, fc.nat(1000), async (each, seed) => {
        const scenario: Scenario = { name: "any", summary: "any", experiments: [each] };
        const alone = jsonReport(await runScenario(scenario, { seed }));
        const [again, other] = await Promise.all([
          runScenario(scenario, { seed, progress: () => {} }),
          runScenario(scenario, { seed: seed + 1 }),
        ]);
        expect(jsonReport(again)).toBe(alone);
        expect(jsonReport(other)).not.toBe(alone);
      }),
      { numRuns: 20 },
    );
  });

  it("keeps the chance of one client from that of the others", async () => {
    const draws = async (clients: number): Promise<number[]> => {
      const drawn: number[] = [];
      const through: StackSpec = {
        ...overBalancer(),
        params: ({ index, count, rng }) => {
          expect([index, count]).toEqual([drawn.length, clients]);
          drawn.push(rng.next());
          return Params.empty;
        },
      };
      await runExperiment({
        kind: "traffic",
        name: "any",
        durationMs: 100,
        tiers: [{ name: "one", backends: backends(1, { latency: constantLatency(1) }) }],
        load: { to: "one", arrivals: constantArrivals(10), through, clients },
      });
      return drawn;
    };
    const [[alone], three] = [await draws(1), await draws(3)];
    expect(three[0]).toBe(alone);
    expect(new Set(three).size).toBe(3);
  });

  it("keeps the chance of one server from that of the others", async () => {
    const run = (count: number) =>
      runExperiment({
        kind: "traffic",
        name: "any",
        durationMs: 2000,
        tiers: [
          { name: "one", backends: backends(1, { latency: exponentialLatency(20) }) },
          { name: "more", backends: backends(count, { latency: exponentialLatency(20) }) },
        ],
        load: { to: "one", arrivals: poissonArrivals(100), through: overBalancer() },
      });
    expect((await run(1)).latency).toEqual((await run(5)).latency);
  });
});
