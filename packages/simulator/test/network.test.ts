import { DestParam } from "@weftmesh/balancer";
import { Params, Var } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import { address, boundAddr } from "@weftmesh/naming";
import { PoolMaxSize, poolModule } from "@weftmesh/pool";
import { RequestAttemptTimeoutMs, requestTimeout, ServerTimeoutMs, serverTimeout } from "@weftmesh/timeout";
import { describe, expect, it } from "vitest";
import {
  type BackendSpec,
  backends,
  constantArrivals,
  constantLatency,
  during,
  erring,
  flapping,
  lessCapacity,
  refusing,
  runExperiment,
  type StackSpec,
  silent,
  since,
  slow,
  type Tier,
  type TrafficExperiment,
  type TrafficResult,
  takes,
  warmUp,
} from "../src/index.ts";
import { overBalancer } from "./stacks.ts";

const pool = poolModule<HttpRequest, HttpResponse>();
const work: BackendSpec = { latency: constantLatency(10) };

function experiment(
  spec: BackendSpec,
  more: Partial<TrafficExperiment> = {},
  through: StackSpec = overBalancer(),
): TrafficExperiment {
  return {
    kind: "traffic",
    name: "one server",
    durationMs: 1000,
    tiers: [{ name: "web", backends: [spec] }],
    load: { to: "web", arrivals: constantArrivals(100), through },
    ...more,
  };
}

function only(run: TrafficResult): TrafficResult["tiers"][number]["backends"][number] {
  const found = run.tiers[0]?.backends[0];
  if (found === undefined) throw new Error("there is no server");
  return found;
}

const timed = (ms: number, pooled = false): StackSpec =>
  overBalancer({
    below: [requestTimeout(), ...(pooled ? [pool] : [])],
    params: Params.empty.with(RequestAttemptTimeoutMs, ms),
  });

describe("a simulated server", () => {
  it("answers after its latency", async () => {
    const run = await runExperiment(experiment(work));
    expect(run).toMatchObject({ requests: 100, answered: 100, failed: 0, inFlight: 0, success: 1 });
    expect(run.latency.p50Ms).toBeCloseTo(10, 6);
    expect(run.latency.maxMs).toBeCloseTo(10, 6);
    expect(only(run).share).toBe(1);
  });

  it("has answered well when its answer came in less than the limit", async () => {
    const within = async (successWithinMs: number) =>
      (await runExperiment(experiment(work, { successWithinMs }))).success;
    expect([await within(9.9), await within(10), await within(10.1)]).toEqual([0, 0, 1]);
  });

  it("works on as many calls as it has workers, and lets so many wait as it may", async () => {
    // Every 10 ms one comes, and each takes 40 ms of one of two workers: half of them have to go.
    const run = await runExperiment(
      experiment({ latency: constantLatency(40), workers: 2, maxQueue: 3 }, { durationMs: 4000 }),
    );
    expect(run.failures["503"]).toBeGreaterThan(150);
    expect(only(run).maxQueue).toBe(3);
    expect(only(run).refused).toBe(run.failures["503"]);
    expect(only(run).utilisation).toBeGreaterThan(0.95);
    // The third who waits for two workers: for both rounds of theirs, and then 40 ms of its own.
    expect(run.latency.maxMs).toBeLessThanOrEqual(80 + 40 + 1e-6);
    expect(run.latency.p50Ms).toBeGreaterThan(80);
  });

  it("takes longer, or as long as is said, while it is slow", async () => {
    const slowed = await runExperiment(experiment({ ...work, faults: [during(200, 400, slow(5))] }));
    expect(slowed.series.p50Ms).toHaveLength(1);
    expect(slowed.latency.maxMs).toBeCloseTo(50, 6);
    const other = await runExperiment(experiment({ ...work, faults: [since(0, takes(constantLatency(3)))] }));
    expect(other.latency.maxMs).toBeCloseTo(3, 6);
  });

  it("warms up: at first as slow as can be, then by what is left of the way", async () => {
    const run = await runExperiment(
      experiment({ ...work, faults: [during(0, 1000, warmUp(4))] }, { durationMs: 1500, bucketMs: 100 }),
    );
    const p50 = run.series.p50Ms;
    expect(p50[0]).toBeCloseTo(40, 6);
    // In the middle of the way everything takes twice as long.
    expect(p50[5]).toBeGreaterThan(16);
    expect(p50[5]).toBeLessThan(20);
    expect(p50[12]).toBeCloseTo(10, 6);
  });

  it("fails at once without work, or after its work, by its fault", async () => {
    const fast = await runExperiment(experiment({ ...work, workers: 1, faults: [since(0, erring({ afterMs: 1 }))] }));
    expect(fast.failures).toEqual({ "503": 100 });
    expect(only(fast)).toMatchObject({ errors: 100, answered: 100, utilisation: 0 });
    expect(only(fast).meanSojournMs).toBeCloseTo(1, 6);
    const late = await runExperiment(experiment({ ...work, workers: 1, faults: [since(0, erring({ status: 500 }))] }));
    expect(late.failures).toEqual({ "500": 100 });
    expect(only(late).meanSojournMs).toBeCloseTo(10, 6);
  });

  it("fails as often as its fault says", async () => {
    const run = await runExperiment(
      experiment({ ...work, faults: [since(0, erring({ rate: 0.3 }))] }, { durationMs: 100_000 }),
    );
    expect(Math.abs(run.failed - 3000)).toBeLessThan(5 * Math.sqrt(10_000 * 0.3 * 0.7));
  });

  it("refuses connections and resets those there are, while it is down", async () => {
    const spec = { ...work, faults: [during(500, 700, refusing())] };
    const run = await runExperiment(experiment(spec, {}, overBalancer({ below: [poolModule()] })));
    // Those of 500 to 690 ms, and the one of 490 ms, which is reset ten ms later as its answer would come.
    expect(run.failures["WEFT_CONNECT_REFUSED"]).toBe(20);
    expect([run.answered, run.failures["WEFT_CONNECTION_LOST"]]).toEqual([79, 1]);
    expect(only(run).connectFailures).toBe(20);
    const busy = await runExperiment(
      experiment({ ...spec, latency: constantLatency(25) }, {}, overBalancer({ below: [poolModule()] })),
    );
    // Of 480 and 490 ms: on their way when it went down.
    expect(busy.failures["WEFT_CONNECTION_LOST"]).toBe(2);
    expect(only(busy).sessions).toBe(3);
  });

  it("flaps", async () => {
    const spec = { ...work, faults: [flapping({ everyMs: 100, downMs: 50 }, erring({ afterMs: 0 }))] };
    const run = await runExperiment(experiment(spec));
    expect(run.failed).toBe(50);
  });

  it("that is silent holds calls until they are given up, and connections until their time is over", async () => {
    const spec = { ...work, faults: [during(500, 600, silent())] };
    const pooled = await runExperiment(experiment(spec, {}, timed(50, true)));
    expect(pooled.failures["WEFT_REQUEST_TIMEOUT"]).toBe(10);
    expect(only(pooled)).toMatchObject({ inside: 0 });
    const fresh = await runExperiment(experiment(spec));
    expect(fresh.failures).toEqual({ WEFT_CONNECT_TIMEOUT: 10 });
    const unbounded = await runExperiment(experiment(spec, { drainMs: 500 }, overBalancer({ below: [poolModule()] })));
    expect(unbounded.inFlight).toBeGreaterThan(0);
    expect(unbounded.endedMs).toBe(1500);
  });

  it("gets its workers back when the fault is over, though nothing else happens then", async () => {
    const spec = { latency: constantLatency(10), workers: 1, faults: [during(0, 2000, lessCapacity(0))] };
    const run = await runExperiment(experiment(spec, { durationMs: 100 }));
    expect(run.answered).toBe(10);
    expect(run.endedMs).toBeCloseTo(2100, 6);
  });

  it("goes on with work that nobody waits for, or stops, as its tier says", async () => {
    const spec: BackendSpec = { latency: constantLatency(200), workers: 1 };
    const wasteful = await runExperiment(experiment(spec, { durationMs: 1000 }, timed(50)));
    expect(wasteful.failed).toBe(100);
    expect(only(wasteful).utilisation).toBeGreaterThan(0.9);
    expect(only(wasteful).wasted).toBe(only(wasteful).answered);
    const stopping = await runExperiment(
      experiment(spec, { tiers: [{ name: "web", backends: [spec], stopsAbandoned: true }] }, timed(50)),
    );
    expect(only(stopping)).toMatchObject({ wasted: 0, answered: 0, abandoned: 100, inside: 0 });
    expect(stopping.endedMs).toBeCloseTo(1050, 6);
  });

  it("has its workers back when their calls are given up", async () => {
    const spec = { latency: constantLatency(5), workers: 1, faults: [during(0, 500, slow(100))] };
    const run = await runExperiment(
      experiment(spec, { tiers: [{ name: "web", backends: [spec], stopsAbandoned: true }] }, timed(50)),
    );
    // Those of the fault; and not one of those that came later.
    expect(run.failures["WEFT_REQUEST_TIMEOUT"]).toBeLessThanOrEqual(55);
    expect(run.answered + run.failed).toBe(100);
    expect(only(run)).toMatchObject({ answered: run.answered, abandoned: run.failed });
  });

  it("loses a connection with each call that is given up, and tells the pool of each that it resets", async () => {
    const given = await runExperiment(experiment({ latency: constantLatency(200) }, {}, timed(50, true)));
    expect(only(given)).toMatchObject({ connects: 100, sessions: 0 });
    const spec = { ...work, faults: [since(900, refusing())] };
    const reset = await runExperiment(experiment(spec, {}, overBalancer({ below: [pool] })));
    expect(reset.clients[0]?.metrics["client/pool_cached"]).toBe(0);
  });

  it("is given up when it takes longer to connect than the client waits, and forgets who has gone meanwhile", async () => {
    const late = await runExperiment(experiment({ ...work, connectMs: 1500 }));
    expect(late.failures).toEqual({ WEFT_CONNECT_TIMEOUT: 100 });
    const gone = await runExperiment(experiment({ ...work, connectMs: 100 }, { durationMs: 500 }, timed(50)));
    expect(gone.failures).toEqual({ WEFT_REQUEST_TIMEOUT: 50 });
    expect(only(gone)).toMatchObject({ connects: 0, sessions: 0, arrived: 0 });
  });

  it("is connected to in the time that it takes, by no more connections than the pool may have", async () => {
    const through = overBalancer({ below: [poolModule()], params: Params.empty.with(PoolMaxSize, 1) });
    const run = await runExperiment(experiment({ latency: constantLatency(5), connectMs: 30 }, {}, through));
    expect(only(run)).toMatchObject({ connects: 1, sessions: 1 });
    expect(run.latency.maxMs).toBeCloseTo(35, 6);
    expect(run.latency.p50Ms).toBeCloseTo(5, 6);
  });
});

describe("tiers", () => {
  const chain = (
    back: Partial<Tier>,
    front: Partial<Tier> = {},
    toBack: StackSpec = overBalancer(),
  ): TrafficExperiment => ({
    kind: "traffic",
    name: "two tiers",
    durationMs: 1000,
    tiers: [
      { name: "front", backends: backends(2, work), downstream: [{ to: "back", through: toBack }], ...front },
      { name: "back", backends: backends(2, { latency: constantLatency(20) }), ...back },
    ],
    load: { to: "front", arrivals: constantArrivals(100), through: overBalancer() },
  });

  it("call each other: the time of a call is that of both", async () => {
    const run = await runExperiment(chain({}));
    expect(run.answered).toBe(100);
    expect(run.latency.maxMs).toBeCloseTo(30, 6);
    expect(run.tiers.map(({ arrived }) => arrived)).toEqual([100, 100]);
    expect(run.clients.map(({ name, calls, attempts }) => [name, calls, attempts])).toEqual([
      ["load to front", 100, 100],
      ["front to back", 100, 100],
    ]);
  });

  it("call as often as they are told to, one call after the other", async () => {
    const run = await runExperiment(chain({}, { downstream: [{ to: "back", through: overBalancer(), calls: 3 }] }));
    expect(run.latency.maxMs).toBeCloseTo(70, 6);
    expect(run.tiers[1]?.arrived).toBe(300);
  });

  it("hand a failure up as an answer, and keep a worker while they wait if they are so", async () => {
    const down = { backends: backends(1, { ...work, faults: [since(0, refusing())] }) };
    const failing = await runExperiment(chain(down));
    expect(failing.failures).toEqual({ "502": 100 });
    const failed = await runExperiment(
      chain({ backends: backends(1, { ...work, faults: [since(0, erring({ status: 500 }))] }) }),
    );
    expect(failed.failures).toEqual({ "500": 100 });
    const one = { backends: backends(1, { ...work, workers: 1 }) };
    const holding = await runExperiment(chain({}, { ...one, holdsWorkers: true }));
    // 30 ms of its only worker for each call, of which one comes every 10 ms.
    expect(holding.latency.maxMs).toBeCloseTo(30 + 99 * 20, 6);
    expect(holding.tiers[0]?.backends[0]?.utilisation).toBeCloseTo(3000 / 3010, 6);
    const free = await runExperiment(chain({}, one));
    expect(free.latency.maxMs).toBeCloseTo(30, 6);
    expect(free.tiers[0]?.backends[0]?.utilisation).toBeCloseTo(1000 / 1030, 6);
  });

  it("carry a deadline where they read it, and stop what nobody waits for where they hear of it", async () => {
    const through = timed(25);
    const load = { to: "front", arrivals: constantArrivals(100), through };
    const server = {
      modules: [serverTimeout()],
      params: Params.empty.with(ServerTimeoutMs, 10_000),
    } satisfies StackSpec;
    const deaf = await runExperiment({ ...chain({}), load });
    expect(deaf.failures).toEqual({ WEFT_REQUEST_TIMEOUT: 100 });
    expect(deaf.tiers[1]?.backends.map(({ abandoned }) => abandoned)).toEqual([0, 0]);
    for (const front of [{ stopsAbandoned: true }, { readsDeadlines: true, server }]) {
      const heard = await runExperiment({ ...chain({ stopsAbandoned: true }, front), load });
      expect(heard.failed).toBe(100);
      expect(heard.tiers[1]?.backends.reduce((all, { abandoned }) => all + abandoned, 0)).toBeGreaterThanOrEqual(99);
    }
  });

  it("are found by discovery, as it changes", async () => {
    const run = await runExperiment({
      ...experiment(work),
      tiers: [
        {
          name: "web",
          backends: backends(3, work),
          discovery: [
            { atMs: 0, members: [0] },
            { atMs: 500, members: [1, 2] },
          ],
        },
      ],
    });
    const [first, ...others] = run.tiers[0]?.backends.map(({ arrived }) => arrived) ?? [];
    expect(first).toBe(49);
    expect(others).toHaveLength(2);
    expect(others.every((arrived) => arrived > 10)).toBe(true);
  });
});

describe("an experiment that makes no sense", () => {
  const run = (more: Partial<TrafficExperiment>) => runExperiment(experiment(work, more));

  it.each([
    [
      "there is no tier db; there are web",
      { load: { to: "db", arrivals: constantArrivals(1), through: overBalancer() } },
    ],
    [
      "there are two tiers named web",
      {
        tiers: [
          { name: "web", backends: [work] },
          { name: "web", backends: [work] },
        ],
      },
    ],
    ["the tier web has no servers", { tiers: [{ name: "web", backends: [] }] }],
    ["0 clients are none", { load: { to: "web", arrivals: constantArrivals(1), through: overBalancer(), clients: 0 } }],
    [
      "web has no server 3 to discover",
      { tiers: [{ name: "web", backends: [work], discovery: [{ atMs: 0, members: [3] }] }] },
    ],
  ] as const)("is refused: %s", async (message, more) => {
    await expect(run(more as Partial<TrafficExperiment>)).rejects.toMatchObject({ code: "WEFT_SCENARIO", message });
  });

  it("is refused when a stack does not choose among several servers", async () => {
    const two: Partial<TrafficExperiment> = {
      tiers: [{ name: "web", backends: backends(2, work) }],
      load: { to: "web", arrivals: constantArrivals(1), through: { modules: [] } },
    };
    await expect(run(two)).rejects.toThrow("its stack needs a balancer");
    await expect(
      run({ load: { to: "web", arrivals: constantArrivals(1), through: { modules: [] } } }),
    ).resolves.toMatchObject({
      answered: 1,
    });
  });

  it("takes parameters that the scenario sets over those of the simulation", async () => {
    const elsewhere = Params.empty.with(DestParam, Var.of(boundAddr([address("10.0.0.1", 80)])));
    const run = await runExperiment({
      ...experiment(work),
      tiers: [{ name: "web", backends: backends(2, work) }],
      load: { to: "web", arrivals: constantArrivals(100), through: overBalancer({ params: elsewhere }) },
    });
    expect(run.tiers[0]?.backends.map(({ arrived }) => arrived)).toEqual([0, 100]);
  });
});
