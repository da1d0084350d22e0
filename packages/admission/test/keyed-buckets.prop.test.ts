import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyedBuckets } from "../src/keyed-buckets.ts";
import { BucketRate } from "../src/token-bucket.ts";
import { ExactBucket } from "./exact-bucket.ts";

/** What an attacker may do: ask for any key at any time. */
class Model {
  nowUs = 0;
  /** A bucket of its own for each key that ever came, for ever. */
  readonly exact: Map<string, ExactBucket> = new Map();
  readonly given: Map<string, number> = new Map();
}

class Real {
  readonly buckets: KeyedBuckets;
  overflows = 0;

  constructor(rate: BucketRate, maxKeys: number) {
    this.buckets = new KeyedBuckets(rate, maxKeys, 0, () => this.overflows++);
  }
}

interface Settings {
  readonly requestsPerSecond: number;
  readonly burst: number;
  readonly maxKeys: number;
  readonly keys: number;
}

class AskCommand implements fc.Command<Model, Real> {
  readonly key: number;
  readonly times: number;
  readonly settings: () => Settings;

  constructor(key: number, times: number, settings: () => Settings) {
    this.key = key;
    this.times = times;
    this.settings = settings;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, real: Real): void {
    const { requestsPerSecond, burst, maxKeys, keys } = this.settings();
    const key = `key ${this.key % keys}`;
    let exact = model.exact.get(key);
    if (exact === undefined) {
      exact = new ExactBucket(requestsPerSecond, burst, model.nowUs);
      model.exact.set(key, exact);
    }
    for (let i = 0; i < this.times; i++) {
      const bucket = real.buckets.get(key, model.nowUs);
      const allowed = bucket.waitUs(model.nowUs) === 0;
      // Nobody gets more than a bucket of its own would give, and where there is room exactly that.
      if (allowed) expect(exact.waitUs(model.nowUs)).toBe(0);
      if (keys <= maxKeys) {
        expect(bucket.waitUs(model.nowUs)).toBe(exact.waitUs(model.nowUs));
        expect(real.overflows).toBe(0);
      }
      if (!allowed) continue;
      bucket.take(model.nowUs);
      exact.take(model.nowUs);
    }
    expect(real.buckets.size).toBeLessThanOrEqual(maxKeys);
  }

  toString(): string {
    return `key ${this.key} asks ${this.times} times`;
  }
}

class AdvanceCommand implements fc.Command<Model, Real> {
  readonly us: number;

  constructor(us: number) {
    this.us = us;
  }

  check(): boolean {
    return true;
  }

  run(model: Model): void {
    model.nowUs += this.us;
  }

  toString(): string {
    return `${this.us} us pass`;
  }
}

describe("KeyedBuckets", () => {
  it("gives no key more than its rate whatever keys come, exactly its rate where there is room, and stays within its size", () => {
    let settings: Settings = { requestsPerSecond: 1, burst: 1, maxKeys: 1, keys: 1 };
    const commands = fc.commands<Model, Real>(
      [
        fc
          .tuple(fc.nat(11), fc.integer({ min: 1, max: 4 }))
          .map(([key, times]) => new AskCommand(key, times, () => settings)),
        fc.tuple(fc.nat(11), fc.constant(1)).map(([key, times]) => new AskCommand(key, times, () => settings)),
        // A refill takes 1 s or 1.5 s.
        fc
          .constantFrom(1, 250_000, 250_000, 499_999, 500_000, 500_000, 999_999, 1_000_000, 1_500_000, 3_000_000)
          .map((us) => new AdvanceCommand(us)),
      ],
      { maxCommands: 100, size: "max" },
    );
    const arbSettings = fc.record({
      requestsPerSecond: fc.constant(2),
      burst: fc.constantFrom(2, 3),
      maxKeys: fc.integer({ min: 1, max: 8 }),
      keys: fc.constantFrom(1, 2, 2, 3, 3, 5, 12),
    });
    fc.assert(
      fc.property(arbSettings, commands, (drawn, steps) => {
        settings = drawn;
        fc.modelRun(() => ({ model: new Model(), real: new Real(new BucketRate(drawn), drawn.maxKeys) }), steps);
      }),
      { numRuns: 500 },
    );
  });
});
