import { type AnyFilter, ClockParam, Ctx, filterModule, ok, Params, role, type Service, Stack } from "@weftmesh/core";
import {
  Pool,
  PoolIdleTimeMs,
  PoolMaxSize,
  PoolMaxWaiters,
  PoolMinSize,
  PoolRole,
  poolModule,
  unpooled,
} from "@weftmesh/pool";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { FakeFactory, type FakeSession } from "./fake-sessions.ts";

const passThrough: AnyFilter = (req, ctx, next) => next.call(req, ctx);
const other = filterModule({ role: role("other"), description: "", params: {}, filter: () => passThrough });

function stackOver(factory: FakeFactory): Stack<Service<string, string>> {
  return new Stack<Service<string, string>>([poolModule()], () => unpooled(factory));
}

describe("poolModule", () => {
  it("makes a pool of the leaf's sessions, with the limits of the stack", async () => {
    const stats = new MemoryStats();
    const clock = new ManualClock();
    const factory = new FakeFactory(true);
    const params = Params.empty
      .with(ClockParam, clock)
      .with(StatsParam, stats)
      .with(PoolMinSize, 0)
      .with(PoolMaxSize, 1)
      .with(PoolMaxWaiters, 1)
      .with(PoolIdleTimeMs, 100);
    const pool = stackOver(factory).make(params);
    expect(pool).toBeInstanceOf(Pool);
    const ctxs = [new Ctx(), new Ctx()];
    const calls = ctxs.map((ctx) => pool.call("req", ctx));
    await expect(pool.call("third", new Ctx())).rejects.toMatchObject({ code: "WEFT_POOL_WAITERS" });
    for (const ctx of ctxs) {
      await settle();
      factory.sessions[0]?.answer();
      await settle();
      ctx.end(ok);
    }
    expect(await Promise.all(calls)).toEqual(["req by 0", "req by 0"]);
    expect(stats.readGauge("pool_cached")).toBe(1);
    await clock.advance(200);
    expect(stats.readGauge("pool_cached")).toBe(0);
    expect(factory.sessions[0]?.closes).toBe(1);
  });

  it("refuses to stand anywhere but right above the leaf", () => {
    const params = Params.empty.with(ClockParam, new ManualClock());
    const stack = stackOver(new FakeFactory()).after(PoolRole, other());
    expect(() => stack.make(params)).toThrow("below it: other");
    const leafless = new Stack<Service<string, string>>(
      [poolModule()],
      () => new Pool(new FakeFactory(), { clock: new ManualClock() }),
    );
    expect(() => leafless.make(params)).toThrow("the leaf is no unpooled factory");
  });

  it("may be left out: then each call has a session of its own, closed when the call ends", async () => {
    const factory = new FakeFactory(true);
    const svc = stackOver(factory).remove(PoolRole).make(Params.empty);
    for (let i = 0; i < 2; i++) {
      const ctx = new Ctx();
      const call = svc.call("req", ctx);
      await settle();
      const session = factory.sessions[i] as FakeSession;
      session.answer();
      expect(await call).toBe(`req by ${i}`);
      expect(session.closes).toBe(0);
      ctx.end(ok);
      expect(session.closes).toBe(1);
    }
    await svc.close();
    expect(factory.closes).toBe(1);
    expect(svc.status).toBe("closed");
  });
});
