import { CancelledError, Ctx, ok } from "@weftmesh/core";
import { Pool } from "@weftmesh/pool";
import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeFactory, type FakeSession } from "./fake-sessions.ts";

/** What Finagle's default pool is made of: each layer hands out what it has or asks the one below. */
interface Layer {
  /** False when there is nothing to be had at once. */
  acquire(): boolean;
  release(dead: boolean): void;
}

class Connections implements Layer {
  open = 0;

  acquire(): boolean {
    this.open++;
    return true;
  }

  release(): void {
    this.open--;
  }
}

/** Keeps what it is given back, up to its capacity; here for ever. */
class Caching implements Layer {
  cached = 0;
  readonly #below: Layer;
  readonly #capacity: number;

  constructor(below: Layer, capacity: number) {
    this.#below = below;
    this.#capacity = capacity;
  }

  acquire(): boolean {
    if (this.cached > 0) {
      this.cached--;
      return true;
    }
    return this.#below.acquire();
  }

  release(dead: boolean): void {
    if (!dead && this.cached < this.#capacity) this.cached++;
    else this.#below.release(dead);
  }
}

/** At most `high` are out or queued; up to `low` of them are kept; whoever finds none waits. */
class Watermark implements Layer {
  services = 0;
  queued = 0;
  waiters = 0;
  waited = 0;
  tooMany = 0;
  readonly #below: Layer;
  readonly #low: number;
  readonly #high: number;
  readonly #maxWaiters: number;

  constructor(below: Layer, low: number, high: number, maxWaiters: number) {
    this.#below = below;
    this.#low = low;
    this.#high = high;
    this.#maxWaiters = maxWaiters;
  }

  acquire(): boolean {
    if (this.queued > 0) {
      this.queued--;
      return true;
    }
    if (this.services < this.#high) {
      this.services++;
      return this.#below.acquire();
    }
    if (this.waiters >= this.#maxWaiters) this.tooMany++;
    else {
      this.waiters++;
      this.waited++;
    }
    return false;
  }

  release(dead: boolean): void {
    if (dead) {
      this.services--;
      this.#below.release(true);
      if (this.waiters > 0) {
        this.waiters--;
        this.acquire();
      }
    } else if (this.waiters > 0) this.waiters--;
    else if (this.services <= this.#low) this.queued++;
    else {
      this.services--;
      this.#below.release(false);
    }
  }
}

/** Keeps a few in front of everything else. */
class Buffering implements Layer {
  #buffered = 0;
  readonly #below: Layer;
  readonly #size: number;

  constructor(below: Layer, size: number) {
    this.#below = below;
    this.#size = size;
  }

  acquire(): boolean {
    if (this.#buffered > 0) {
      this.#buffered--;
      return true;
    }
    return this.#below.acquire();
  }

  release(dead: boolean): void {
    if (!dead && this.#buffered < this.#size) this.#buffered++;
    else this.#below.release(dead);
  }
}

interface Setup {
  readonly low: number;
  readonly high: number;
  readonly maxWaiters: number;
  readonly buffer: number;
}

const never = Number.POSITIVE_INFINITY;
type Op = { readonly op: "call" | "end" | "die" | "leave"; readonly i: number };
const arbOps: fc.Arbitrary<Op[]> = fc.array(
  fc.record({
    op: fc.constantFrom("call", "call", "call", "end", "end", "end", "die", "leave") as fc.Arbitrary<Op["op"]>,
    i: fc.nat(5),
  }),
  { minLength: 1, maxLength: 60, size: "max" },
);

/** Plays the same to both. Connects take no time, since Finagle's waiters hear of a connect only when it is over. */
async function play(setup: Setup, ops: readonly Op[]): Promise<void> {
  const { low, high, maxWaiters, buffer } = setup;
  const connections = new Connections();
  const caching = high > low ? new Caching(connections, high - low) : undefined;
  const watermark = new Watermark(caching ?? connections, low, high, maxWaiters);
  const finagle = buffer > 0 ? new Buffering(watermark, buffer) : watermark;

  const stats = new MemoryStats();
  const factory = new FakeFactory(true);
  const pool = new Pool(factory, {
    minSize: Math.max(low, buffer),
    maxSize: high,
    maxWaiters,
    clock: new ManualClock(),
    stats,
  });
  const calls: Ctx[] = [];
  const using = (): { session: FakeSession; ctx: Ctx }[] =>
    factory.sessions.flatMap((session) => {
      const ctx = session.inUse ? calls[Number(session.request?.slice(1))] : undefined;
      return ctx === undefined ? [] : [{ session, ctx }];
    });
  let died = false;
  for (const { op, i } of ops) {
    const used = using();
    const chosen = used[i % used.length];
    if (op === "call") {
      const ctx = new Ctx();
      finagle.acquire();
      pool.call(`r${calls.length}`, ctx).catch((error: Error) => ctx.end({ kind: "failed", error }));
      calls.push(ctx);
    } else if (op === "leave") {
      const waiting = calls.filter((ctx) => !ctx.ended && !used.some((each) => each.ctx === ctx));
      const one = waiting[i % waiting.length];
      if (one === undefined) continue;
      watermark.waiters--;
      one.cancel(new CancelledError());
    } else if (chosen !== undefined) {
      finagle.release(op === "die");
      if (op === "die") chosen.session.die();
      else chosen.ctx.end(ok);
    }
    await settle();
    died ||= op === "die" && chosen !== undefined;
    const { services, waiters, waited, tooMany } = watermark;
    const inUse = using().length;
    expect({
      open: pool.size,
      inUse,
      waiters: stats.readGauge("pool_waiters"),
      waited: stats.readCounter("pool_num_waited"),
      tooMany: stats.readCounter("pool_num_too_many_waiters"),
    }).toEqual({
      open: connections.open,
      inUse: Math.min(calls.filter((each) => !each.ended).length - waiters, high),
      waiters,
      waited,
      tooMany,
    });
    // Where a session of the smallest size died, Finagle may have another that it counts as cached, and will let go.
    if (low > 0 && died) continue;
    // What is buffered counts as in use.
    if (buffer > 0 && inUse > 0) continue;
    expect(stats.readGauge("pool_size")).toBe(services);
    expect(stats.readGauge("pool_cached")).toBe(caching?.cached ?? 0);
  }
  for (const session of factory.sessions) expect(session.misused).toEqual([]);
}

describe("Pool", () => {
  it("opens, keeps, queues, refuses and counts as Finagle's watermark pool over its caching pool does", async () => {
    const arbSetup = fc.record({
      low: fc.nat(3),
      high: fc.constantFrom(1, 2, 3, 5, never),
      maxWaiters: fc.constantFrom(0, 1, 3, never),
      buffer: fc.constant(0),
    });
    await fc.assert(
      fc.asyncProperty(arbSetup, arbOps, (setup, ops) => play({ ...setup, low: Math.min(setup.low, setup.high) }, ops)),
    );
  }, 60_000);

  it("keeps at rest what Finagle's buffering pool does, with a smallest size that is no less", async () => {
    const arbSetup = fc.record({
      low: fc.nat(3),
      high: fc.constant(never),
      maxWaiters: fc.constant(0),
      buffer: fc.integer({ min: 1, max: 4 }),
    });
    const undying = arbOps.map((ops) => ops.filter(({ op }) => op !== "die"));
    await fc.assert(fc.asyncProperty(arbSetup, undying, play));
  }, 60_000);
});
