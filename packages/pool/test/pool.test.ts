import { CancelledError, ClosedError, Ctx, ok, service } from "@weftmesh/core";
import { Pool, PoolDeadlineError, PoolWaitersError } from "@weftmesh/pool";
import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { FakeFactory, type FakeSession } from "./fake-sessions.ts";

const clock = new ManualClock();

function sessionOf(factory: FakeFactory, n: number): FakeSession {
  return factory.sessions[n] as FakeSession;
}

/** A pool with one idle session. */
async function warmPool(options: object = {}): Promise<{ pool: Pool<string, string>; factory: FakeFactory }> {
  const factory = new FakeFactory(true);
  const pool = new Pool(factory, { clock, ...options });
  const ctx = new Ctx();
  const call = pool.call("warm", ctx);
  await settle();
  sessionOf(factory, 0).answer();
  await call;
  ctx.end(ok);
  expect(pool.cached).toBe(1);
  return { pool, factory };
}

describe("Pool", () => {
  it("gives the promise of an idle session itself, without a hop", async () => {
    const promise = Promise.resolve("rep");
    const session = service<string, string>(() => promise);
    const pool = new Pool<string, string>(
      { open: () => Promise.resolve(session), status: "open", close: () => Promise.resolve() },
      { clock },
    );
    const first = new Ctx();
    await pool.call("req", first);
    first.end(ok);
    expect(pool.call("req", new Ctx())).toBe(promise);
  });

  it("asks a clock nothing and sets no timer when no limit is set", async () => {
    const { pool } = await warmPool({
      clock: {
        now: () => {
          throw new Error("it asked for the time");
        },
        after: () => {
          throw new Error("it set a timer");
        },
      },
    });
    expect(pool.cached).toBe(1);
  });

  it("keeps a session in use until the ctx ends, however long ago it answered", async () => {
    const { pool, factory } = await warmPool();
    const ctx = new Ctx();
    const call = pool.call("req", ctx);
    sessionOf(factory, 0).answer();
    expect(await call).toBe("req by 0");
    expect([pool.size, pool.cached]).toEqual([1, 0]);
    ctx.end(ok);
    expect([pool.size, pool.cached]).toEqual([1, 1]);
  });

  it("does not touch a session for a call that was cancelled before", async () => {
    const { pool, factory } = await warmPool();
    const ctx = new Ctx();
    const reason = new CancelledError();
    ctx.cancel(reason);
    await expect(pool.call("req", ctx)).rejects.toBe(reason);
    expect([pool.cached, sessionOf(factory, 0).calls]).toEqual([1, 1]);
  });

  it("makes a stale call again on a fresh session, never on another idle one", async () => {
    const { pool, factory } = await warmPool();
    const ctxs = [new Ctx(), new Ctx()];
    const calls = ctxs.map((ctx, i) => pool.call(`r${i}`, ctx));
    await settle();
    for (const session of factory.sessions) session.answer();
    await Promise.all(calls);
    for (const ctx of ctxs) ctx.end(ok);
    expect(pool.cached).toBe(2);

    const ctx = new Ctx();
    const call = pool.call("again", ctx);
    const stale = factory.sessions.find((each) => each.request === "again") as FakeSession;
    stale.dieStale();
    await settle();
    expect(factory.sessions).toHaveLength(3);
    sessionOf(factory, 2).answer();
    expect(await call).toBe("again by 2");
    ctx.end(ok);
    expect([pool.size, pool.cached]).toEqual([2, 2]);
  });

  it("refuses with the figures in the message when too many wait, and is busy then", async () => {
    const stats = new MemoryStats();
    const pool = new Pool(new FakeFactory(true), { clock, maxSize: 1, maxWaiters: 0, stats });
    expect(pool.status).toBe("open");
    void pool.call("first", new Ctx());
    expect(pool.status).toBe("busy");
    const error: unknown = await pool.call("second", new Ctx()).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PoolWaitersError);
    expect(error).toMatchObject({ code: "WEFT_POOL_WAITERS", flags: ["rejected", "retryable"] });
    expect(String(error)).toContain("all 1 sessions");
    expect(stats.readCounter("pool_num_too_many_waiters")).toBe(1);
  });

  it("lets a factory that throws cost no place", async () => {
    const broken = new Pool<string, string>(
      {
        open: () => {
          throw new Error("thrown by open");
        },
        status: "open",
        close: () => Promise.resolve(),
      },
      { clock, maxSize: 1 },
    );
    for (let i = 0; i < 3; i++) await expect(broken.call("req", new Ctx())).rejects.toThrow("thrown by open");
    expect(broken.size).toBe(0);
  });

  it("closes once: idle sessions at once, busy ones when they are done, the factory last", async () => {
    const { pool, factory } = await warmPool();
    const ctx = new Ctx();
    const call = pool.call("req", ctx);
    const closing = pool.close();
    expect(pool.close()).toBe(closing);
    expect(pool.status).toBe("closed");
    await expect(pool.call("late", new Ctx())).rejects.toBeInstanceOf(ClosedError);
    sessionOf(factory, 0).answer();
    expect(await call).toBe("req by 0");
    expect([factory.closes, sessionOf(factory, 0).closes]).toEqual([0, 0]);
    ctx.end(ok);
    await closing;
    expect([factory.closes, sessionOf(factory, 0).closes]).toEqual([1, 1]);
  });

  it("adds up the figures of all pools of a client, and takes the gauges away with the last", async () => {
    const stats = new MemoryStats();
    const pools = [1, 2].map(() => new Pool(new FakeFactory(true), { clock, stats }));
    for (const pool of pools) void pool.call("req", new Ctx());
    await settle();
    expect(stats.readGauge("pool_size")).toBe(2);
    void pools[0]?.close();
    expect(stats.readGauge("pool_size")).toBe(1);
    void pools[1]?.close();
    expect(stats.names().filter((name) => stats.readGauge(name) !== undefined)).toEqual([]);
  });

  it("serves a waiter with a new session when the one it hoped for dies", async () => {
    const { pool, factory } = await warmPool({ maxSize: 1 });
    const first = pool.call("first", new Ctx());
    const second = pool.call("second", new Ctx());
    sessionOf(factory, 0).die();
    await expect(first).rejects.toThrow("the session died");
    await settle();
    sessionOf(factory, 1).answer();
    expect(await second).toBe("second by 1");
  });

  it("drops an idle session that died without a word when it next looks after the idle ones", async () => {
    const time = new ManualClock();
    const factory = new FakeFactory(true);
    const pool = new Pool(factory, { clock: time, sessionIdleTimeMs: 100 });
    const ctxs = [new Ctx(), new Ctx()];
    for (const ctx of ctxs) void pool.call("req", ctx);
    await settle();
    ctxs[0]?.end(ok);
    await time.advance(50);
    ctxs[1]?.end(ok);
    sessionOf(factory, 1).status = "closed";
    await time.advance(60);
    expect([pool.size, sessionOf(factory, 0).closes, sessionOf(factory, 1).closes]).toEqual([0, 1, 1]);
  });

  it("finishes the connect of a call that went away for the one that waits longest, and cancels it when nobody does", async () => {
    const factory = new FakeFactory();
    const pool = new Pool(factory, { clock, maxSize: 1 });
    const ctxs = [new Ctx(), new Ctx(), new Ctx()];
    const [first, second, third] = ctxs.map((ctx, i) => pool.call(`r${i}`, ctx)) as [
      Promise<string>,
      Promise<string>,
      Promise<string>,
    ];
    for (const [call, ctx] of [
      [first, ctxs[0]],
      [second, ctxs[1]],
    ] as const) {
      ctx?.cancel(new CancelledError("it went away"));
      await expect(call).rejects.toThrow("it went away");
    }
    expect([factory.openings.length, factory.opening, pool.waiters]).toEqual([1, 1, 0]);
    ctxs[2]?.cancel(new CancelledError("the last one as well"));
    await expect(third).rejects.toThrow("the last one as well");
    expect(factory.openings[0]?.ctx.cancelled).toMatchObject({ message: "the last one as well" });
    await settle();
    expect([factory.openings.length, factory.opening, pool.size]).toEqual([1, 0, 0]);
  });

  it("rejects a waiting call when its deadline passes, with the time that it waited, and no longer counts it", async () => {
    const time = new ManualClock(1_000);
    const pool = new Pool(new FakeFactory(), { clock: time, maxSize: 1, maxWaiters: 1 });
    void pool.call("first", new Ctx());
    const ctx = new Ctx();
    ctx.deadline = 1_030;
    const waiting = pool.call("waiting", ctx);
    const rejected = expect(waiting).rejects.toMatchObject({
      code: "WEFT_POOL_DEADLINE",
      flags: ["deadlineExceeded"],
      waitedMs: 30,
      message: "the call's deadline passed while it waited for a session, for 30 ms",
    });
    expect([pool.waiters, pool.status]).toEqual([1, "busy"]);
    await time.advance(30);
    await rejected;
    expect([pool.waiters, pool.status, time.armed]).toEqual([0, "open", 0]);
    const late = new Ctx();
    late.deadline = 1_030;
    await expect(pool.call("late", late)).rejects.toBeInstanceOf(PoolDeadlineError);
  });

  it("makes no stale call again once it is closed: that would open a session", async () => {
    const { pool, factory } = await warmPool();
    const call = pool.call("req", new Ctx());
    const closing = pool.close();
    sessionOf(factory, 0).dieStale();
    await expect(call).rejects.toMatchObject({ code: "WEFT_CLOSED", flags: ["retryable"] });
    await closing;
    expect([factory.openings.length, sessionOf(factory, 0).closes]).toEqual([1, 1]);
  });

  it("turns what a session throws into a rejection of the call that was waiting, and of no other", async () => {
    const broken = service<string, string>((req) => {
      if (req === "bad") throw new Error("thrown by the session");
      return Promise.resolve(req);
    });
    const pool = new Pool<string, string>(
      { open: () => Promise.resolve(broken), status: "open", close: () => Promise.resolve() },
      { clock, maxSize: 1 },
    );
    const ctx = new Ctx();
    const first = pool.call("good", ctx);
    const bad = pool.call("bad", new Ctx());
    expect(await first).toBe("good");
    ctx.end(ok);
    await expect(bad).rejects.toThrow("thrown by the session");
  });

  it("refuses sizes that are none, with the value in the message", () => {
    for (const [name, value, least] of [
      ["maxSize", 0, 1],
      ["maxSize", Number.NaN, 1],
      ["minSize", -1, 0],
      ["maxWaiters", -1, 0],
    ] as const) {
      expect(() => new Pool(new FakeFactory(), { clock, [name]: value })).toThrow(
        `${name} of a pool must be at least ${least}, not ${value}`,
      );
    }
  });
});
