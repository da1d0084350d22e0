import { asError, CancelledError, Ctx, failed, ok, Params, type Status } from "@weftmesh/core";
import { boundAddr, negAddr, pendingAddr, showAddress } from "@weftmesh/naming";
import { answerNever, answerOk, describeModule, ManualClock, seededRng, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BalancerKind, balancer, EnableProbationParam, leastLoaded, peakEwma } from "../src/index.ts";
import { at, bound, Cluster } from "./cluster.ts";

describeModule(balancer<string, string>(), {
  params: () => new Cluster(leastLoaded(), bound(0)).params,
  request: () => "req",
  reply: () => "rep",
  ownLifeCycle: true,
});

type Op =
  | { readonly kind: "update"; readonly set: readonly number[] }
  | { readonly kind: "neg" }
  | { readonly kind: "pending" }
  | { readonly kind: "failed" }
  | { readonly kind: "call" }
  | { readonly kind: "end"; readonly which: number; readonly how: "ok" | "fails" | "cancelled" }
  | { readonly kind: "status"; readonly which: number; readonly status: Status }
  | { readonly kind: "advance"; readonly ms: number };

const arbOp: fc.Arbitrary<Op> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("update" as const), set: fc.array(fc.nat({ max: 7 })) }) },
  { weight: 1, arbitrary: fc.constantFrom<Op>({ kind: "neg" }, { kind: "pending" }, { kind: "failed" }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("call" as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      which: fc.nat(),
      how: fc.constantFrom("ok" as const, "fails" as const, "cancelled" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("status" as const),
      which: fc.nat({ max: 7 }),
      status: fc.constantFrom<Status>("open", "busy"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.nat({ max: 3000 }) }) },
);

const arbKind: fc.Arbitrary<BalancerKind> = fc.constantFrom(leastLoaded(), peakEwma());

describe("the balancer", () => {
  it("agrees with a model: last good set, load, no call to what is gone, each endpoint closed once when it is idle", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbOp, { maxLength: 60 }), arbKind, fc.boolean(), async (ops, kind, probation) => {
        const cluster = new Cluster(kind, pendingAddr, {
          script: () => answerNever,
          params: Params.empty.with(EnableProbationParam, probation),
        });
        let good: Set<number> | undefined;
        const open: { ctx: Ctx; promise: Promise<string>; where: string }[] = [];
        const called = new Map<string, number>();
        for (const op of ops) {
          if (op.kind === "update") {
            good = new Set(op.set);
            cluster.dest.set(bound(...op.set));
          } else if (op.kind === "neg") {
            good = new Set();
            cluster.dest.set(negAddr);
          } else if (op.kind === "pending") cluster.dest.set(pendingAddr);
          else if (op.kind === "failed") {
            if (good !== undefined) cluster.dest.set({ kind: "failed", error: new Error("discovery is down") });
          } else if (op.kind === "call") {
            if (good === undefined) continue;
            const ctx = new Ctx();
            // By endpoint: another life of an address stands before those of the addresses that came later.
            const before = new Map(cluster.all().map((each) => [each, each.calls.length]));
            const promise = cluster.service.call("req", ctx);
            promise.catch(() => {});
            const after = cluster.all();
            const hit = after.findIndex((each) => each.calls.length > (before.get(each) ?? 0));
            if (hit === -1) {
              // Without probation nobody is left exactly when discovery says so.
              if (!probation) expect(good.size).toBe(0);
              await expect(promise).rejects.toMatchObject({ code: "WEFT_NO_ENDPOINTS" });
              ctx.end(failed(new Error("no endpoints")));
              continue;
            }
            const where =
              [...cluster.made].find(([, list]) => list.includes(after[hit] as (typeof after)[0]))?.[0] ?? "";
            if (!probation) expect([...good].map((n) => showAddress(at(n)))).toContain(where);
            called.set(where, (called.get(where) ?? 0) + 1);
            open.push({ ctx, promise, where });
          } else if (op.kind === "end") {
            const [call] = open.splice(op.which % Math.max(open.length, 1), 1);
            if (call === undefined) continue;
            const error = new CancelledError();
            // The scripted endpoint answers only to a cancel, and a call that has ended can not be cancelled.
            call.ctx.cancel(error);
            if (op.how === "ok") call.ctx.respond("rep");
            call.ctx.end(op.how === "ok" ? ok : failed(op.how === "fails" ? asError("it fails") : error));
          } else if (op.kind === "status") {
            const endpoint = cluster.endpoint(op.which);
            if (endpoint !== undefined && endpoint.closes === 0) endpoint.status = op.status;
          } else await cluster.clock.advance(op.ms);
          await settle();
          // Load is what is in flight with those that are still in the set.
          const size = cluster.stats.readGauge("loadbalancer/size") as number;
          const load = cluster.stats.readGauge("loadbalancer/load") as number;
          if (!probation) expect(size).toBe(good?.size ?? 0);
          const members = probation ? undefined : new Set([...(good ?? [])].map((n) => showAddress(at(n))));
          const live = open.filter((call) => {
            const list = cluster.made.get(call.where) ?? [];
            const last = list.at(-1);
            return (members?.has(call.where) ?? true) && last?.calls.some((each) => each.ctx === call.ctx);
          });
          if (!probation) expect(load).toBeLessThanOrEqual(live.length);
          expect(load).toBeGreaterThanOrEqual(0);
          const counted = (name: string): number => cluster.stats.readCounter(`loadbalancer/${name}`);
          expect(counted("adds") - counted("removes")).toBe(size);
          for (const list of cluster.made.values()) {
            for (const endpoint of list) {
              expect(endpoint.closes).toBeLessThanOrEqual(1);
              if (endpoint.closes > 0) expect(endpoint.calls.every((each) => each.ctx.ended)).toBe(true);
            }
          }
        }
        for (const call of open) {
          call.ctx.cancel(new CancelledError());
          call.ctx.end(ok);
        }
        await settle();
        expect(cluster.stats.readGauge("loadbalancer/load")).toBe(0);
        await cluster.service.close();
        for (const endpoint of cluster.all()) expect(endpoint.closes).toBe(1);
        expect(cluster.dest.observed).toBe(false);
        expect(cluster.clock.armed).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it("keeps the endpoints of addresses that stay, and makes each once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(fc.nat({ max: 5 }), { minLength: 1 }), { minLength: 1 }),
        async (sets) => {
          const cluster = new Cluster(leastLoaded(), pendingAddr);
          let before = new Set<number>();
          const makes = new Map<number, number>();
          for (const set of sets) {
            cluster.dest.set(boundAddr(set.map((n) => at(n, 1 + (n % 2)))));
            // Enough calls that every endpoint is made.
            for (let i = 0; i < 200; i++) {
              const ctx = new Ctx();
              await cluster.service.call("req", ctx);
              ctx.end(ok);
            }
            for (const n of set) if (!before.has(n)) makes.set(n, (makes.get(n) ?? 0) + 1);
            before = new Set(set);
          }
          for (const [n, count] of makes)
            expect(cluster.made.get(showAddress(at(n)))?.length ?? 0).toBeLessThanOrEqual(count);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("gives a class of a weight its share by weight times size, and each endpoint its weight's share", async () => {
    const weights = [1, 1, 1, 2, 2, 0.5, 0, 4];
    const cluster = new Cluster(leastLoaded(), boundAddr(weights.map((weight, n) => at(n, weight))));
    const calls = 100_000;
    for (let i = 0; i < calls; i++) {
      const ctx = new Ctx();
      void cluster.service.call("req", ctx);
      ctx.end(ok);
    }
    await settle();
    const total = weights.reduce((sum, each) => sum + each, 0);
    weights.forEach((weight, n) => {
      const share = (cluster.endpoint(n)?.calls.length ?? 0) / calls;
      const expected = weight / total;
      expect(Math.abs(share - expected)).toBeLessThanOrEqual(5 * Math.sqrt((expected * (1 - expected)) / calls));
    });
    expect(cluster.endpoint(6)).toBeUndefined();
    expect(cluster.stats.readGauge("loadbalancer/num_weight_classes")).toBe(5);
  });

  it("gives the same shares whatever the order of discovery", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(0, 0.5, 1, 3), { minLength: 2, maxLength: 6 }).filter((all) => all.some((w) => w > 0)),
        fc.boolean(),
        async (weights, reversed) => {
          const addresses = weights.map((weight, n) => at(n, weight));
          const cluster = new Cluster(leastLoaded(), boundAddr(reversed ? [...addresses].reverse() : addresses));
          const calls = 4000;
          for (let i = 0; i < calls; i++) {
            const ctx = new Ctx();
            void cluster.service.call("req", ctx);
            ctx.end(ok);
          }
          const total = weights.reduce<number>((sum, each) => sum + each, 0);
          weights.forEach((weight, n) => {
            const share = (cluster.endpoint(n)?.calls.length ?? 0) / calls;
            const expected = weight / total;
            expect(Math.abs(share - expected)).toBeLessThanOrEqual(
              5 * Math.sqrt((expected * (1 - expected)) / calls) + 1e-12,
            );
          });
        },
      ),
      { numRuns: 20 },
    );
  });

  it.each([
    ["least load", leastLoaded()],
    ["peak EWMA", peakEwma()],
    ["peak EWMA with a default time", peakEwma({ defaultRttMs: 20 })],
  ])("gives one that joins between half and twice its part of the calls that follow, by %s", async (_name, kind) => {
    const n = 10;
    const cluster = new Cluster(kind, bound(...Array.from({ length: n }, (_, i) => i)), {
      script: (where) => answerOk(where, 20),
    });
    const run = async (calls: number): Promise<void> => {
      for (let i = 0; i < calls; i++) {
        const ctx = new Ctx();
        void cluster.service.call("req", ctx).then((rep) => {
          ctx.respond(rep);
          ctx.end(ok);
        });
        await cluster.clock.advance(0.4);
      }
    };
    await run(1000);
    cluster.dest.set(bound(...Array.from({ length: n + 1 }, (_, i) => i)));
    // Time for its first answer, and about 50 calls in flight at any time.
    await run(100);
    const before = cluster.endpoint(n)?.calls.length ?? 0;
    await run(1100);
    const share = ((cluster.endpoint(n)?.calls.length ?? 0) - before) / 1100;
    expect(share * (n + 1)).toBeGreaterThan(0.5);
    expect(share * (n + 1)).toBeLessThan(2);
  });

  it("never panics into a busy class while another class has an open node", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(1, 2, 3), fc.boolean()), { minLength: 2, maxLength: 10 }),
        fc.integer(),
        async (plan, seed) => {
          const cluster = new Cluster(leastLoaded(), boundAddr(plan.map(([weight], n) => at(n, weight))), { seed });
          const call = async (): Promise<string> => {
            const ctx = new Ctx();
            const answer = await cluster.service.call("req", ctx);
            ctx.end(ok);
            return answer;
          };
          for (let i = 0; i < 100; i++) await call();
          plan.forEach(([, healthy], n) => {
            const endpoint = cluster.endpoint(n);
            if (endpoint !== undefined && !healthy) endpoint.status = "busy";
          });
          // One whole class open: within a class a few tries may miss, between classes none does.
          const openWeights = new Set(plan.filter(([, healthy]) => healthy).map(([weight]) => weight));
          for (const [weight, healthy] of plan) if (!healthy) openWeights.delete(weight);
          if (openWeights.size === 0) return;
          const before = cluster.stats.readCounter("loadbalancer/max_effort_exhausted");
          for (let i = 0; i < 50; i++) await call();
          expect(cluster.stats.readCounter("loadbalancer/max_effort_exhausted")).toBe(before);
        },
      ),
    );
  });

  it("picks a busy node as often as its tries miss, and then counts that its effort was exhausted", async () => {
    const n = 100;
    for (const [busy, maxEffort] of [
      [50, 5],
      [30, 2],
      [80, 4],
    ] as const) {
      const cluster = new Cluster(leastLoaded({ maxEffort }), bound(...Array.from({ length: n }, (_, i) => i)));
      const callOnce = (): void => {
        const ctx = new Ctx();
        void cluster.service.call("req", ctx);
        ctx.end(ok);
      };
      for (let i = 0; i < 5000; i++) callOnce();
      for (let i = 0; i < busy; i++) (cluster.endpoint(i) as { status: Status }).status = "busy";
      const calls = 50_000;
      for (let i = 0; i < calls; i++) callOnce();
      const share = cluster.stats.readCounter("loadbalancer/max_effort_exhausted") / calls;
      const expected = ((busy / n) * ((busy - 1) / (n - 1))) ** maxEffort;
      expect(Math.abs(share - expected)).toBeLessThanOrEqual(5 * Math.sqrt((expected * (1 - expected)) / calls) + 1e-9);
    }
  });

  it("keeps outstanding calls within a small gap at constant concurrency", async () => {
    for (const seed of [1, 2, 3]) {
      const n = 20;
      const cluster = new Cluster(leastLoaded(), bound(...Array.from({ length: n }, (_, i) => i)), {
        seed,
        script: () => answerNever,
      });
      const rng = seededRng(seed);
      const open: { ctx: Ctx; where: number }[] = [];
      const load = Array<number>(n).fill(0);
      let worst = 0;
      for (let i = 0; i < 20_000; i++) {
        if (open.length >= 5 * n) {
          const [done] = open.splice(Math.floor(rng.next() * open.length), 1);
          if (done === undefined) continue;
          load[done.where]!--;
          done.ctx.end(ok);
        }
        const ctx = new Ctx();
        const before = Array.from({ length: n }, (_, k) => cluster.endpoint(k)?.calls.length ?? 0);
        cluster.service.call("req", ctx).catch(() => {});
        const where = before.findIndex((count, k) => (cluster.endpoint(k)?.calls.length ?? 0) > count);
        load[where]!++;
        open.push({ ctx, where });
        if (i > 1000) worst = Math.max(worst, Math.max(...load) - Math.min(...load));
      }
      expect(worst).toBeLessThanOrEqual(8);
      expect(Math.max(...load)).toBeLessThanOrEqual(2 * 5);
    }
  });
});

describe("waiting for the first addresses", () => {
  it("sends on what waits, in order, and lets a cancelled call go at once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 20 }), async (cancels) => {
        const cluster = new Cluster(leastLoaded(), pendingAddr, { script: (where) => answerOk(where) });
        const calls = cancels.map((cancel, n) => {
          const ctx = new Ctx();
          const caught = cluster.service.call(`req ${n}`, ctx).catch((error: unknown) => error);
          return { cancel, ctx, caught };
        });
        const reason = new CancelledError("enough");
        for (const { cancel, ctx } of calls) if (cancel) ctx.cancel(reason);
        await Promise.all(
          calls.filter((each) => each.cancel).map(async (each) => expect(await each.caught).toBe(reason)),
        );
        cluster.dest.set(bound(0));
        await settle();
        const expected = cancels.flatMap((cancel, n) => (cancel ? [] : [`req ${n}`]));
        expect(cluster.endpoint(0)?.calls.map((each) => each.req) ?? []).toEqual(expected);
        for (const { cancel, caught } of calls) if (!cancel) expect(await caught).toBe("10.0.0.0:80");
      }),
    );
  });
});

describe("waiting with a deadline", () => {
  it("ends when the deadline passes, not sooner, and the call is not sent on later", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.integer({ min: -5, max: 1000 }), { nil: Number.POSITIVE_INFINITY }), { maxLength: 20 }),
        fc.integer({ min: 0, max: 1000 }),
        async (deadlines, knownMs) => {
          const cluster = new Cluster(leastLoaded(), pendingAddr);
          const startMs = cluster.clock.now();
          const calls = deadlines.map((deadline, n) => {
            const ctx = new Ctx();
            ctx.deadline = startMs + deadline;
            const outcome: { code?: string; timeoutMs?: number; atMs?: number; rep?: string } = {};
            cluster.service.call(`req ${n}`, ctx).then(
              (rep) => {
                outcome.rep = rep;
              },
              (error: { code: string; timeoutMs: number; flags: readonly string[] }) => {
                expect(error.flags).toEqual(["deadlineExceeded"]);
                Object.assign(outcome, { code: error.code, timeoutMs: error.timeoutMs, atMs: cluster.clock.now() });
              },
            );
            return outcome;
          });
          expect(cluster.clock.armed).toBe(deadlines.filter((each) => Number.isFinite(each) && each > 0).length);
          await cluster.clock.advance(knownMs);
          cluster.dest.set(bound(0));
          await settle();
          expect(cluster.clock.armed).toBe(0);
          deadlines.forEach((deadline, n) => {
            if (deadline > knownMs) expect(calls[n]).toEqual({ rep: "10.0.0.0:80" });
            else {
              const timeoutMs = Math.max(deadline, 0);
              expect(calls[n]).toEqual({ code: "WEFT_BALANCER_TIMEOUT", timeoutMs, atMs: startMs + timeoutMs });
            }
          });
          const sent = deadlines.flatMap((deadline, n) => (deadline > knownMs ? [`req ${n}`] : []));
          expect(cluster.endpoint(0)?.calls.map((each) => each.req) ?? []).toEqual(sent);
        },
      ),
    );
  });

  it("leaves no timer when the call is cancelled or the balancer closed", async () => {
    const cluster = new Cluster(leastLoaded(), pendingAddr);
    const calls = [0, 1].map(() => {
      const ctx = new Ctx();
      ctx.deadline = 1000;
      return { ctx, caught: cluster.service.call("req", ctx).catch((error: { code: string }) => error.code) };
    });
    calls[0]?.ctx.cancel(new CancelledError());
    expect(cluster.clock.armed).toBe(1);
    await cluster.service.close();
    expect(cluster.clock.armed).toBe(0);
    expect(await Promise.all(calls.map((each) => each.caught))).toEqual(["WEFT_CANCELLED", "WEFT_CLOSED"]);
  });
});

it("uses no time and no chance of its own", () => {
  const clock = new ManualClock();
  expect(() => new Cluster(peakEwma(), bound(0)).service).not.toThrow();
  expect(clock.armed).toBe(0);
});
