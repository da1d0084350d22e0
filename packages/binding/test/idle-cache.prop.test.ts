import { Ctx, ok } from "@weftmesh/core";
import { ManualClock, MemoryStats } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IdleCache } from "../src/index.ts";

const ttlMs = 1000;

interface Entry {
  readonly key: string;
  readonly n: number;
  refs: number;
  /** When it was released last, and in which order. */
  idleSinceMs: number;
  order: number;
}

/** The cache by the book: scans where the real one keeps lists, and reads the clock where that one counts. */
class Model {
  readonly max: number;
  readonly entries = new Map<string, Entry>();
  readonly closed = new Set<number>();
  misses = 0;
  evicts = 0;
  expires = 0;
  oneshots = 0;
  built = 0;
  order = 0;
  #lastCheckMs = 0;
  #checking = false;

  constructor(max: number) {
    this.max = max;
  }

  use(key: string, nowMs: number): Entry {
    let entry = this.entries.get(key);
    if (entry === undefined) {
      this.misses++;
      entry = { key, n: this.built++, refs: 0, idleSinceMs: nowMs, order: this.order++ };
      if (this.entries.size < this.max || this.#idle().length > 0) {
        if (this.entries.size >= this.max) {
          this.evicts++;
          this.#close(this.#idle()[0] as Entry);
        }
        if (!this.#checking) {
          this.#checking = true;
          this.#lastCheckMs = nowMs;
        }
        this.entries.set(key, entry);
      } else this.oneshots++;
    }
    entry.refs++;
    return entry;
  }

  end(entry: Entry, nowMs: number): void {
    if (--entry.refs > 0) return;
    entry.idleSinceMs = nowMs;
    entry.order = this.order++;
    if (this.entries.get(entry.key) !== entry) this.closed.add(entry.n);
  }

  /** The checks that fall due up to now: what was idle all the time since the one before has to go. */
  advance(nowMs: number): void {
    while (this.#checking && this.#lastCheckMs + ttlMs <= nowMs) {
      this.#lastCheckMs += ttlMs;
      for (const entry of this.#idle()) {
        if (this.entries.size === 1 || entry.idleSinceMs >= this.#lastCheckMs - ttlMs) continue;
        this.expires++;
        this.#close(entry);
      }
    }
  }

  #idle(): Entry[] {
    return [...this.entries.values()].filter((each) => each.refs === 0).sort((a, b) => a.order - b.order);
  }

  #close(entry: Entry): void {
    this.entries.delete(entry.key);
    this.closed.add(entry.n);
  }
}

const arbStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("use" as const), key: fc.integer({ min: 0, max: 6 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("end" as const), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 333, 999, 1000, 1001, 3001) }),
  },
);

describe("an idle cache", () => {
  it("does in every step what a naive model does, and closes everything that it built exactly once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 4 }),
        fc.array(arbStep, { maxLength: 80, size: "max" }),
        async (maxEntries, steps) => {
          const clock = new ManualClock();
          const stats = new MemoryStats();
          const closes: number[] = [];
          let built = 0;
          const cache = new IdleCache<string, number>({
            maxEntries,
            idleTtlMs: ttlMs,
            clock,
            stats,
            build: () => {
              closes.push(0);
              return built++;
            },
            close: async (n) => {
              closes[n] = (closes[n] ?? 0) + 1;
            },
          });
          const model = new Model(maxEntries);
          const calls: { readonly ctx: Ctx; readonly entry: Entry }[] = [];
          let uses = 0;
          let hits = 0;
          for (const step of steps) {
            if (step.do === "use") {
              const key = String(step.key);
              uses++;
              if (cache.find(key) !== undefined) hits++;
              const ctx = new Ctx();
              const real = cache.get(key, key);
              real.use(ctx);
              const entry = model.use(key, clock.now());
              expect(real.value).toBe(entry.n);
              calls.push({ ctx, entry });
            } else if (step.do === "end") {
              const [call] = calls.length === 0 ? [] : calls.splice(step.which % calls.length, 1);
              call?.ctx.end(ok);
              if (call !== undefined) model.end(call.entry, clock.now());
            } else {
              await clock.advance(step.ms);
              model.advance(clock.now());
            }
            expect([...cache.values()].map((each) => each.key).sort()).toEqual([...model.entries.keys()].sort());
            expect(cache.size).toBeLessThanOrEqual(maxEntries);
            expect(closes.flatMap((count, n) => (count > 0 ? [n] : []))).toEqual(
              [...model.closed].sort((a, b) => a - b),
            );
            for (const { entry } of calls) expect(closes[entry.n]).toBe(0);
            for (const name of ["misses", "evicts", "expires", "oneshots"] as const) {
              expect([name, stats.readCounter(name)]).toEqual([name, model[name]]);
            }
            expect(hits + stats.readCounter("misses")).toBe(uses);
            const idle = [...model.entries.values()].filter((each) => each.refs === 0).length;
            expect([stats.readGauge("idle"), stats.readGauge("size")]).toEqual([idle, model.entries.size]);
          }
          const closing = cache.close();
          for (const { ctx } of calls) ctx.end(ok);
          await closing;
          expect(closes).toEqual(new Array(built).fill(1));
          expect([cache.unclosed, clock.armed]).toEqual([0, 0]);
        },
      ),
      { numRuns: 500 },
    );
  });
});
