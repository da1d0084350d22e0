import {
  CancelledError,
  type Classifier,
  ClassifierKey,
  ClockParam,
  Ctx,
  failed,
  noClock,
  ok,
  Params,
  RngParam,
  Stack,
  service,
} from "@weftmesh/core";
import { nullStats, StatsParam } from "@weftmesh/telemetry";
import { describeModule, MemoryStats, seededRng, testError } from "@weftmesh/testkit";
import { describe, expect, it, vi } from "vitest";
import {
  consecutiveFailures,
  EjectionsParam,
  FailureAccrualParam,
  FailureAccrualRole,
  failureAccrual,
  newEjections,
  none,
  ProbeTimeoutMsParam,
  successRate,
  unified,
} from "../src/index.ts";
import { listed } from "./backoffs.ts";
import { broken, Endpoint, ignorable } from "./endpoint.ts";

describeModule(failureAccrual<object, object>(), {
  params: (clock) => Params.empty.with(ClockParam, clock).with(RngParam, seededRng(1)),
  disabled: (clock) => Params.empty.with(ClockParam, clock).with(FailureAccrualParam, none),
});

const threeInARow = consecutiveFailures(3, listed(1_000, 2_000));

/** Out since `failTimes`, and open for a probe now. */
async function atProbe(kind = threeInARow, params = Params.empty): Promise<Endpoint> {
  const endpoint = new Endpoint(kind, params);
  endpoint.failTimes(3);
  await endpoint.clock.advance(1_000);
  expect(endpoint.service.status).toBe("open");
  return endpoint;
}

describe("an endpoint that fails", () => {
  it("is busy after so many failures in a row, not one earlier, and serves whoever calls all the same", () => {
    const endpoint = new Endpoint(threeInARow);
    endpoint.failTimes(2);
    endpoint.succeed();
    endpoint.failTimes(2);
    expect(endpoint.service.status).toBe("open");
    endpoint.fail();
    expect(endpoint.service.status).toBe("busy");
    endpoint.succeed();
    expect(endpoint.passed).toHaveLength(7);
    expect(endpoint.service.status).toBe("busy");
  });

  it("G4: of the default kind is out after five failures, for 5 s, and back with a probe that goes well", async () => {
    const endpoint = new Endpoint(FailureAccrualParam.default);
    expect(FailureAccrualParam.default.name).toBe("consecutiveFailures(5)");
    endpoint.failTimes(4);
    expect(endpoint.service.status).toBe("open");
    endpoint.fail();
    expect(endpoint.service.status).toBe("busy");
    await endpoint.clock.advance(4_999);
    expect(endpoint.service.status).toBe("busy");
    await endpoint.clock.advance(1);
    expect(endpoint.service.status).toBe("open");
    endpoint.succeed();
    expect(endpoint.service.status).toBe("open");
    expect(endpoint.counters).toEqual({ removals: 1, revivals: 1, probes: 1, removedForMs: 5_000, refused: 0 });
  });

  it("tells why, with figures, for how long, when, and with what it failed last", async () => {
    const endpoint = new Endpoint(threeInARow);
    await endpoint.clock.advance(500);
    endpoint.failTimes(3);
    await endpoint.clock.advance(1_000);
    endpoint.fail();
    await endpoint.clock.advance(2_000);
    endpoint.succeed();
    const origin = endpoint.clock.epochMs() - 3_500;
    const common = { endpoint: "10.0.0.1:80" };
    expect(endpoint.events).toEqual([
      {
        ...common,
        kind: "ejected",
        reason: "3 failures in a row, of 3",
        figures: { consecutiveFailures: 3, maxConsecutiveFailures: 3 },
        forMs: 1_000,
        atEpochMs: origin + 500,
        cause: broken,
      },
      {
        ...common,
        kind: "stillEjected",
        reason: "the probe failed: broken",
        figures: { consecutiveFailures: 4, maxConsecutiveFailures: 3 },
        forMs: 2_000,
        atEpochMs: origin + 1_500,
        cause: broken,
      },
      {
        ...common,
        kind: "revived",
        reason: "the probe went well",
        figures: { consecutiveFailures: 4, maxConsecutiveFailures: 3 },
        forMs: 3_000,
        atEpochMs: origin + 3_500,
        cause: undefined,
      },
    ]);
  });

  it("has the worse of its own status and that of what stands below", async () => {
    const endpoint = new Endpoint(threeInARow);
    for (const status of ["busy", "closed"] as const) {
      endpoint.status = status;
      expect(endpoint.service.status).toBe(status);
    }
    endpoint.failTimes(3);
    expect(endpoint.service.status).toBe("closed");
    endpoint.status = "open";
    expect(endpoint.service.status).toBe("busy");
    await endpoint.clock.advance(1_000);
    endpoint.status = "busy";
    expect(endpoint.service.status).toBe("busy");
  });

  it("counts a throw below as the failure that its caller makes of it", () => {
    const endpoint = new Endpoint(consecutiveFailures(1));
    endpoint.throws = true;
    endpoint.fail();
    expect(endpoint.service.status).toBe("busy");
  });

  it("has its metrics, at zero, from the start, shared by the endpoints of a client", () => {
    const stats = new MemoryStats();
    const params = Params.empty.with(StatsParam, stats);
    const one = new Endpoint(threeInARow, params);
    const other = new Endpoint(threeInARow, params);
    expect(stats.names()).toEqual([
      "failure_accrual/probes",
      "failure_accrual/refused",
      "failure_accrual/removals",
      "failure_accrual/removed_for_ms",
      "failure_accrual/revivals",
    ]);
    const scopes = vi.spyOn(stats, "scope");
    new Endpoint(threeInARow, params);
    expect(scopes).not.toHaveBeenCalled();
    one.failTimes(3);
    other.failTimes(3);
    expect(stats.readCounter("failure_accrual/removals")).toBe(2);
    expect(stats.readCounter("failure_accrual/removed_for_ms")).toBe(2_000);
  });
});

describe("a call", () => {
  const bad500: Classifier = {
    name: "500",
    classify: (_req, rep, error) =>
      error !== undefined || rep === 500
        ? "failure"
        : rep === 503
          ? "retryable"
          : rep === 418
            ? "ignorable"
            : "success",
  };
  const judged = (): Ctx => new Ctx().set(ClassifierKey, bad500);

  it("counts once, at its head when that is bad, by its own classifier", () => {
    for (const rep of [500, 503]) {
      const endpoint = new Endpoint(consecutiveFailures(2));
      const ctx = endpoint.begin("req", judged());
      ctx.respond(rep);
      ctx.respond(rep);
      ctx.end(failed(broken));
      expect(endpoint.service.status).toBe("open");
      endpoint.begin("req", judged()).respond(rep);
      expect(endpoint.service.status).toBe("busy");
    }
  });

  it("is classified by the default when it brings no classifier: an answer is a success", () => {
    const endpoint = new Endpoint(consecutiveFailures(1));
    endpoint.answer(500);
    expect(endpoint.service.status).toBe("open");
    endpoint.fail();
    expect(endpoint.service.status).toBe("busy");
  });

  it("hands its request, its head and its error to the classifier", () => {
    const seen: unknown[] = [];
    const classifier: Classifier = {
      name: "spy",
      classify: (...args) => {
        seen.push(args);
        return "success";
      },
    };
    const endpoint = new Endpoint(threeInARow);
    const ctx = endpoint.begin("the request", new Ctx().set(ClassifierKey, classifier));
    ctx.respond("the head");
    ctx.end(failed(broken));
    endpoint.begin("another", new Ctx().set(ClassifierKey, classifier)).end(ok);
    expect(seen).toEqual([
      ["the request", "the head", undefined],
      ["the request", "the head", broken],
      ["another", undefined, undefined],
    ]);
  });

  it("that fails after a good head counts as a failure and not as a success, so broken bodies get an endpoint out", () => {
    const endpoint = new Endpoint(threeInARow);
    for (let i = 0; i < 3; i++) {
      expect(endpoint.service.status).toBe("open");
      const ctx = endpoint.begin();
      ctx.respond("rep");
      ctx.end(failed(broken));
    }
    expect(endpoint.service.status).toBe("busy");
    expect(endpoint.events[0]?.cause).toBe(broken);
  });

  it("whose body is still coming has not ended a row of failures, and has when it is whole", () => {
    const endpoint = new Endpoint(consecutiveFailures(2));
    endpoint.fail();
    const ctx = endpoint.begin();
    ctx.respond("rep");
    ctx.end(ok);
    endpoint.fail();
    expect(endpoint.service.status).toBe("open");
    const other = endpoint.begin();
    other.respond("rep");
    endpoint.fail();
    expect(endpoint.service.status).toBe("busy");
  });

  it("counts for nothing when it is ignorable, by its error or by its class", () => {
    const endpoint = new Endpoint(consecutiveFailures(2));
    endpoint.fail();
    endpoint.fail(ignorable);
    endpoint.begin("req", judged()).respond(418);
    const ctx = endpoint.begin("req", judged());
    ctx.respond(418);
    ctx.end(ok);
    expect(endpoint.service.status).toBe("open");
    endpoint.fail();
    expect(endpoint.service.status).toBe("busy");
  });

  it("whose caller leaves after a good head is the success that its head was", () => {
    const endpoint = new Endpoint(consecutiveFailures(2));
    endpoint.fail();
    const ctx = endpoint.begin();
    ctx.respond("rep");
    ctx.end(failed(new CancelledError()));
    endpoint.fail();
    expect(endpoint.service.status).toBe("open");
  });

  it("given up from above before its head counts for nothing, so that clients who send nonsense get nobody out", () => {
    const endpoint = new Endpoint(consecutiveFailures(1));
    const ctx = endpoint.begin();
    const nonsense = testError("the client's body is no chunked body", ["nonRetryable"]);
    ctx.cancel(nonsense);
    ctx.end(failed(nonsense));
    expect(endpoint.service.status).toBe("open");
  });

  it("that is cancelled with the failure of its own body counts as failed", () => {
    const endpoint = new Endpoint(consecutiveFailures(1));
    const ctx = endpoint.begin();
    ctx.respond("rep");
    ctx.cancel(broken);
    ctx.end(failed(broken));
    expect(endpoint.service.status).toBe("busy");
  });

  it("F11: cut off by a deadline that its caller brought counts for nothing", () => {
    const endpoint = new Endpoint(consecutiveFailures(1));
    const ctx = endpoint.begin();
    const deadline = testError("no time left", ["deadlineExceeded", "interrupted"]);
    ctx.cancel(deadline);
    ctx.end(failed(deadline));
    expect(endpoint.service.status).toBe("open");
  });

  it("F11: cut off by a timeout is a failure", () => {
    const endpoint = new Endpoint(consecutiveFailures(1));
    const ctx = endpoint.begin();
    const timeout = testError("too slow", ["deadlineExceeded"]);
    ctx.cancel(timeout);
    ctx.end(failed(timeout));
    expect(endpoint.service.status).toBe("busy");
  });

  it("counts for nothing when its classifier throws", () => {
    const endpoint = new Endpoint(consecutiveFailures(1));
    const classifier: Classifier = {
      name: "broken",
      classify: () => {
        throw broken;
      },
    };
    const ctx = endpoint.begin("req", new Ctx().set(ClassifierKey, classifier));
    ctx.respond("rep");
    ctx.end(failed(broken));
    expect(endpoint.service.status).toBe("open");
  });

  it("begun in a life that is over counts in none: neither against a probe nor for the next life", async () => {
    const endpoint = new Endpoint(threeInARow);
    const stragglers = [endpoint.begin(), endpoint.begin(), endpoint.begin(), endpoint.begin()];
    endpoint.failTimes(3);
    stragglers[0]?.end(ok);
    await endpoint.clock.advance(1_000);
    const probe = endpoint.begin();
    stragglers[1]?.end(failed(broken));
    stragglers[2]?.end(ok);
    expect(endpoint.service.status).toBe("busy");
    probe.end(ok);
    endpoint.failTimes(2);
    stragglers[3]?.end(failed(broken));
    expect(endpoint.service.status).toBe("open");
    endpoint.fail();
    expect(endpoint.service.status).toBe("busy");
    // Neither success in between made the row of the outage shorter.
    expect(endpoint.events[1]?.figures).toMatchObject({ consecutiveFailures: 3 });
  });

  it("made while the endpoint is out and no probe is judged in no way, whenever it ends", async () => {
    const endpoint = new Endpoint(threeInARow);
    endpoint.failTimes(3);
    const panics = [endpoint.begin(), endpoint.begin(), endpoint.begin()];
    panics[0]?.end(ok);
    await endpoint.clock.advance(1_000);
    const probe = endpoint.begin();
    const besides = endpoint.begin();
    panics[1]?.end(failed(broken));
    besides.end(failed(broken));
    expect(endpoint.counters).toMatchObject({ probes: 1, removals: 1, revivals: 0, removedForMs: 1_000 });
    probe.end(ok);
    endpoint.failTimes(2);
    panics[2]?.end(failed(broken));
    expect(endpoint.service.status).toBe("open");
  });
});

describe("a probe", () => {
  it("is the first call only: behind it the endpoint is busy again", async () => {
    const endpoint = await atProbe();
    endpoint.begin();
    expect(endpoint.service.status).toBe("busy");
    endpoint.begin();
    expect(endpoint.counters.probes).toBe(1);
  });

  it("that fails keeps the endpoint out for the next wait, and 300 s when there is no next", async () => {
    const endpoint = await atProbe();
    endpoint.fail();
    expect(endpoint.service.status).toBe("busy");
    await endpoint.clock.advance(1_999);
    expect(endpoint.service.status).toBe("busy");
    await endpoint.clock.advance(1);
    endpoint.fail();
    await endpoint.clock.advance(299_999);
    expect(endpoint.service.status).toBe("busy");
    await endpoint.clock.advance(1);
    expect(endpoint.service.status).toBe("open");
    expect(endpoint.events.map((event) => event.forMs)).toEqual([1_000, 2_000, 300_000]);
    expect(endpoint.counters).toEqual({ removals: 1, revivals: 0, probes: 2, removedForMs: 303_000, refused: 0 });
  });

  it("whose head is bad has failed at once", async () => {
    const classifier: Classifier = { name: "bad", classify: () => "failure" };
    const endpoint = await atProbe();
    const ctx = endpoint.begin("req", new Ctx().set(ClassifierKey, classifier));
    ctx.respond("rep");
    expect(endpoint.kinds).toEqual(["ejected", "stillEjected"]);
    expect(endpoint.events[1]?.reason).toBe("the probe failed: its answer was judged so");
    ctx.end(ok);
    expect(endpoint.kinds).toHaveLength(2);
  });

  it("with a good head waits for the end of its body, and fails with that", async () => {
    const endpoint = await atProbe();
    const ctx = endpoint.begin();
    ctx.respond("rep");
    expect(endpoint.service.status).toBe("busy");
    ctx.end(failed(broken));
    expect(endpoint.kinds).toEqual(["ejected", "stillEjected"]);
  });

  it("begins the next life with the success that it was", async () => {
    const endpoint = await atProbe(successRate(0.5, 2, listed(1_000)));
    endpoint.succeed();
    // Success, then failure: the average of two calls is above a half only if the probe counts.
    endpoint.fail();
    expect(endpoint.service.status).toBe("open");
    endpoint.fail();
    expect(endpoint.service.status).toBe("busy");
  });

  it("that counts for nothing lets another one through", async () => {
    const endpoint = await atProbe();
    endpoint.fail(ignorable);
    expect(endpoint.service.status).toBe("open");
    expect(endpoint.clock.armed).toBe(0);
    endpoint.succeed();
    expect(endpoint.counters).toMatchObject({ probes: 2, revivals: 1, removals: 1 });
  });

  it("is no call whose ctx had ended before", async () => {
    const endpoint = await atProbe();
    const over = new Ctx();
    over.end(ok);
    endpoint.begin("req", over);
    expect(endpoint.counters.probes).toBe(0);
    expect(endpoint.service.status).toBe("open");
  });

  it("that nobody answers counts as failed when its time is up, and no sooner", async () => {
    const endpoint = await atProbe();
    const ctx = endpoint.begin();
    await endpoint.clock.advance(9_999);
    expect(endpoint.kinds).toEqual(["ejected"]);
    await endpoint.clock.advance(1);
    expect(endpoint.events[1]).toMatchObject({
      kind: "stillEjected",
      reason: "the probe failed: it took longer than 10000 ms",
      forMs: 2_000,
      cause: undefined,
    });
    // Its failure counted already.
    ctx.end(failed(broken));
    expect(endpoint.kinds).toHaveLength(2);
    await endpoint.clock.advance(2_000);
    expect(endpoint.service.status).toBe("open");
  });

  it("whose good answer ends late brings the endpoint back all the same, whatever it is doing by then", async () => {
    for (const waitMs of [10_000, 12_000, 12_001]) {
      const endpoint = await atProbe();
      const late = endpoint.begin();
      await endpoint.clock.advance(waitMs);
      if (waitMs > 12_000) endpoint.begin();
      late.respond("rep");
      expect(endpoint.kinds).toEqual(["ejected", "stillEjected", "revived"]);
      expect(endpoint.service.status).toBe("open");
      expect(endpoint.clock.armed).toBe(0);
      late.end(ok);
      endpoint.failTimes(2);
      expect(endpoint.service.status).toBe("open");
    }
  });

  it("that ends late without a head is judged by its end", async () => {
    const endpoint = await atProbe();
    const late = endpoint.begin();
    await endpoint.clock.advance(10_000);
    late.end(ok);
    expect(endpoint.kinds).toEqual(["ejected", "stillEjected", "revived"]);
  });

  it("of an outage that is over says nothing of the next one", async () => {
    const endpoint = await atProbe();
    const late = endpoint.begin();
    await endpoint.clock.advance(12_000);
    endpoint.succeed();
    endpoint.failTimes(3);
    expect(endpoint.service.status).toBe("busy");
    late.respond("rep");
    late.end(ok);
    expect(endpoint.service.status).toBe("busy");
    expect(endpoint.counters).toMatchObject({ removals: 2, revivals: 1 });
  });

  it("that is late and fails or is cancelled leaves the next probe alone", async () => {
    for (const end of [failed(broken), failed(ignorable)]) {
      const endpoint = await atProbe();
      const late = endpoint.begin();
      await endpoint.clock.advance(12_000);
      const current = endpoint.begin();
      late.end(end);
      expect(endpoint.service.status).toBe("busy");
      expect(endpoint.counters).toMatchObject({ probes: 2, revivals: 0 });
      current.end(ok);
      expect(endpoint.counters).toMatchObject({ probes: 2, revivals: 1 });
    }
  });

  it("with a good head and an endless body brings the endpoint back when its time is up", async () => {
    const endpoint = await atProbe();
    const ctx = endpoint.begin();
    ctx.respond("rep");
    await endpoint.clock.advance(9_999);
    expect(endpoint.service.status).toBe("busy");
    await endpoint.clock.advance(1);
    expect(endpoint.service.status).toBe("open");
    expect(endpoint.events[1]).toMatchObject({
      kind: "revived",
      reason: "the head of the probe's answer was good, and its body takes long",
      forMs: 11_000,
    });
    // What comes of the body counts in the life that it began.
    endpoint.failTimes(2);
    ctx.end(failed(broken));
    expect(endpoint.service.status).toBe("busy");
  });

  it("with a head that counts for nothing and an endless body lets another one through when its time is up", async () => {
    const classifier: Classifier = { name: "nothing", classify: () => "ignorable" };
    const endpoint = await atProbe();
    const ctx = endpoint.begin("req", new Ctx().set(ClassifierKey, classifier));
    ctx.respond("rep");
    await endpoint.clock.advance(10_000);
    expect(endpoint.service.status).toBe("open");
    expect(endpoint.kinds).toEqual(["ejected"]);
    ctx.end(ok);
    endpoint.succeed();
    expect(endpoint.counters).toMatchObject({ probes: 2, revivals: 1 });
  });

  it("has no timer where its time has no end, and one that must be above zero", async () => {
    const endpoint = await atProbe(threeInARow, Params.empty.with(ProbeTimeoutMsParam, Number.POSITIVE_INFINITY));
    const ctx = endpoint.begin();
    expect(endpoint.clock.armed).toBe(0);
    ctx.end(ok);
    expect(endpoint.service.status).toBe("open");
    for (const bad of [0, -1, Number.NaN]) {
      expect(() => new Endpoint(threeInARow, Params.empty.with(ProbeTimeoutMsParam, bad))).toThrow(
        new RangeError(`probeTimeoutMs must be above 0, not ${bad}`),
      );
    }
  });

  it("answered with 429 fails under the unified kind, though 429 is none of the failures in a row", async () => {
    const kind = unified({ maxConsecutiveFailures: 3, minRequests: 100, backoff: listed(1_000, 2_000) });
    const endpoint = await atProbe(kind);
    endpoint.answer({ status: 429 });
    expect(endpoint.kinds).toEqual(["ejected", "stillEjected"]);
    await endpoint.clock.advance(2_000);
    endpoint.answer({ status: 404 });
    expect(endpoint.service.status).toBe("open");
    for (let i = 0; i < 10; i++) endpoint.answer({ status: 429 });
    expect(endpoint.service.status).toBe("open");
    // And it ends a row.
    endpoint.failTimes(2);
    endpoint.answer({ status: 429 });
    endpoint.failTimes(2);
    expect(endpoint.service.status).toBe("open");
  });
});

describe("closing", () => {
  it("stops the timer of an outage, and closes what stands below each time it is asked", async () => {
    const endpoint = new Endpoint(threeInARow);
    endpoint.failTimes(3);
    expect(endpoint.clock.armed).toBe(1);
    await endpoint.service.close();
    expect(endpoint.clock.armed).toBe(0);
    await endpoint.service.close();
    expect(endpoint.closes).toBe(2);
  });

  it("stops the timer of a probe, and judges nothing any more", async () => {
    const endpoint = await atProbe();
    const probe = endpoint.begin();
    await endpoint.service.close();
    expect(endpoint.clock.armed).toBe(0);
    probe.respond("rep");
    probe.end(ok);
    endpoint.failTimes(5);
    expect(endpoint.kinds).toEqual(["ejected"]);
    expect(endpoint.clock.armed).toBe(0);
    expect(endpoint.service.status).toBe("open");
  });

  it("gives the place among those that are out back, once, and only if it had one", async () => {
    const ejections = newEjections({ size: () => 10, maxEjectionPercent: 50 });
    const params = Params.empty.with(EjectionsParam, ejections);
    const out = new Endpoint(threeInARow, params);
    const alive = new Endpoint(threeInARow, params);
    out.failTimes(3);
    expect(ejections.out).toBe(1);
    await alive.service.close();
    expect(ejections.out).toBe(1);
    await out.service.close();
    await out.service.close();
    expect(ejections.out).toBe(0);
  });
});

describe("the module", () => {
  it("stands where Linkerd's does, by name", () => {
    expect(FailureAccrualRole).toBe("failureAccrual");
    expect(failureAccrual().role).toBe(FailureAccrualRole);
  });

  it("needs no clock where nothing is judged", () => {
    const inner = service(() => Promise.resolve("rep"));
    const built = new Stack([failureAccrual<string, string>()], () => inner).make(
      Params.empty.with(FailureAccrualParam, none).with(ClockParam, noClock).with(StatsParam, nullStats),
    );
    expect(built).toBe(inner);
  });

  it("shows its kind in listings", () => {
    expect(FailureAccrualParam.show(none)).toBe("none");
  });
});
