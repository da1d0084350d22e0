import { Ctx, ok } from "@weftmesh/core";
import { SingletonPool } from "@weftmesh/pool";
import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeSharedFactory } from "./fake-shared-sessions.ts";

const stepMs = 20;
const limitMs = 200;
const arbTime = (max: number): fc.Arbitrary<number> => fc.nat(max / stepMs).map((n) => n * stepMs);
const arbUses = fc.array(fc.record({ atMs: arbTime(600), forMs: arbTime(300) }), { minLength: 1, maxLength: 10 });

interface Life {
  readonly openedMs: number;
  closedMs: number;
  /** When each of its calls began and ended. */
  readonly uses: { readonly fromMs: number; readonly toMs: number }[];
}

/** Plays the calls and lets time pass; notes when each session was opened and closed, and its calls. */
async function live(
  limits: { readonly sessionIdleTimeMs?: number; readonly sessionLifeTimeMs?: number },
  uses: readonly { atMs: number; forMs: number }[],
): Promise<{ lives: Life[]; stats: MemoryStats; armed: number }> {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const factory = new FakeSharedFactory(true);
  const pool = new SingletonPool(factory, { ...limits, clock, stats });
  const lives = new Map<number, Life>();
  const ctxs = uses.map(() => new Ctx());
  for (let nowMs = 0; nowMs <= 2_000; nowMs += stepMs) {
    for (const [i, use] of uses.entries()) if (use.atMs === nowMs) void pool.call(`r${i}`, ctxs[i] as Ctx);
    await settle();
    for (const session of factory.sessions) {
      const life = lives.get(session.n) ?? { openedMs: nowMs, closedMs: Number.POSITIVE_INFINITY, uses: [] };
      lives.set(session.n, life);
      for (const req of [...session.calls.keys()].slice(life.uses.length)) {
        const { atMs, forMs } = uses[Number(req.slice(1))] as { atMs: number; forMs: number };
        life.uses.push({ fromMs: atMs, toMs: atMs + forMs });
      }
    }
    for (const [i, use] of uses.entries()) if (use.atMs + use.forMs === nowMs) ctxs[i]?.end(ok);
    await clock.advance(0);
    for (const session of factory.sessions) {
      const life = lives.get(session.n) as Life;
      if (session.closes > 0) life.closedMs = Math.min(life.closedMs, nowMs);
      // It says so itself when it is closed, or called, out of turn.
      expect(session.misused).toEqual([]);
    }
    await clock.advance(stepMs);
  }
  return { lives: [...lives.values()], stats, armed: clock.armed };
}

/** The first moment from which on nothing is under way for `quietMs`. */
function firstQuiet({ openedMs, uses }: Life, quietMs: number): number {
  let sinceMs = openedMs;
  for (const { fromMs, toMs } of [...uses].sort((a, b) => a.fromMs - b.fromMs)) {
    if (fromMs > sinceMs + quietMs) break;
    sinceMs = Math.max(sinceMs, toMs);
  }
  return sinceMs;
}

describe("the expiry of a shared session", () => {
  it("closes it as soon as it had no call for its limit, and never cuts a call", async () => {
    await fc.assert(
      fc.asyncProperty(arbUses, async (uses) => {
        const { lives, stats, armed } = await live({ sessionIdleTimeMs: limitMs }, uses);
        for (const life of lives) expect(life.closedMs).toBe(firstQuiet(life, limitMs) + limitMs);
        expect(stats.readCounter("idle")).toBe(lives.length);
        expect([stats.readGauge("pool_size"), armed]).toEqual([0, 0]);
      }),
    );
  }, 60_000);

  it("gives it no call after its life time, and closes it then or behind its last call", async () => {
    await fc.assert(
      fc.asyncProperty(arbUses, async (uses) => {
        const { lives, stats, armed } = await live({ sessionLifeTimeMs: limitMs }, uses);
        for (const life of lives) {
          const lastMs = Math.max(...life.uses.map((each) => each.toMs), 0);
          expect(life.closedMs).toBe(Math.max(life.openedMs + limitMs, lastMs));
          for (const { fromMs } of life.uses) expect(fromMs).toBeLessThanOrEqual(life.openedMs + limitMs);
        }
        expect(stats.readCounter("lifetime")).toBe(lives.length);
        expect([stats.readGauge("pool_size"), armed]).toEqual([0, 0]);
      }),
    );
  }, 60_000);
});
