import { Ctx, ok } from "@weftmesh/core";
import { Pool } from "@weftmesh/pool";
import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeFactory, type FakeSession } from "./fake-sessions.ts";

const never = Number.POSITIVE_INFINITY;

const stepMs = 5;
const arbTime = (max: number): fc.Arbitrary<number> => fc.nat(max / stepMs).map((n) => n * stepMs);
/** Calls that begin at some time and take some time. */
const arbUses = fc.array(fc.record({ atMs: arbTime(400), forMs: arbTime(300) }), { minLength: 1, maxLength: 8 });
const limitMs = 200;
const slackMs = limitMs / 8;

interface Life {
  readonly session: FakeSession;
  readonly openedMs: number;
  /** When its last call ended. */
  idleMs: number;
  closedMs: number;
}

interface Limits {
  readonly idleTimeMs?: number;
  readonly sessionIdleTimeMs?: number;
  readonly sessionLifeTimeMs?: number;
  readonly minSize?: number;
}

/** Plays the calls and lets time pass; notes when each session fell idle for good and when it was closed. */
async function live(
  limits: Limits,
  uses: readonly { atMs: number; forMs: number }[],
): Promise<{ lives: Life[]; stats: MemoryStats; pool: Pool<string, string>; armed: number }> {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const factory = new FakeFactory(true);
  const pool = new Pool(factory, { ...limits, clock, stats });
  const lives: Life[] = [];
  const ctxs = uses.map(() => new Ctx());
  for (let nowMs = 0; nowMs <= 1_500; nowMs += stepMs) {
    for (const [i, use] of uses.entries()) if (use.atMs === nowMs) void pool.call(`r${i}`, ctxs[i] as Ctx);
    await settle();
    for (const session of factory.sessions) {
      let life = lives.find((each) => each.session === session);
      if (life === undefined) {
        life = { session, openedMs: nowMs, idleMs: never, closedMs: never };
        lives.push(life);
      }
      if (session.closes > 0) life.closedMs = Math.min(life.closedMs, nowMs);
      const n = Number(session.request?.slice(1));
      const use = uses[n];
      if (use !== undefined) life.idleMs = use.atMs + use.forMs;
    }
    for (const [i, use] of uses.entries()) if (use.atMs + use.forMs === nowMs) ctxs[i]?.end(ok);
    for (const life of lives) if (life.session.closes > 0) life.closedMs = Math.min(life.closedMs, nowMs);
    await clock.advance(stepMs);
  }
  // A session says so itself when it is closed with a call under way.
  for (const life of lives) expect(life.session.misused).toEqual([]);
  return { lives, stats, pool, armed: clock.armed };
}

const runs = { numRuns: 100 };

describe("the expiry of sessions", () => {
  it("closes each session once it was idle for its limit, a little late at most, and never cuts a call", async () => {
    await fc.assert(
      fc.asyncProperty(arbUses, fc.boolean(), async (uses, ofSession) => {
        const limits = ofSession ? { sessionIdleTimeMs: limitMs } : { idleTimeMs: limitMs };
        const { lives, pool, armed, stats } = await live(limits, uses);
        for (const life of lives) {
          expect(life.closedMs - life.idleMs).toBeGreaterThanOrEqual(limitMs);
          expect(life.closedMs - life.idleMs).toBeLessThanOrEqual(limitMs + slackMs + stepMs);
        }
        expect(pool.size).toBe(0);
        // Nothing is idle, so nothing waits for anything.
        expect(armed).toBe(0);
        expect(stats.readCounter("idle")).toBe(ofSession ? lives.length : 0);
      }),
      runs,
    );
  }, 60_000);

  it("closes each session that is too old, at its limit or when its call is over", async () => {
    await fc.assert(
      fc.asyncProperty(arbUses, async (uses) => {
        const { lives, pool, armed, stats } = await live({ sessionLifeTimeMs: limitMs }, uses);
        for (const life of lives) {
          const dueMs = Math.max(life.openedMs + limitMs, life.idleMs);
          expect(life.closedMs).toBeGreaterThanOrEqual(dueMs);
          expect(life.closedMs).toBeLessThanOrEqual(dueMs + slackMs + stepMs);
        }
        expect([pool.size, armed]).toEqual([0, 0]);
        expect(stats.readCounter("lifetime")).toBe(lives.length);
      }),
      runs,
    );
  }, 60_000);

  it("keeps the smallest size for ever", async () => {
    await fc.assert(
      fc.asyncProperty(arbUses, fc.nat(3), async (uses, minSize) => {
        const { lives, pool } = await live({ idleTimeMs: limitMs, minSize }, uses);
        expect(pool.size).toBe(Math.min(minSize, lives.length));
      }),
      runs,
    );
  }, 60_000);
});
