import { ClockParam, Ctx, ctxKey, Params, type Service, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RateLimitKeyParam, type RateLimitOptions, RateLimitParam, rateLimit } from "../src/index.ts";
import { ExactBucket } from "./exact-bucket.ts";

const SenderKey = ctxKey<string | undefined>("sender", undefined);

/** What should become of a request: asks everybody first, and charges only when all agree. */
class Model {
  readonly #options: RateLimitOptions;
  readonly #total: ExactBucket | undefined;
  readonly #own: Map<string | undefined, ExactBucket> = new Map();
  readonly #overrides: ExactBucket[];

  constructor(options: RateLimitOptions) {
    this.#options = options;
    const { total, overrides = [] } = options;
    this.#total = total && newBucket(total);
    this.#overrides = overrides.map(newBucket);
  }

  /** Undefined when it goes through; else who refuses it, and for how long. */
  ask(sender: string | undefined, nowUs: number): string | undefined {
    const totalUs = this.#total?.waitUs(nowUs) ?? 0;
    if (totalUs > 0) return `total ${this.#options.total?.requestsPerSecond} ${Math.ceil(totalUs / 1000)}`;
    const { identity, overrides = [] } = this.#options;
    const at = sender === undefined ? -1 : overrides.findIndex((each) => each.keys.includes(sender));
    const own = at === -1 ? identity && this.#identity(sender, identity) : this.#overrides[at];
    const ownUs = own?.waitUs(nowUs) ?? 0;
    if (ownUs > 0) {
      const rate = at === -1 ? identity?.requestsPerSecond : overrides[at]?.requestsPerSecond;
      return `${at === -1 ? "identity" : "override"} ${rate} ${Math.ceil(ownUs / 1000)}`;
    }
    own?.take(nowUs);
    this.#total?.take(nowUs);
    return undefined;
  }

  #identity(sender: string | undefined, rate: { requestsPerSecond: number; burst?: number }): ExactBucket {
    const bucket = this.#own.get(sender) ?? newBucket(rate);
    this.#own.set(sender, bucket);
    return bucket;
  }
}

function newBucket({
  requestsPerSecond,
  burst = requestsPerSecond,
}: {
  requestsPerSecond: number;
  burst?: number;
}): ExactBucket {
  return new ExactBucket(requestsPerSecond, burst, 0);
}

const arbRate = (max: number) =>
  fc.record(
    { requestsPerSecond: fc.integer({ min: 1, max }), burst: fc.integer({ min: 1, max: 4 }) },
    { requiredKeys: ["requestsPerSecond"] },
  );

const arbOptions = fc.record(
  {
    total: arbRate(8).map((rate) => ({ ...rate, requestsPerSecond: rate.requestsPerSecond + 4 })),
    identity: arbRate(4),
    overrides: fc.tuple(
      arbRate(4).map((rate) => ({ ...rate, keys: ["a"] })),
      arbRate(4).map((rate) => ({ ...rate, keys: ["b", "c"] })),
    ),
  },
  { requiredKeys: [] },
);

const arbStep = fc.record({
  sender: fc.constantFrom("a", "b", "c", "d", "e", undefined),
  gapMs: fc.constantFrom(0, 0, 0, 0.0005, 1, 50, 333.3334, 1000),
});

describe("rateLimit", () => {
  it("agrees with a model: total, then override or identity, the wait to the ms, and no charge for what is refused", async () => {
    await fc.assert(
      fc.asyncProperty(arbOptions, fc.array(arbStep, { maxLength: 80, size: "max" }), async (options, steps) => {
        if (Object.keys(options).length === 0) return;
        const clock = new ManualClock();
        const stats = new MemoryStats();
        let sent = 0;
        const inner: Service<object, number> = {
          status: "open",
          close: () => Promise.resolve(),
          call: () => Promise.resolve(++sent),
        };
        const subject = new Stack([rateLimit<object, number>()], () => inner).make(
          Params.empty
            .with(RateLimitParam, options as RateLimitOptions)
            .with(RateLimitKeyParam, (_req, ctx) => ctx.get(SenderKey))
            .with(ClockParam, clock)
            .with(StatsParam, stats),
        );
        const model = new Model(options as RateLimitOptions);
        const refused: Record<string, number> = { total: 0, identity: 0, override: 0 };
        for (const { sender, gapMs } of steps) {
          await clock.advance(gapMs);
          const before = sent;
          const said = await subject.call({}, new Ctx().set(SenderKey, sender)).then(
            () => undefined,
            (error) => `${error.scope} ${error.requestsPerSecond} ${error.retryAfterMs}`,
          );
          const expected = model.ask(sender, Math.floor(clock.now() * 1000));
          expect(said).toBe(expected);
          expect(sent - before).toBe(expected === undefined ? 1 : 0);
          const scope = expected?.split(" ")[0];
          if (scope !== undefined) refused[scope] = (refused[scope] ?? 0) + 1;
        }
        for (const [scope, count] of Object.entries(refused)) {
          expect(stats.readCounter(`rate_limit/limited/${scope}`)).toBe(count);
        }
      }),
    );
  });
});
