import {
  asError,
  type Clock,
  ClockParam,
  type Ctx,
  defineModule,
  type Module,
  type Param,
  param,
  type Role,
  role,
  type Service,
  type Status,
} from "@weftmesh/core";
import { type Counter, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { RateLimitedError, type RateLimitScope } from "./errors.ts";
import { KeyedBuckets } from "./keyed-buckets.ts";
import { BucketRate, type RequestRate, TokenBucket } from "./token-bucket.ts";

export const RateLimitRole: Role = role("rateLimit");

/** A rate for some keys alone, which they share. */
export interface RateLimitOverride extends RequestRate {
  readonly keys: readonly string[];
}

export interface RateLimitOptions {
  /** For all requests together. */
  readonly total?: RequestRate;
  /** For each key on its own, and for all requests without a key as for one. */
  readonly identity?: RequestRate;
  /** Instead of `identity` for the keys that they name. */
  readonly overrides?: readonly RateLimitOverride[];
  /** Keys that are told apart at a time; 10,000 if not given. */
  readonly maxKeys?: number;
}

/** Undefined, or options without a rate, leave the module out. */
export const RateLimitParam: Param<RateLimitOptions | undefined> = param<RateLimitOptions | undefined>(
  "rateLimit",
  undefined,
);

/** Who sends a request, as far as its rate is concerned; undefined when that is not known. */
export type RateLimitKey = (req: unknown, ctx: Ctx) => string | undefined;

/** Without it all requests count as one sender's. */
export const RateLimitKeyParam: Param<RateLimitKey | undefined> = param<RateLimitKey | undefined>(
  "rateLimitKey",
  undefined,
  (key) => key && (key.name === "" ? "a function" : key.name),
);

interface Override {
  readonly bucket: TokenBucket;
  readonly perSecond: number;
}

class RateLimit<Req, Rep> implements Service<Req, Rep> {
  readonly #keyOf: RateLimitKey | undefined;
  readonly #clock: Clock;
  readonly #next: Service<Req, Rep>;
  readonly #totalPerSecond: number;
  readonly #total: TokenBucket | undefined;
  readonly #perSecond: number;
  readonly #identities: KeyedBuckets | undefined;
  readonly #overrides: ReadonlyMap<string, Override>;
  readonly #limited: Readonly<Record<RateLimitScope, Counter>>;
  readonly #removeGauge: () => void;

  constructor(
    options: RateLimitOptions,
    keyOf: RateLimitKey | undefined,
    clock: Clock,
    stats: StatsReceiver,
    next: Service<Req, Rep>,
  ) {
    const { total, identity, overrides = [], maxKeys = 10_000 } = options;
    checkOrder(options);
    const nowUs = microseconds(clock);
    const overflowed = stats.counter("rate_limit", "key_overflow");
    this.#keyOf = keyOf;
    this.#clock = clock;
    this.#next = next;
    this.#totalPerSecond = total?.requestsPerSecond ?? 0;
    this.#total = total && new TokenBucket(new BucketRate(total), nowUs);
    this.#perSecond = identity?.requestsPerSecond ?? 0;
    this.#identities = identity && new KeyedBuckets(new BucketRate(identity), maxKeys, nowUs, () => overflowed.inc());
    this.#overrides = new Map(
      overrides.flatMap((each) => {
        const shared = { bucket: new TokenBucket(new BucketRate(each), nowUs), perSecond: each.requestsPerSecond };
        return each.keys.map((key) => [key, shared] as const);
      }),
    );
    this.#limited = {
      total: stats.counter("rate_limit", "limited", "total"),
      identity: stats.counter("rate_limit", "limited", "identity"),
      override: stats.counter("rate_limit", "limited", "override"),
    };
    this.#removeGauge = stats.gauge(() => this.#identities?.size ?? 0, "rate_limit", "keys");
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    try {
      const refusal = this.#refusal(req, ctx);
      return refusal === undefined ? this.#next.call(req, ctx) : Promise.reject(refusal);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  /** Asks first and takes then, so that what one limit refuses costs nothing of another. */
  #refusal(req: Req, ctx: Ctx): RateLimitedError | undefined {
    const nowUs = microseconds(this.#clock);
    const total = this.#total;
    if (total !== undefined) {
      const waitUs = total.waitUs(nowUs);
      if (waitUs > 0) return this.#refuse("total", this.#totalPerSecond, waitUs);
    }
    const key = this.#keyOf?.(req, ctx);
    const override = key === undefined ? undefined : this.#overrides.get(key);
    const own = override === undefined ? this.#identities?.get(key, nowUs) : override.bucket;
    if (own !== undefined) {
      const waitUs = own.waitUs(nowUs);
      if (waitUs > 0) {
        return override === undefined
          ? this.#refuse("identity", this.#perSecond, waitUs)
          : this.#refuse("override", override.perSecond, waitUs);
      }
      own.take(nowUs);
    }
    total?.take(nowUs);
    return undefined;
  }

  #refuse(scope: RateLimitScope, perSecond: number, waitUs: number): RateLimitedError {
    this.#limited[scope].inc();
    return new RateLimitedError(scope, perSecond, Math.ceil(waitUs / 1000));
  }

  get status(): Status {
    return this.#next.status;
  }

  close(): Promise<void> {
    this.#removeGauge();
    return this.#next.close();
  }
}

function microseconds(clock: Clock): number {
  return Math.floor(clock.now() * 1000);
}

/** What a part may have, the whole must have. */
function checkOrder({ total, identity, overrides = [] }: RateLimitOptions): void {
  if (total === undefined) return;
  for (const { requestsPerSecond } of identity === undefined ? overrides : [identity, ...overrides]) {
    if (requestsPerSecond <= total.requestsPerSecond) continue;
    throw new RangeError(
      `rateLimit: ${requestsPerSecond} requests per second for one are more than the ${total.requestsPerSecond} for all`,
    );
  }
}

/**
 * Refuses requests beyond a rate: of all together, of each sender, or of some named senders.
 *
 * Shape: the total is asked first, then the override that names the sender, else the sender's own rate. A request that
 * is refused takes nothing from any of them. Rates are those of this process alone.
 * Errors: `WEFT_RATE_LIMITED` with `retryAfterMs`, flagged rejected and nonRetryable. RangeError for rates that cannot
 * be, when the stack is built.
 * Cost: one reading of the clock and a look-up by key; no object, save for a key that is new.
 * Source: Linkerd 2's HTTPLocalRateLimitPolicy, whose total is charged for what another limit refuses.
 */
export const rateLimit: <Req, Rep>() => Module<Service<Req, Rep>> = <Req, Rep>() =>
  defineModule<
    Service<Req, Rep>,
    {
      options: typeof RateLimitParam;
      key: typeof RateLimitKeyParam;
      clock: typeof ClockParam;
      stats: typeof StatsParam;
    }
  >({
    role: RateLimitRole,
    description: "Refuses requests beyond a rate, in all or per sender",
    params: { options: RateLimitParam, key: RateLimitKeyParam, clock: ClockParam, stats: StatsParam },
    make: ({ options, key, clock, stats }, next) => {
      if (options === undefined) return next;
      const { total, identity, overrides = [] } = options;
      if (total === undefined && identity === undefined && overrides.length === 0) return next;
      return new RateLimit(options, key, clock, stats, next);
    },
  });
