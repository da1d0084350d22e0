import { Ctx, ok } from "@weftmesh/core";
import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { IdleCache, type IdleCacheOptions } from "../src/index.ts";

interface Value {
  readonly name: string;
  closes: number;
}

function newCache(options: Partial<IdleCacheOptions<string, Value>> = {}) {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const built: Value[] = [];
  const cache = new IdleCache<string, Value>({
    maxEntries: 2,
    idleTtlMs: 1000,
    clock,
    stats,
    build: (name) => {
      const value = { name, closes: 0 };
      built.push(value);
      return value;
    },
    close: async (value) => {
      value.closes++;
    },
    ...options,
  });
  return {
    clock,
    stats,
    built,
    cache,
    /** Uses the entry for the key until the ctx that is returned ends. */
    use(key: string): Ctx {
      const ctx = new Ctx();
      cache.get(key, key).use(ctx);
      return ctx;
    },
    closed: () => built.filter((each) => each.closes === 1).map((each) => each.name),
  };
}

describe("an idle cache", () => {
  it("gives up what has been idle longest", () => {
    const { use, closed, stats } = newCache();
    const a = use("a");
    const b = use("b");
    b.end(ok);
    a.end(ok);
    use("c");
    expect(closed()).toEqual(["b"]);
    expect(stats.readCounter("evicts")).toBe(1);
  });

  it("never gives up what is in use, but makes a one-shot instead, closed with its call", () => {
    const { use, closed, stats, cache } = newCache();
    use("a");
    use("b");
    const c = use("c");
    expect([closed(), cache.size, cache.unclosed]).toEqual([[], 2, 3]);
    c.end(ok);
    expect(closed()).toEqual(["c"]);
    expect([stats.readCounter("misses"), stats.readCounter("oneshots"), stats.readCounter("evicts")]).toEqual([
      3, 1, 0,
    ]);
  });

  it("closes what was idle for longer than its ttl at the next check, and keeps one", async () => {
    const { use, closed, clock, stats } = newCache({ maxEntries: 10 });
    for (const key of ["a", "b", "c"]) use(key).end(ok);
    await clock.advance(1999);
    expect(closed()).toEqual([]);
    await clock.advance(1);
    expect(closed()).toEqual(["a", "b"]);
    expect(stats.readCounter("expires")).toBe(2);
    await clock.advance(10_000);
    expect(closed()).toEqual(["a", "b"]);
  });

  it("does not close what was used since the last check", async () => {
    const { use, closed, clock } = newCache({ maxEntries: 10 });
    use("a").end(ok);
    use("b").end(ok);
    await clock.advance(1500);
    use("a").end(ok);
    await clock.advance(500);
    expect(closed()).toEqual(["b"]);
  });

  it("has a timer only while there are entries", async () => {
    const { use, clock, cache } = newCache();
    expect(clock.armed).toBe(0);
    use("a").end(ok);
    expect(clock.armed).toBe(1);
    await cache.close();
    expect(clock.armed).toBe(0);
  });

  it("keeps entries for ever without a ttl", () => {
    const { use, clock } = newCache({ idleTtlMs: Number.POSITIVE_INFINITY });
    use("a").end(ok);
    expect(clock.armed).toBe(0);
  });

  it("serves everybody with one-shots when it may keep nothing", () => {
    const { use, closed, stats } = newCache({ maxEntries: 0 });
    use("a").end(ok);
    use("a").end(ok);
    expect(closed()).toEqual(["a", "a"]);
    expect(stats.readCounter("oneshots")).toBe(2);
  });

  it("closes on demand: the idle now, those in use with their last call", async () => {
    const { use, closed, cache, stats } = newCache();
    const a = use("a");
    const again = use("a");
    use("b").end(ok);
    let done = false;
    const closing = cache.close().then(() => {
      done = true;
    });
    await settle();
    expect([closed(), done]).toEqual([["b"], false]);
    a.end(ok);
    expect(closed()).toEqual(["b"]);
    again.end(ok);
    expect(closed()).toEqual(["a", "b"]);
    await closing;
    expect(stats.names().filter((name) => name === "size" || name === "idle")).toEqual([]);
  });

  it("tells of a value that does not close well, and counts it as closed", async () => {
    const errors: string[] = [];
    const { use, cache, stats } = newCache({
      close: () => Promise.reject(new Error("stuck")),
      onError: (error) => errors.push(error.message),
    });
    use("a").end(ok);
    await cache.close();
    expect([errors, stats.readCounter("close_failures"), cache.unclosed]).toEqual([["stuck"], 1, 0]);
  });

  it("lets go of the value of an entry that somebody still holds", () => {
    const { cache, use } = newCache({ maxEntries: 1 });
    const entry = cache.get("a", "a");
    use("b");
    expect([entry.live, entry.value]).toEqual([false, undefined]);
  });

  it("survives a throw in the making", () => {
    let broken = true;
    const { cache, use } = newCache({
      build: (name) => {
        if (broken) throw new Error("cannot");
        return { name, closes: 0 };
      },
    });
    expect(() => cache.get("a", "a")).toThrow("cannot");
    expect([cache.size, cache.unclosed]).toEqual([0, 0]);
    broken = false;
    use("a");
    expect(cache.size).toBe(1);
  });
});
