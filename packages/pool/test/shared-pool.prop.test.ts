import { CancelledError, Ctx, ok, type Service, type ServiceFactory, type Status, WeftError } from "@weftmesh/core";
import { SharedPool, type SharedPoolOptions } from "@weftmesh/pool";
import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeSharedSession } from "./fake-shared-sessions.ts";

/** A session that is busy with so many calls, and learns that one is over only behind whoever watches the call. */
class LimitedSession extends FakeSharedSession {
  limit: number;
  most = 0;
  #late = 0;

  constructor(n: number, limit: number) {
    super(n, "open");
    this.limit = limit;
    let closed = false;
    Object.defineProperty(this, "status", {
      get: (): Status => {
        if (closed) return "closed";
        return this.inUse + this.#late < this.limit ? "open" : "busy";
      },
      set: (status: Status) => {
        closed ||= status === "closed";
      },
    });
  }

  override call(req: string, ctx: Ctx): Promise<string> {
    if (this.status === "busy") this.misused.push(`${req} on a busy session`);
    const answer = super.call(req, ctx);
    this.most = Math.max(this.most, this.inUse);
    return answer;
  }

  end(req: string): void {
    const call = this.calls.get(req);
    this.#late++;
    call?.ctx.end(ok);
    this.#late--;
    this.calls.delete(req);
  }
}

interface Opening {
  readonly ctx: Ctx;
  readonly resolve: (session: LimitedSession) => void;
  readonly reject: (error: Error) => void;
}

class Factory implements ServiceFactory<string, string> {
  status: Status = "open";
  readonly sessions: LimitedSession[] = [];
  readonly waiting: Opening[] = [];
  opened = 0;

  open(ctx: Ctx): Promise<Service<string, string>> {
    this.opened++;
    return new Promise<Service<string, string>>((resolve, reject) => {
      this.waiting.push({ ctx, resolve, reject });
      ctx.onCancel(reject);
    });
  }

  succeed(limit: number): void {
    const opening = this.waiting.shift();
    if (opening === undefined) return;
    const session = new LimitedSession(this.sessions.length, limit);
    this.sessions.push(session);
    opening.resolve(session);
  }

  fail(): void {
    this.waiting.shift()?.reject(new WeftError("WEFT_CONNECT_REFUSED", "refused", { flags: ["retryable"] }));
  }

  close(): Promise<void> {
    this.status = "closed";
    return Promise.resolve();
  }
}

function rig(options: Partial<SharedPoolOptions> = {}) {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const factory = new Factory();
  const pool = new SharedPool<string, string>(factory, { clock, stats, ...options });
  const calls: { readonly req: string; readonly ctx: Ctx; where: LimitedSession | undefined; outcome: string }[] = [];
  const call = (): void => {
    const ctx = new Ctx();
    const req = `r${calls.length}`;
    const entry = { req, ctx, where: undefined as LimitedSession | undefined, outcome: "waits" };
    calls.push(entry);
    pool.call(req, ctx).catch((error: Error) => {
      entry.outcome = error instanceof WeftError ? error.code : error.name;
      if (!ctx.ended) ctx.end({ kind: "failed", error });
    });
  };
  /** Calls that are on a session. */
  const served = () =>
    calls.flatMap(({ req, ctx }) => {
      const on = factory.sessions.find((each) => each.calls.has(req));
      return on === undefined || ctx.ended ? [] : [{ req, on }];
    });
  return { clock, stats, factory, pool, calls, call, served };
}

describe("a pool whose sessions take only so many calls", () => {
  it("gives no session more than it takes, opens no other while one has room, and serves everyone in order", async () => {
    const step = fc.constantFrom("call", "call", "call", "end", "end", "open", "open", "fail", "goAway", "cancel");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(step, fc.nat(1000)), { maxLength: 40, size: "max" }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
        async (steps, limit, maxSize) => {
          const { factory, pool, calls, call, served } = rig({ maxSize });
          let failed = false;
          for (const [what, pick] of steps) {
            const before = factory.opened;
            const hadRoom = factory.sessions.some(({ status }) => status === "open");
            const on = served();
            if (what === "call") call();
            else if (what === "open") factory.succeed(limit);
            else if (what === "fail") factory.fail();
            else if (what === "end" && on.length > 0) {
              const { req, on: session } = on[pick % on.length] as (typeof on)[number];
              session.end(req);
            } else if (what === "goAway" && factory.sessions.length > 0) {
              factory.sessions[pick % factory.sessions.length]?.goAway(true);
            } else if (what === "cancel" && calls.length > 0) {
              const one = calls[pick % calls.length];
              if (one !== undefined && !one.ctx.ended) {
                one.ctx.cancel(new CancelledError());
                factory.sessions.find((each) => each.calls.has(one.req))?.end(one.req);
              }
            }
            if (what === "call" && hadRoom) expect(factory.opened).toBe(before);
            await settle();
            const open = factory.sessions.filter(({ status }) => status !== "closed").length;
            expect(open + factory.waiting.length).toBeLessThanOrEqual(maxSize);
            // Nobody waits while a session has room, nor for nothing: a connect or a call on another session must be there.
            if (pool.waiters > 0) {
              expect(factory.sessions.some(({ status }) => status === "open")).toBe(false);
              expect(factory.waiting.length > 0 || (open > 0 && (open === maxSize || what === "fail" || failed))).toBe(
                true,
              );
            }
            failed = what === "fail" || (failed && factory.waiting.length === 0);
            const waiting = calls.filter(
              ({ req, ctx, outcome }) =>
                outcome === "waits" && !ctx.ended && !factory.sessions.some((each) => each.calls.has(req)),
            );
            expect(waiting.length).toBe(pool.waiters);
            const lastServed = Math.max(...served().map(({ req }) => Number(req.slice(1))), -1);
            for (const { req } of waiting) expect(Number(req.slice(1))).toBeGreaterThan(lastServed);
          }
          for (let i = 0; i < 200 && calls.some(({ ctx }) => !ctx.ended); i++) {
            factory.succeed(limit);
            await settle();
            for (const { req, on } of served()) on.end(req);
            await settle();
          }
          expect(calls.filter(({ ctx, outcome }) => outcome === "waits" && !ctx.ended)).toEqual([]);
          for (const session of factory.sessions) {
            expect(session.misused).toEqual([]);
            expect(session.most).toBeLessThanOrEqual(limit);
          }
          const closing = pool.close();
          for (const { ctx } of factory.waiting) expect(ctx.cancelled).toBeDefined();
          await closing;
          expect([pool.size, factory.status]).toEqual([0, "closed"]);
        },
      ),
      { numRuns: 300 },
    );
  }, 60_000);

  it("B27: opens a second session when the first takes one call at a time, and makes them wait where there may be no other", async () => {
    for (const [maxSize, sessions] of [
      [Number.POSITIVE_INFINITY, 3],
      [1, 1],
    ] as const) {
      const { factory, call, calls, served, pool } = rig({ maxSize });
      for (let i = 0; i < 3; i++) call();
      for (let i = 0; i < 5; i++) {
        factory.succeed(1);
        await settle();
      }
      expect([factory.sessions.length, served().length, pool.waiters]).toEqual([sessions, sessions, 3 - sessions]);
      expect(pool.status).toBe(maxSize === 1 ? "busy" : "open");
      for (let i = 0; i < 3; i++) {
        for (const { req, on } of served()) on.end(req);
        await settle();
      }
      expect(calls.map(({ ctx }) => ctx.ended)).toEqual([true, true, true]);
      expect(pool.status).toBe("open");
      await pool.close();
    }
  });

  it("closes the sessions of a peak when they have been idle, and keeps the smallest number", async () => {
    const { factory, call, served, pool, clock, stats } = rig({ idleTimeMs: 1000, minSize: 1 });
    for (let i = 0; i < 3; i++) call();
    for (let i = 0; i < 3; i++) {
      factory.succeed(1);
      await settle();
    }
    for (const { req, on } of served()) on.end(req);
    await settle();
    expect(pool.size).toBe(3);
    await clock.advance(2000);
    await settle();
    expect([pool.size, factory.sessions.map(({ closes }) => closes)]).toEqual([1, [0, 1, 1]]);
    expect(stats.readCounter("idle")).toBe(2);
    await pool.close();
  });

  it("refuses a call when as many wait as may", async () => {
    const { call, calls, pool } = rig({ maxWaiters: 1 });
    call();
    call();
    await settle();
    expect(calls.map(({ outcome }) => outcome)).toEqual(["waits", "WEFT_POOL_WAITERS"]);
    void pool.close();
  });
});
