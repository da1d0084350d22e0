import { CancelledError, Ctx, failed, hasFlag, ok, Params, type Status, Var } from "@weftmesh/core";
import { type Addr, address, boundAddr, negAddr, pendingAddr } from "@weftmesh/naming";
import { answerNever, answerOk, answerThrow, settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import {
  type BalancerKind,
  DestParam,
  EnableProbationParam,
  leastLoaded,
  MaxWaitingParam,
  maglev,
  peakEwma,
  ringHash,
} from "../src/index.ts";
import { at, bound, Cluster } from "./cluster.ts";

/** A call from beginning to end. */
async function call(cluster: Cluster): Promise<string> {
  const ctx = new Ctx();
  const answer = await cluster.service.call("req", ctx);
  ctx.respond(answer);
  ctx.end(ok);
  return answer;
}

/** A call that stays in flight. */
function hold(cluster: Cluster): Ctx {
  const ctx = new Ctx();
  cluster.service.call("req", ctx).catch(() => {});
  return ctx;
}

/** Mutants are tried by the thousand: what takes long, and what measures time, is not for them. */
const mutating = process.env["WEFT_MUTATION"] === "1";

describe("the balancer without endpoints", () => {
  it("G6: fails at once when discovery gives an empty set or does not know the name, and says which", async () => {
    for (const [addr, why] of [
      [boundAddr([]), "discovery lists none for /#/test/web"],
      [negAddr, "discovery does not know the name for /#/test/web"],
    ] as const) {
      const cluster = new Cluster(leastLoaded(), addr);
      const error: unknown = await call(cluster).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "WEFT_NO_ENDPOINTS", message: `no endpoints: ${why}` });
      expect([hasFlag(error, "naming"), hasFlag(error, "retryable")]).toEqual([true, true]);
      expect(cluster.service.status).toBe("busy");
    }
  });

  it("G7: serves the last good set for ever while discovery fails or waits, and takes up its news again", async () => {
    const cluster = new Cluster(leastLoaded(), bound(0));
    for (const bad of [{ kind: "failed", error: new Error("discovery is down") } as const, pendingAddr]) {
      cluster.dest.set(bad);
      await cluster.clock.advance(86_400_000);
      expect(await call(cluster)).toBe("10.0.0.0:80");
    }
    cluster.dest.set(bound(1));
    expect(await call(cluster)).toBe("10.0.0.1:80");
  });

  it("goes on saying that there is nobody when discovery fails after it had said so", async () => {
    const cluster = new Cluster(leastLoaded(), boundAddr([]));
    cluster.dest.set({ kind: "failed", error: new Error("discovery is down") });
    await expect(call(cluster)).rejects.toMatchObject({ code: "WEFT_NO_ENDPOINTS" });
  });

  it("fails with discovery's own error until there was a set, and recovers", async () => {
    const down = new Error("discovery is down");
    const cluster = new Cluster(leastLoaded(), pendingAddr);
    const early = expect(call(cluster)).rejects.toBe(down);
    cluster.dest.set({ kind: "failed", error: down });
    await early;
    await expect(call(cluster)).rejects.toBe(down);
    cluster.dest.set(pendingAddr);
    const waiting = call(cluster);
    cluster.dest.set(bound(3));
    expect(await waiting).toBe("10.0.0.3:80");
  });

  it("lets only so many calls wait, and refuses the rest at once", async () => {
    const cluster = new Cluster(leastLoaded(), pendingAddr, { params: Params.empty.with(MaxWaitingParam, 2) });
    const first = hold(cluster);
    hold(cluster);
    await expect(call(cluster)).rejects.toMatchObject({
      code: "WEFT_BALANCER_QUEUE_FULL",
      flags: ["rejected", "retryable"],
    });
    first.cancel(new CancelledError());
    const third = call(cluster);
    cluster.dest.set(bound(0));
    expect(await third).toBe("10.0.0.0:80");
  });

  it("fails calls that wait when it is closed, and those that come later", async () => {
    const cluster = new Cluster(leastLoaded(), pendingAddr);
    const waiting = expect(call(cluster)).rejects.toMatchObject({ code: "WEFT_CLOSED" });
    await cluster.service.close();
    await waiting;
    await expect(call(cluster)).rejects.toMatchObject({ code: "WEFT_CLOSED" });
    expect(cluster.service.status).toBe("closed");
    cluster.dest.set(bound(0));
    await expect(call(cluster)).rejects.toMatchObject({ code: "WEFT_CLOSED" });
  });
});

describe("the balancer's endpoints", () => {
  it("closes a removed endpoint when its calls are over, not before, and gives it no new ones", async () => {
    const cluster = new Cluster(leastLoaded(), bound(0), { script: () => answerNever });
    const ctx = hold(cluster);
    cluster.dest.set(bound(1));
    for (let i = 0; i < 10; i++) hold(cluster);
    expect(cluster.endpoint(0)?.calls).toHaveLength(1);
    await settle();
    expect(cluster.endpoint(0)?.closes).toBe(0);
    ctx.end(ok);
    await settle();
    expect(cluster.endpoint(0)?.closes).toBe(1);
    expect(cluster.endpoint(1)?.closes).toBe(0);
  });

  it("counts a call until its body has ended, not until its head is there", async () => {
    const cluster = new Cluster(leastLoaded(), bound(0));
    const ctx = new Ctx();
    ctx.respond(await cluster.service.call("req", ctx));
    expect(cluster.stats.readGauge("loadbalancer/load")).toBe(1);
    ctx.end(ok);
    expect(cluster.stats.readGauge("loadbalancer/load")).toBe(0);
  });

  it("makes an endpoint anew when discovery changes what it tells of it, and keeps it when only the weight changes", async () => {
    const cluster = new Cluster(leastLoaded(), boundAddr([address("10.0.0.0", 80, 1, { zone: "a" })]));
    await call(cluster);
    cluster.dest.set(boundAddr([address("10.0.0.0", 80, 3, { zone: "a" })]));
    await call(cluster);
    expect(cluster.all()).toHaveLength(1);
    cluster.dest.set(boundAddr([address("10.0.0.0", 80, 3, { zone: "b" })]));
    await call(cluster);
    await settle();
    expect(cluster.all().map((each) => each.closes)).toEqual([1, 0]);
  });

  it("goes by the new weight of an endpoint that stays, and keeps the picker of a class that does", async () => {
    let pickers = 0;
    const plain = leastLoaded();
    const kind: BalancerKind = {
      ...plain,
      newPicker: (rng, clock) => {
        pickers++;
        return plain.newPicker(rng, clock);
      },
    };
    const cluster = new Cluster(kind, boundAddr([at(0, 1), at(1, 1)]));
    await call(cluster);
    expect(pickers).toBe(1);
    cluster.dest.set(boundAddr([at(0, 0), at(1, 1), at(2, 1)]));
    expect(pickers).toBe(2);
    const before = cluster.endpoint(0)?.calls.length ?? 0;
    for (let i = 0; i < 50; i++) await call(cluster);
    expect(cluster.endpoint(0)?.calls.length ?? 0).toBe(before);
    // The class of weight 1 was there all the time, that of 0 goes and comes.
    cluster.dest.set(boundAddr([at(0, 1), at(1, 1), at(2, 1)]));
    cluster.dest.set(boundAddr([at(0, 0), at(1, 1), at(2, 1)]));
    expect(pickers).toBe(3);
  });

  it("turns a throw of an endpoint into a rejection, and counts the call as over at its end", async () => {
    const cluster = new Cluster(leastLoaded(), bound(0), { script: () => answerThrow() });
    const ctx = new Ctx();
    await expect(cluster.service.call("req", ctx)).rejects.toMatchObject({ code: "WEFT_TEST" });
    ctx.end(failed(new Error("thrown")));
    expect(cluster.stats.readGauge("loadbalancer/load")).toBe(0);
  });

  it("does not open an endpoint before its first call", () => {
    const cluster = new Cluster(leastLoaded(), bound(0, 1, 2));
    expect(cluster.all()).toEqual([]);
    expect(cluster.stats.readGauge("loadbalancer/available")).toBe(3);
  });

  it("picks again and again from nodes of which none is open, and counts it", async () => {
    const cluster = new Cluster(leastLoaded(), bound(0, 1));
    for (let i = 0; i < 20; i++) await call(cluster);
    for (const n of [0, 1]) (cluster.endpoint(n) as { status: Status }).status = "busy";
    expect(cluster.service.status).toBe("busy");
    await call(cluster);
    await call(cluster);
    expect(cluster.stats.readCounter("loadbalancer/max_effort_exhausted")).toBe(2);
  });

  it("keeps an endpoint on probation while it is healthy, and drops it when it fails", async () => {
    const cluster = new Cluster(leastLoaded(), bound(0), { params: Params.empty.with(EnableProbationParam, true) });
    await call(cluster);
    cluster.dest.set(boundAddr([]));
    expect(await call(cluster)).toBe("10.0.0.0:80");
    (cluster.endpoint(0) as { status: Status }).status = "busy";
    await call(cluster);
    await settle();
    expect(cluster.endpoint(0)?.closes).toBe(1);
    await expect(call(cluster)).rejects.toMatchObject({ code: "WEFT_NO_ENDPOINTS" });
    expect(cluster.stats.readCounter("loadbalancer/removes")).toBe(1);
  });

  it.each([
    [0, 1, 2],
    [2, 1, 0],
  ])(
    "closes when every call in flight is over, also of an endpoint that was dropped: order %i %i %i",
    async (...order) => {
      const cluster = new Cluster(leastLoaded(), bound(0), { script: () => answerNever });
      const calls = [hold(cluster)];
      cluster.dest.set(bound(1));
      calls.push(hold(cluster));
      cluster.dest.set(bound(1, 2));
      calls.push(hold(cluster));
      expect([0, 1, 2].map((n) => cluster.endpoint(n)?.calls.length)).toEqual([1, 1, 1]);
      let closed = false;
      const closing = cluster.service.close().then(() => {
        closed = true;
      });
      for (const n of order) {
        await settle();
        expect(closed).toBe(false);
        calls[n]?.cancel(new CancelledError());
        calls[n]?.end(ok);
      }
      await closing;
      expect(cluster.all().map((each) => each.closes)).toEqual([1, 1, 1]);
    },
  );
});

describe("hostile discovery", () => {
  it.skipIf(mutating)(
    "G9: takes 10,000 endpoints, then one, then 10,000, each within 100 ms, and leaks nothing",
    async () => {
      const many = boundAddr(Array.from({ length: 10_000 }, (_, n) => at(n, 1 + (n % 7))));
      const cluster = new Cluster(peakEwma(), many);
      for (let i = 0; i < 20_000; i++) await call(cluster);
      const tookMs: number[] = [];
      for (const addr of [bound(0), many, bound(0), many, bound(0), many]) {
        const from = cpuMs();
        cluster.dest.set(addr);
        tookMs.push(cpuMs() - from);
      }
      // The best of three each way: the machine has other things to do as well.
      for (const way of [0, 1]) expect(Math.min(...tookMs.filter((_, i) => i % 2 === way))).toBeLessThan(100);
      await settle();
      const opened = cluster.all().length;
      expect(cluster.all().filter((each) => each.closes === 0).length).toBeLessThanOrEqual(1);
      expect(cluster.all().every((each) => each.closes <= 1)).toBe(true);
      expect(cluster.stats.readGauge("loadbalancer/size")).toBe(10_000);
      await call(cluster);
      expect(cluster.all().length).toBeLessThanOrEqual(opened + 1);
    },
  );

  it.skipIf(mutating).each([
    ["least load", leastLoaded()],
    ["a ring", ringHash<string>({ key: (req) => req })],
    ["Maglev", maglev<string>({ key: (req) => req })],
  ])("G9: changes one of 10,000 within 100 ms by %s, and forgets no call in flight", async (_name, kind) => {
    const all = Array.from({ length: 10_000 }, (_, n) => at(n));
    const cluster = new Cluster(kind, boundAddr(all), { script: () => answerNever });
    const calls = Array.from({ length: 500 }, (_, i) => {
      const ctx = new Ctx();
      cluster.service.call(`key ${i}`, ctx).catch(() => {});
      return ctx;
    });
    const busiest = Math.max(...cluster.all().map((each) => each.inFlight));
    const tookMs: number[] = [];
    for (let n = 0; n < 5; n++) {
      const from = cpuMs();
      cluster.dest.set(boundAddr(all.slice(0, all.length - 1 - n)));
      tookMs.push(cpuMs() - from);
    }
    expect(Math.min(...tookMs)).toBeLessThan(100);
    expect(cluster.stats.readGauge("loadbalancer/load")).toBe(500);
    expect(Math.max(...cluster.all().map((each) => each.inFlight))).toBe(busiest);
    for (const ctx of calls) {
      ctx.cancel(new CancelledError());
      ctx.end(ok);
    }
    expect(cluster.stats.readGauge("loadbalancer/load")).toBe(0);
    await cluster.service.close();
  });

  it.skipIf(mutating)(
    "G22: updates 1,000 clients of 50 endpoints and 5 of 10,000, each with all of its calls, and lets all go",
    async () => {
      for (const [clients, endpoints] of [
        [1000, 50],
        [5, 10_000],
      ] as const) {
        const all = Array.from({ length: endpoints }, (_, n) => at(n));
        const dest = Var.source<Addr>(boundAddr(all));
        const made = Array.from({ length: clients }, () => {
          const params = Params.empty.with(DestParam, dest);
          return new Cluster(leastLoaded(), pendingAddr, { params, script: () => answerNever });
        });
        const calls = made.map((each) => [hold(each), hold(each)]);
        for (const set of [all.slice(1), [...all.slice(0, 5)], all]) {
          dest.set(boundAddr(set));
          for (const each of made) {
            expect(each.stats.readGauge("loadbalancer/size")).toBe(set.length);
            expect(each.stats.readGauge("loadbalancer/load")).toBeLessThanOrEqual(2);
          }
        }
        for (const ctx of calls.flat()) {
          ctx.cancel(new CancelledError());
          ctx.end(ok);
        }
        for (const each of made) expect(each.stats.readGauge("loadbalancer/load")).toBe(0);
        await Promise.all(made.map((each) => each.service.close()));
        expect(dest.observed).toBe(false);
        for (const each of made) expect(each.all().every((endpoint) => endpoint.closes === 1)).toBe(true);
      }
    },
  );

  it("G10: takes an address that comes twice for one", async () => {
    const cluster = new Cluster(leastLoaded(), boundAddr([at(0), at(1), at(0), at(0, 5)]));
    expect(cluster.stats.readGauge("loadbalancer/size")).toBe(2);
    expect(cluster.stats.readGauge("loadbalancer/num_weight_classes")).toBe(1);
  });

  it("G11: takes any weight: nothing or less gets no calls, what is no number counts as 1", async () => {
    const share = async (weights: readonly number[]): Promise<number[]> => {
      const cluster = new Cluster(leastLoaded(), boundAddr(weights.map((weight, n) => at(n, weight))));
      for (let i = 0; i < 2000; i++) await call(cluster);
      return weights.map((_, n) => (cluster.endpoint(n)?.calls.length ?? 0) / 2000);
    };
    expect(await share([0, 1, -5])).toEqual([0, 1, 0]);
    for (const none of [
      [0, 0],
      [-1, -2],
    ]) {
      const shares = await share(none);
      expect(Math.min(...shares)).toBeGreaterThan(0.4);
    }
    const [nan = 0, plain = 0] = await share([Number.NaN, 1]);
    expect(Math.abs(nan - plain)).toBeLessThan(0.15);
    expect(await share([1e308, 1e308, 1])).toEqual([expect.closeTo(0.5, 0), expect.closeTo(0.5, 0), 0]);
    expect(await share([Number.POSITIVE_INFINITY, 1])).toEqual([1, 0]);
  });

  it("G11: takes any weight by consistent hashing too", async () => {
    for (const kind of [ringHash<string>({ key: (req) => req }), maglev<string>({ key: (req) => req })]) {
      const share = async (weights: readonly number[]): Promise<number[]> => {
        const cluster = new Cluster(kind, boundAddr(weights.map((weight, n) => at(n, weight))));
        for (let i = 0; i < 2000; i++) await cluster.service.call(i % 4 === 0 ? "" : `key ${i}`, new Ctx());
        expect(cluster.stats.readGauge("loadbalancer/size")).toBe(weights.length);
        return weights.map((_, n) => (cluster.endpoint(n)?.calls.length ?? 0) / 2000);
      };
      expect(await share([0, 1, -5])).toEqual([0, 1, 0]);
      expect(Math.min(...(await share([0, -1])))).toBeGreaterThan(0.25);
      expect(Math.min(...(await share([Number.NaN, 1])))).toBeGreaterThan(0.25);
      const [huge = 0, alike = 0, small = 1] = await share([1e308, Number.POSITIVE_INFINITY, 1]);
      expect(Math.min(huge, alike)).toBeGreaterThan(0.25);
      expect(small).toBeLessThan(0.02);
    }
  });

  it("falls back to endpoints without weight when no other is open, by consistent hashing as well", async () => {
    for (const kind of [leastLoaded(), ringHash<string>({ key: (req) => req })]) {
      const cluster = new Cluster(kind, boundAddr([at(0, 1), at(1, 0)]));
      await call(cluster);
      (cluster.endpoint(0) as { status: Status }).status = "busy";
      expect(await call(cluster)).toBe("10.0.0.1:80");
      expect(cluster.stats.readCounter("loadbalancer/max_effort_exhausted")).toBe(0);
    }
  });

  it("does not rebuild for news that are none, a weight that is no number among them", () => {
    const cluster = new Cluster(leastLoaded(), boundAddr([at(0, Number.NaN), at(1)]));
    cluster.dest.set(boundAddr([at(1), at(0, Number.NaN)]));
    expect(cluster.stats.readCounter("loadbalancer/rebuilds")).toBe(1);
    cluster.dest.set(boundAddr([at(1), at(0, 1)]));
    expect(cluster.stats.readCounter("loadbalancer/rebuilds")).toBe(2);
  });

  it("G1: keeps serving without a failure while all but one endpoint come and go every 100 ms", async () => {
    const cluster = new Cluster(leastLoaded(), bound(0, 1, 2), { script: (where) => answerOk(where, 20) });
    let failures = 0;
    let answers = 0;
    for (let round = 0; round < 100; round++) {
      cluster.dest.set(round % 2 === 0 ? bound(0) : bound(0, 1, 2));
      for (let i = 0; i < 10; i++) {
        const ctx = new Ctx();
        cluster.service.call("req", ctx).then(
          () => {
            answers++;
            ctx.end(ok);
          },
          () => failures++,
        );
        await cluster.clock.advance(10);
      }
    }
    await cluster.clock.advance(100);
    await settle();
    expect([answers, failures]).toEqual([1000, 0]);
    expect(cluster.stats.readGauge("loadbalancer/load")).toBe(0);
  });
});

describe("the balancer's metrics", () => {
  it("have the names of Linkerd 1 and go with the balancer", async () => {
    const cluster = new Cluster(peakEwma(), bound(0, 1));
    expect(cluster.stats.names()).toEqual(
      [
        ...["adds", "removes", "rebuilds", "updates", "max_effort_exhausted"],
        ...["size", "available", "busy", "closed", "load", "num_weight_classes", "busy_weight_classes"],
        "algorithm/p2c_peak_ewma",
      ]
        .map((name) => `loadbalancer/${name}`)
        .sort(),
    );
    cluster.dest.set(bound(1, 2));
    cluster.dest.set(bound(1, 2));
    const counted = ["adds", "removes", "rebuilds", "updates"].map((each) =>
      cluster.stats.readCounter(`loadbalancer/${each}`),
    );
    expect(counted).toEqual([3, 1, 2, 3]);
    for (let i = 0; i < 20; i++) await call(cluster);
    (cluster.endpoint(1) as { status: Status }).status = "busy";
    (cluster.endpoint(2) as { status: Status }).status = "closed";
    const read = ["size", "available", "busy", "closed", "busy_weight_classes", "algorithm/p2c_peak_ewma"].map((each) =>
      cluster.stats.readGauge(`loadbalancer/${each}`),
    );
    expect(read).toEqual([2, 0, 1, 1, 1, 1]);
    await cluster.service.close();
    expect(cluster.stats.readGauge("loadbalancer/size")).toBeUndefined();
  });
});

/** Time that this process has worked: what else the machine does counts for nothing. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
