import { CancelledError, ClosedError, Ctx, ok, service } from "@weftmesh/core";
import { DeadSessionError, SingletonPool, type SingletonPoolOptions } from "@weftmesh/pool";
import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { FakeSharedFactory, type FakeSharedSession } from "./fake-shared-sessions.ts";

const clock = new ManualClock();

function poolOver(options: Partial<SingletonPoolOptions> = {}): {
  pool: SingletonPool<string, string>;
  factory: FakeSharedFactory;
} {
  const factory = new FakeSharedFactory();
  return { factory, pool: new SingletonPool(factory, { clock, ...options }) };
}

function sessionOf(factory: FakeSharedFactory, n: number): FakeSharedSession {
  return factory.openings[n]?.session as FakeSharedSession;
}

describe("SingletonPool", () => {
  it("gives the promise of the open session itself, without a hop", async () => {
    const promise = Promise.resolve("rep");
    const session = service<string, string>(() => promise);
    const pool = new SingletonPool<string, string>(
      { open: () => Promise.resolve(session), status: "open", close: () => Promise.resolve() },
      { clock },
    );
    await pool.call("first", new Ctx());
    expect(pool.call("second", new Ctx())).toBe(promise);
  });

  it("makes a new connect for a call that comes right after the last one was given up", async () => {
    const { pool, factory } = poolOver({ allowInterrupts: true });
    const gone = new Ctx();
    const first = pool.call("first", gone);
    gone.cancel(new CancelledError("the first went away"));
    const second = pool.call("second", new Ctx());
    await expect(first).rejects.toThrow("the first went away");
    expect(factory.openings.map((each) => each.done)).toEqual([true, false]);
    factory.openings[1]?.succeed();
    await settle();
    sessionOf(factory, 1).answer("second");
    expect(await second).toBe("second by 1");
    expect(pool.size).toBe(1);
  });

  it("says why it gave a connect up, and counts that as no failure", async () => {
    const stats = new MemoryStats();
    const { pool, factory } = poolOver({ allowInterrupts: true, stats });
    const ctx = new Ctx();
    const call = pool.call("req", ctx);
    ctx.cancel(new CancelledError());
    await expect(call).rejects.toThrow("the caller went away");
    expect(String(factory.openings[0]?.ctx.cancelled)).toContain("every call that waited");
    expect(stats.readCounter("singletonpool/connects/fail")).toBe(0);
  });

  it("fails all who wait when the connect fails, and tries anew for the next", async () => {
    const { pool, factory } = poolOver();
    const calls = ["a", "b"].map((req) => pool.call(req, new Ctx()));
    factory.openings[0]?.fail();
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: "WEFT_CONNECT_REFUSED" });
    void pool.call("c", new Ctx());
    expect(factory.openings).toHaveLength(2);
  });

  it("takes a session that is closed at once for a failed connect, so that it never tries in a circle", async () => {
    const { pool, factory } = poolOver();
    const call = pool.call("req", new Ctx());
    factory.openings[0]?.succeed("closed");
    const error: unknown = await call.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DeadSessionError);
    expect(error).toMatchObject({ code: "WEFT_POOL_DEAD_SESSION", flags: ["retryable"] });
    expect([factory.openings.length, sessionOf(factory, 0).closes, pool.size]).toEqual([1, 1, 0]);
  });

  it("lets those who are left wait for the next session when one closes under the calls that it is given", async () => {
    const { pool, factory } = poolOver();
    const calls = ["a", "b"].map((req) => pool.call(req, new Ctx()));
    const session = factory.openings[0]?.succeed() as FakeSharedSession;
    const { call } = session;
    session.call = (req, ctx) => {
      const promise = call.call(session, req, ctx);
      session.goAway(true);
      return promise;
    };
    await settle();
    session.answer("a");
    factory.openings[1]?.succeed();
    await settle();
    sessionOf(factory, 1).answer("b");
    expect(await Promise.all(calls)).toEqual(["a by 0", "b by 1"]);
    expect(session.misused).toEqual([]);
  });

  it("turns what a session throws into a rejection of that one call", async () => {
    const session = service<string, string>((req) => {
      if (req === "bad") throw new Error("thrown by the session");
      return Promise.resolve(req);
    });
    const pool = new SingletonPool<string, string>(
      { open: () => Promise.resolve(session), status: "open", close: () => Promise.resolve() },
      { clock },
    );
    const [bad, good] = [pool.call("bad", new Ctx()), pool.call("good", new Ctx())];
    await expect(bad).rejects.toThrow("thrown by the session");
    expect(await good).toBe("good");
    await expect(pool.call("bad", new Ctx())).rejects.toThrow("thrown by the session");
  });

  it("finishes the calls of its session when it closes, and opens nothing for those that wait", async () => {
    const { pool, factory } = poolOver();
    const ctx = new Ctx();
    const call = pool.call("req", ctx);
    factory.openings[0]?.succeed();
    await settle();
    sessionOf(factory, 0).goAway(true);
    const waiting = pool.call("waiting", new Ctx());
    const closing = pool.close();
    await expect(waiting).rejects.toBeInstanceOf(ClosedError);
    await expect(pool.call("late", new Ctx())).rejects.toBeInstanceOf(ClosedError);
    expect(factory.openings.map((each) => each.done)).toEqual([true, true]);
    sessionOf(factory, 0).answer("req");
    expect(await call).toBe("req by 0");
    expect([factory.closes, sessionOf(factory, 0).closes]).toEqual([0, 0]);
    ctx.end(ok);
    await closing;
    expect([factory.closes, sessionOf(factory, 0).closes]).toEqual([1, 1]);
  });

  it("is as busy as its session, and as its factory", async () => {
    const { pool, factory } = poolOver();
    void pool.call("req", new Ctx());
    const session = factory.openings[0]?.succeed() as FakeSharedSession;
    await settle();
    const seen = [];
    for (const [ofSession, ofFactory] of [
      ["open", "open"],
      ["busy", "open"],
      ["open", "busy"],
      ["busy", "closed"],
      ["closed", "open"],
    ] as const) {
      session.status = ofSession;
      factory.status = ofFactory;
      seen.push(pool.status);
    }
    expect(seen).toEqual(["open", "busy", "busy", "closed", "open"]);
  });

  it("sets no timer and asks no clock when no limit is set", async () => {
    const refuse = (): never => {
      throw new Error("it asked for the time");
    };
    const { pool, factory } = poolOver({ clock: { now: refuse, after: refuse, epochMs: refuse } });
    const ctx = new Ctx();
    const call = pool.call("req", ctx);
    factory.openings[0]?.succeed();
    await settle();
    sessionOf(factory, 0).answer("req");
    expect(await call).toBe("req by 0");
    ctx.end(ok);
  });

  it("survives a session that cannot close, and a factory that throws", async () => {
    const session = { ...service<string, string>((req) => Promise.resolve(req)) };
    session.close = () => Promise.reject(new Error("it will not close"));
    let opens = 0;
    const pool = new SingletonPool<string, string>(
      {
        open: () => {
          if (opens++ === 0) throw new Error("thrown by open");
          return Promise.resolve(session);
        },
        status: "open",
        close: () => Promise.resolve(),
      },
      { clock },
    );
    await expect(pool.call("first", new Ctx())).rejects.toThrow("thrown by open");
    const ctx = new Ctx();
    expect(await pool.call("second", ctx)).toBe("second");
    ctx.end(ok);
    await pool.close();
    expect(pool.size).toBe(0);
  });
});
