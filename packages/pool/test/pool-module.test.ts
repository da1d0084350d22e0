import {
  type AnyFilter,
  CancelledError,
  ClockParam,
  Ctx,
  filterModule,
  type Module,
  ok,
  Params,
  role,
  type Service,
  type ServiceFactory,
  Stack,
} from "@weftmesh/core";
import {
  BalancingPool,
  Pool,
  PoolAllowInterrupts,
  PoolIdleTimeMs,
  PoolMaxSize,
  PoolMaxWaiters,
  PoolMinSize,
  PoolRole,
  PoolSessions,
  poolModule,
  SessionIdleTimeMs,
  type SessionLeaf,
  SessionLifeTimeMs,
  SingletonPool,
  singletonPool,
  unpooled,
} from "@weftmesh/pool";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { FakeFactory, type FakeSession } from "./fake-sessions.ts";
import { FakeSharedFactory } from "./fake-shared-sessions.ts";

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
    expect(() => leafless.make(params)).toThrow("the leaf offers no sessions");
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

  it("takes the sessions of a module in between that offers them, as one that watches connects does", async () => {
    const factory = new FakeFactory(true);
    let opened = 0;
    const watching: Module<Service<string, string>> = {
      role: role("watching"),
      description: "Counts connects",
      params: {},
      make: (params, next) => {
        const below = next.make(params) as SessionLeaf<string, string>;
        const sessions: ServiceFactory<string, string> = {
          open: (ctx) => {
            opened++;
            return below.sessions.open(ctx);
          },
          status: "open",
          close: () => below.sessions.close(),
        };
        return unpooled(sessions);
      },
    };
    const params = Params.empty.with(ClockParam, new ManualClock());
    const pool = stackOver(factory).after(PoolRole, watching).make(params);
    const ctx = new Ctx();
    void pool.call("req", ctx);
    await settle();
    ctx.end(ok);
    void pool.call("req", new Ctx());
    expect([opened, factory.sessions[0]?.calls]).toEqual([1, 2]);
  });
});

describe("singletonPool", () => {
  const module = singletonPool<string, string>();
  const params = Params.empty.with(ClockParam, new ManualClock());
  const over = (factory: FakeSharedFactory): Stack<Service<string, string>> =>
    new Stack<Service<string, string>>([module], () => unpooled(factory));

  it("has the role of the pool, so that it takes its place in a stack", async () => {
    const factory = new FakeSharedFactory(true);
    const svc = stackOver(new FakeFactory())
      .replace(PoolRole, module)
      .concat(new Stack<Service<string, string>>([], () => unpooled(factory)))
      .make(params);
    expect(svc).toBeInstanceOf(SingletonPool);
    for (const req of ["a", "b"]) void svc.call(req, new Ctx());
    await settle();
    expect(factory.sessions.map((each) => each.inUse)).toEqual([2]);
  });

  it("has a few sessions where that is said, and what else the parameters say", async () => {
    const factory = new FakeSharedFactory();
    const clock = new ManualClock();
    const stats = new MemoryStats();
    const svc = over(factory).make(
      params
        .with(ClockParam, clock)
        .with(StatsParam, stats)
        .with(PoolSessions, 2)
        .with(PoolAllowInterrupts, true)
        .with(PoolMaxWaiters, 1)
        .with(SessionIdleTimeMs, 100)
        .with(SessionLifeTimeMs, 150),
    );
    expect(svc).toBeInstanceOf(BalancingPool);
    expect(stats.names()).toEqual([
      "idle",
      "lifetime",
      "pool_cached",
      "pool_num_too_many_waiters",
      "pool_num_waited",
      "pool_redials",
      "pool_size",
      "pool_waiters",
      "singletonpool/connects/dead",
      "singletonpool/connects/fail",
    ]);
    const ctxs = [new Ctx(), new Ctx(), new Ctx()];
    const calls = ctxs.map((ctx) => svc.call("req", ctx));
    await expect(calls[2]).rejects.toMatchObject({ code: "WEFT_POOL_WAITERS" });
    ctxs[1]?.cancel(new CancelledError());
    await expect(calls[1]).rejects.toBeInstanceOf(CancelledError);
    expect(factory.openings.map((each) => each.done)).toEqual([false, true]);
    factory.openings[0]?.succeed();
    await settle();
    await clock.advance(150);
    expect(stats.readCounter("lifetime")).toBe(1);
    ctxs[0]?.end(ok);
    expect(factory.sessions[0]?.closes).toBe(1);
    void svc.call("req", new Ctx());
    factory.openings[2]?.succeed();
    await settle();
    expect([stats.readGauge("pool_size"), stats.readGauge("pool_cached")]).toEqual([1, 0]);
  });

  it("refuses to stand anywhere but right above the leaf, and less than one session", () => {
    const stack = over(new FakeSharedFactory());
    expect(() => stack.after(PoolRole, other()).make(params)).toThrow("below it: other");
    expect(() => stack.make(params.with(PoolSessions, 0))).toThrow("sessions of a pool must be at least 1, not 0");
  });
});
