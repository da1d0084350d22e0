import { Ctx, ok } from "@weftmesh/core";
import { BalancingPool } from "@weftmesh/pool";
import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeSharedFactory } from "./fake-shared-sessions.ts";

const clock = new ManualClock();

function loads(factory: FakeSharedFactory): number[] {
  return factory.sessions.map((each) => each.inUse);
}

describe("BalancingPool", () => {
  it("spreads calls evenly over its sessions, and opens no more of them than it needs", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant("call" as const) }, { weight: 2, arbitrary: fc.nat(9) })),
        async (sessions, ops) => {
          const factory = new FakeSharedFactory(true);
          const pool = new BalancingPool(factory, { sessions, clock });
          const calls: Ctx[] = [];
          let most = 0;
          for (const op of ops) {
            if (op === "call") {
              const before = loads(factory);
              const ctx = new Ctx();
              void pool.call(`r${calls.length}`, ctx);
              calls.push(ctx);
              await settle();
              // It went where the fewest were, and nobody was where there was no session yet.
              const at = factory.sessions.findIndex((each) => each.calls.has(`r${calls.length - 1}`));
              expect(before[at] ?? 0).toBe(before.length < sessions ? 0 : Math.min(...before));
            } else {
              const open = calls.filter((each) => !each.ended);
              open[op % open.length]?.end(ok);
            }
            most = Math.max(most, calls.filter((each) => !each.ended).length);
            expect(factory.openings.length).toBeLessThanOrEqual(Math.min(sessions, most));
          }
          for (const each of calls) each.end(ok);
          await pool.close();
          expect(factory.sessions.map((each) => each.closes)).toEqual(factory.sessions.map(() => 1));
          expect(factory.closes).toBe(1);
        },
      ),
    );
  }, 60_000);

  it("leaves a busy session alone while another is not, and uses it when all are", async () => {
    const factory = new FakeSharedFactory(true);
    const pool = new BalancingPool(factory, { sessions: 2, clock });
    for (const req of ["a", "b", "c"]) {
      void pool.call(req, new Ctx());
      await settle();
    }
    expect(loads(factory)).toEqual([2, 1]);
    (factory.sessions[1] as { status: string }).status = "busy";
    expect(pool.status).toBe("open");
    for (const req of ["d", "e"]) void pool.call(req, new Ctx());
    expect(loads(factory)).toEqual([4, 1]);
    (factory.sessions[0] as { status: string }).status = "busy";
    expect(pool.status).toBe("busy");
    void pool.call("f", new Ctx());
    expect(loads(factory)).toEqual([4, 2]);
  });

  it("replaces a session that dies, without a look at the others", async () => {
    const factory = new FakeSharedFactory(true);
    const pool = new BalancingPool(factory, { sessions: 2, clock });
    for (const req of ["a", "b"]) void pool.call(req, new Ctx()).catch(() => {});
    await settle();
    factory.sessions[0]?.goAway(true);
    void pool.call("c", new Ctx());
    await settle();
    expect(factory.sessions.map((each) => [...each.calls.keys()])).toEqual([["a"], ["b"], ["c"]]);
  });

  it("adds its sessions up in the metrics, and closes once, the factory last", async () => {
    const stats = new MemoryStats();
    const factory = new FakeSharedFactory(true);
    const pool = new BalancingPool(factory, { sessions: 2, clock, stats });
    const ctxs = [new Ctx(), new Ctx()];
    for (const ctx of ctxs) void pool.call("req", ctx);
    await settle();
    expect(stats.readGauge("pool_size")).toBe(2);
    const closing = pool.close();
    expect(pool.close()).toBe(closing);
    expect(pool.status).toBe("closed");
    await expect(pool.call("late", new Ctx())).rejects.toMatchObject({ code: "WEFT_CLOSED" });
    ctxs[0]?.end(ok);
    await settle();
    expect(factory.closes).toBe(0);
    ctxs[1]?.end(ok);
    await closing;
    expect(factory.closes).toBe(1);
  });

  it("wants at least one session", () => {
    for (const sessions of [0, -1, Number.NaN]) {
      expect(() => new BalancingPool(new FakeSharedFactory(), { sessions, clock })).toThrow(
        `sessions of a pool must be at least 1, not ${sessions}`,
      );
    }
  });
});
