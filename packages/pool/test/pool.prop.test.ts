import { CancelledError, ClosedError, Ctx, ok } from "@weftmesh/core";
import { Pool, PoolWaitersError } from "@weftmesh/pool";
import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeFactory, type FakeSession } from "./fake-sessions.ts";

interface Setup {
  readonly minSize: number;
  readonly maxSize: number;
  readonly maxWaiters: number;
  readonly idleTimeMs: number;
  readonly sessionIdleTimeMs: number;
  readonly sessionLifeTimeMs: number;
}

const never = Number.POSITIVE_INFINITY;
const arbSetup: fc.Arbitrary<Setup> = fc.record({
  minSize: fc.constantFrom(0, 0, 1, 2),
  maxSize: fc.constantFrom(1, 2, 3, never),
  maxWaiters: fc.constantFrom(0, 1, 3, never),
  idleTimeMs: fc.constantFrom(never, 100, 2_000),
  sessionIdleTimeMs: fc.constantFrom(never, 300),
  sessionLifeTimeMs: fc.constantFrom(never, 500),
});

type Op =
  | { readonly op: "call" }
  | {
      readonly op:
        | "open"
        | "refuse"
        | "answer"
        | "cancel"
        | "end"
        | "die"
        | "dieIdle"
        | "dieUnheard"
        | "openTooLate"
        | "stale";
      readonly i: number;
    }
  | { readonly op: "advance"; readonly ms: number }
  | { readonly op: "close" };

const arbOp: fc.Arbitrary<Op> = fc.oneof(
  { weight: 14, arbitrary: fc.constant<Op>({ op: "call" }) },
  { weight: 14, arbitrary: fc.record({ op: fc.constant("open" as const), i: fc.nat(5) }) },
  {
    weight: 14,
    arbitrary: fc.record({ op: fc.constantFrom("answer" as const, "end" as const, "end" as const), i: fc.nat(5) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constantFrom(
        "refuse" as const,
        "cancel" as const,
        "die" as const,
        "dieIdle" as const,
        "dieUnheard" as const,
        "openTooLate" as const,
        "stale" as const,
      ),
      i: fc.nat(5),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant("advance" as const), ms: fc.constantFrom(1, 50, 99, 100, 260, 700) }),
  },
  { weight: 1, arbitrary: fc.constant<Op>({ op: "close" }) },
);

interface Call {
  readonly req: string;
  readonly ctx: Ctx;
  promise: Promise<unknown>;
  settled: "ok" | Error | undefined;
}

/** The pool under test, and what should be true of it. */
class World {
  readonly clock = new ManualClock();
  readonly stats = new MemoryStats();
  readonly factory = new FakeFactory();
  readonly pool: Pool<string, string>;
  readonly setup: Setup;
  readonly calls: Call[] = [];
  /** The calls that should be waiting, in order. */
  waiting: Call[] = [];
  /** The sessions that should be idle, the newest last, and since when. */
  idle: { session: FakeSession; sinceMs: number }[] = [];
  readonly openedMs = new Map<FakeSession, number>();
  readonly unheard = new Set<FakeSession>();
  waited = 0;
  tooMany = 0;
  redials = 0;
  closing: Promise<void> | undefined;
  closeResolved = false;

  constructor(setup: Setup) {
    this.setup = setup;
    this.pool = new Pool(this.factory, { ...setup, clock: this.clock, stats: this.stats });
  }

  get inUse(): FakeSession[] {
    return this.factory.sessions.filter((each) => each.inUse && each.status === "open");
  }

  /** Sessions that are open, being opened, or dead without the pool's knowledge. */
  get size(): number {
    const live = this.factory.sessions.filter((each) => each.status === "open").length;
    const unheard = this.idle.filter((each) => each.session.status === "closed").length;
    return live + unheard + this.factory.opening;
  }

  async call(): Promise<void> {
    const call: Call = { req: `r${this.calls.length}`, ctx: new Ctx(), promise: Promise.resolve(), settled: undefined };
    this.calls.push(call);
    // Those that died unheard are found out and dropped.
    while (this.idle.at(-1)?.session.status === "closed") this.idle.pop();
    const expected = this.idle.at(-1)?.session;
    const mustOpen = expected === undefined && this.size < this.setup.maxSize;
    const opened = this.factory.openings.length;
    const full = this.pool.waiters >= this.setup.maxWaiters;
    call.promise = this.pool.call(call.req, call.ctx).then(
      () => {
        call.settled = "ok";
      },
      (error: Error) => {
        call.settled = error;
        call.ctx.end({ kind: "failed", error });
      },
    );
    if (this.closing !== undefined) {
      await settle();
      expect(call.settled).toBeInstanceOf(ClosedError);
    } else if (expected !== undefined) {
      // The one that was used last, at once, without a turn of anything.
      expect(expected.request).toBe(call.req);
      this.idle.pop();
    } else if (mustOpen) {
      expect(this.factory.openings.length).toBe(opened + 1);
    } else if (full) {
      await settle();
      expect(call.settled).toBeInstanceOf(PoolWaitersError);
      this.tooMany++;
    } else {
      this.waited++;
      this.waiting.push(call);
    }
    await settle();
  }

  async apply(op: Op): Promise<void> {
    switch (op.op) {
      case "call":
        return await this.call();
      case "open": {
        const opening = pick(
          this.factory.openings.filter((each) => !each.done),
          op.i,
        );
        if (opening === undefined) return;
        this.openedMs.set(opening.succeed(), this.clock.now());
        break;
      }
      case "refuse":
        pick(
          this.factory.openings.filter((each) => !each.done),
          op.i,
        )?.fail();
        break;
      case "answer":
        pick(this.inUse, op.i)?.answer();
        break;
      case "end":
        this.end(pick(this.inUse, op.i));
        break;
      case "die":
        pick(this.inUse, op.i)?.die();
        break;
      case "dieIdle": {
        const gone = pick(this.idle, op.i);
        gone?.session.die();
        this.idle = this.idle.filter((each) => each !== gone);
        break;
      }
      case "dieUnheard": {
        const gone = pick(this.idle, op.i)?.session;
        if (gone === undefined) return;
        gone.status = "closed";
        this.unheard.add(gone);
        break;
      }
      case "openTooLate": {
        const opening = pick(
          this.factory.openings.filter((each) => !each.done),
          op.i,
        );
        const call = this.calls.find((each) => each.ctx === opening?.ctx);
        if (opening === undefined || call === undefined) return;
        const session = opening.succeed();
        this.openedMs.set(session, this.clock.now());
        const reason = new CancelledError(`cancelled ${call.req}`);
        call.ctx.cancel(reason);
        const next = this.waiting[0];
        await settle();
        expect(call.settled).toBe(reason);
        // Nobody's call was harmed, so neither is the session.
        if (this.closing !== undefined) expect(session.closes).toBe(1);
        else if (next !== undefined) expect(session.request).toBe(next.req);
        else this.idle.push({ session, sinceMs: this.clock.now() });
        break;
      }
      case "stale": {
        const stale = pick(
          this.inUse.filter((each) => this.pending(each)),
          op.i,
        );
        if (stale === undefined) return;
        this.redials++;
        const { size } = this.pool;
        stale.dieStale();
        expect(this.pool.size).toBe(size);
        break;
      }
      case "cancel": {
        const call = pick(
          this.calls.filter((each) => each.settled === undefined),
          op.i,
        );
        if (call === undefined) return;
        const waited = this.waiting.includes(call);
        const { waiters } = this.pool;
        const reason = new CancelledError(`cancelled ${call.req}`);
        call.ctx.cancel(reason);
        if (waited) expect(this.pool.waiters).toBe(waiters - 1);
        this.waiting = this.waiting.filter((each) => each !== call);
        await settle();
        expect(call.settled).toBe(reason);
        break;
      }
      case "advance":
        await this.clock.advance(op.ms);
        break;
      case "close":
        if (this.closing !== undefined) return;
        this.closing = this.pool.close().then(() => {
          this.closeResolved = true;
        });
        this.idle = [];
        await settle();
        for (const call of this.waiting) expect(call.settled).toBeInstanceOf(ClosedError);
        this.waiting = [];
        break;
    }
    await settle();
  }

  pending(session: FakeSession): boolean {
    return this.calls.some((each) => each.req === session.request && each.settled === undefined);
  }

  /** Ends the call that the session has, which should bring the session back, hand it on or close it. */
  end(session: FakeSession | undefined): void {
    const call = this.calls.find((each) => each.req === session?.request);
    if (session === undefined || call === undefined) return;
    session.answer();
    const nowMs = this.clock.now();
    const old = nowMs - (this.openedMs.get(session) as number) >= this.setup.sessionLifeTimeMs;
    const next = this.waiting[0];
    call.ctx.end(ok);
    if (this.closing !== undefined || old) expect(session.closes).toBe(1);
    else if (next !== undefined) expect(session.request).toBe(next.req);
    else this.idle.push({ session, sinceMs: nowMs });
  }

  check(): void {
    const { pool, factory, setup } = this;
    // Who got a session or an attempt to open one no longer waits; they were served in order.
    const served = this.waiting.filter((each) => this.started(each));
    expect(served).toEqual(this.waiting.slice(0, served.length));
    this.waiting = this.waiting.slice(served.length);
    expect(pool.waiters).toBe(this.waiting.length);
    if (this.waiting.length > 0) expect([pool.size, pool.cached]).toEqual([setup.maxSize, 0]);
    expect(pool.waiters).toBeLessThanOrEqual(setup.maxWaiters);

    this.checkExpiry();
    expect(pool.cached).toBe(this.idle.length);
    expect(pool.size).toBe(this.size);
    expect(pool.size).toBeLessThanOrEqual(setup.maxSize);
    for (const session of factory.sessions) {
      expect(session.misused).toEqual([]);
      const kept = session.status === "open" || this.idle.some((each) => each.session === session);
      expect(session.closes).toBe(kept ? 0 : 1);
    }
    expect(this.stats.readCounter("pool_num_waited")).toBe(this.waited);
    expect(this.stats.readCounter("pool_num_too_many_waiters")).toBe(this.tooMany);
    expect(this.stats.readCounter("pool_redials")).toBe(this.redials);
    if (this.closing === undefined) {
      expect(this.stats.readGauge("pool_size")).toBe(pool.size);
      expect(this.stats.readGauge("pool_cached")).toBe(pool.cached);
      expect(this.stats.readGauge("pool_waiters")).toBe(pool.waiters);
    }
    expect(this.closeResolved).toBe(this.closing !== undefined && pool.size === 0);
    expect(this.clock.armed).toBeLessThanOrEqual(1);
  }

  /** Idle sessions go when their time is up, or a little later; never before it. */
  checkExpiry(): void {
    const { setup, clock } = this;
    const nowMs = clock.now();
    const shortestMs = Math.min(setup.idleTimeMs, setup.sessionIdleTimeMs, setup.sessionLifeTimeMs);
    const slackMs = Math.min(shortestMs / 8, 1_000);
    const surviving: typeof this.idle = [];
    for (const each of this.idle) {
      const idleMs = nowMs - each.sinceMs;
      const ageMs = nowMs - (this.openedMs.get(each.session) as number);
      const over = Math.max(idleMs - setup.sessionIdleTimeMs, ageMs - setup.sessionLifeTimeMs);
      if (each.session.closes === 0) {
        expect(over).toBeLessThan(slackMs + 1);
        surviving.push(each);
      } else if (!this.unheard.has(each.session)) {
        expect(Math.max(over, idleMs - setup.idleTimeMs)).toBeGreaterThanOrEqual(0);
      }
    }
    const tooLong = surviving.filter((each) => nowMs - each.sinceMs >= setup.idleTimeMs + slackMs + 1);
    if (tooLong.length > 0) expect(this.pool.size).toBeLessThanOrEqual(Math.max(setup.minSize, tooLong.length));
    if (tooLong.length > 0) expect(tooLong.length).toBeLessThanOrEqual(setup.minSize);
    // Those below the smallest size stay, unless their own time was up.
    if (setup.sessionIdleTimeMs === never && setup.sessionLifeTimeMs === never && surviving.length < this.idle.length) {
      expect(this.pool.size).toBeGreaterThanOrEqual(setup.minSize);
    }
    this.idle = surviving;
  }

  started(call: Call): boolean {
    if (call.settled !== undefined) return true;
    if (this.factory.openings.some((each) => each.ctx === call.ctx)) return true;
    return this.factory.sessions.some((each) => each.request === call.req);
  }

  /** Lets everything come to its end. */
  async finish(): Promise<void> {
    await this.apply({ op: "close" });
    for (let round = 0; round < 30 && this.pool.size > 0; round++) {
      await this.apply({ op: "open", i: 0 });
      await this.apply({ op: "end", i: 0 });
    }
    for (const call of this.calls) call.ctx.end(ok);
    await settle();
    await this.closing;
    for (const call of this.calls) expect(call.settled).toBeDefined();
    for (const session of this.factory.sessions) expect(session.closes).toBe(1);
    expect(this.factory.closes).toBe(1);
    expect(this.clock.armed).toBe(0);
    expect(this.stats.readGauge("pool_size")).toBeUndefined();
  }
}

function pick<T>(all: readonly T[], i: number): T | undefined {
  return all[i % all.length];
}

describe("Pool", () => {
  it("keeps to its bounds, order and limits through anything that may happen", async () => {
    await fc.assert(
      fc.asyncProperty(arbSetup, fc.array(arbOp, { minLength: 1, maxLength: 60, size: "max" }), async (setup, ops) => {
        const world = new World(setup);
        for (const op of ops) {
          await world.apply(op);
          world.check();
        }
        await world.finish();
      }),
      { numRuns: Number(process.env["WEFT_RUNS"] ?? 400) },
    );
  }, 60_000);
});
