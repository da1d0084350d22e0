import type { Clock } from "@weftmesh/core";
import { ConnectionFault } from "./errors.ts";
import { ErrorCode } from "./frame-types.ts";

/** How many at once, and how many a second in the long run. */
export interface Rate {
  readonly burst: number;
  readonly perSec: number;
}

/** What a peer may send that costs it little and us more. */
export interface FrameRates {
  /** Streams that it resets unanswered, or that its errors make us reset. */
  readonly resets: Rate;
  readonly settings: Rate;
  readonly pings: Rate;
  /** DATA without content. */
  readonly emptyData: Rate;
  readonly windowUpdates: Rate;
  /** PRIORITY, and frames of unknown types. */
  readonly ignored: Rate;
}

export const defaultFrameRates: FrameRates = {
  resets: { burst: 200, perSec: 33 },
  settings: { burst: 100, perSec: 5 },
  pings: { burst: 1_000, perSec: 100 },
  emptyData: { burst: 1_000, perSec: 100 },
  windowUpdates: { burst: 8_000, perSec: 1_000 },
  ignored: { burst: 1_000, perSec: 100 },
};

/**
 * A token bucket that looks at the clock only when it is empty.
 *
 * Cost: a subtraction per frame.
 */
export class TokenBucket {
  private readonly rate: Rate;
  private readonly clock: Clock;
  private tokens: number;
  private filledMs: number;

  constructor(rate: Rate, clock: Clock) {
    this.rate = rate;
    this.clock = clock;
    this.tokens = rate.burst;
    this.filledMs = clock.now();
  }

  /** False when there is none left. */
  take(): boolean {
    if (this.tokens < 1) this.fill();
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  /** The peer did something useful, which may go along with more of these. */
  give(tokens: number): void {
    if (this.tokens < this.rate.burst) this.tokens += tokens;
  }

  private fill(): void {
    const nowMs = this.clock.now();
    const { burst, perSec } = this.rate;
    this.tokens = Math.min(burst, this.tokens + ((nowMs - this.filledMs) * perSec) / 1_000);
    this.filledMs = nowMs;
  }
}

/** The buckets of one connection. Errors: each throws `ConnectionFault` with ENHANCE_YOUR_CALM when there is too much. */
export class FrameBudget {
  private readonly clock: Clock;
  private readonly rates: FrameRates;
  private readonly buckets: (TokenBucket | undefined)[] = [];

  constructor(rates: FrameRates, clock: Clock) {
    this.rates = rates;
    this.clock = clock;
  }

  reset(): void {
    this.take(0, "resets");
  }

  settings(): void {
    this.take(1, "settings");
  }

  ping(): void {
    this.take(2, "pings");
  }

  emptyData(): void {
    this.take(3, "emptyData");
  }

  windowUpdate(): void {
    this.take(4, "windowUpdates");
  }

  ignored(): void {
    this.take(5, "ignored");
  }

  /** A message, or a good part of one, went either way: peers ping and update windows for each. */
  useful(): void {
    this.buckets[2]?.give(2);
    this.buckets[4]?.give(3);
  }

  /** A stream brought an answer to its end: a peer with many callers resets some as well, up to as many as that. */
  answered(): void {
    this.buckets[0]?.give(1);
  }

  private take(index: number, name: keyof FrameRates): void {
    let bucket = this.buckets[index];
    if (bucket === undefined) {
      bucket = new TokenBucket(this.rates[name], this.clock);
      this.buckets[index] = bucket;
    }
    if (bucket.take()) return;
    const { burst, perSec } = this.rates[name];
    throw new ConnectionFault(
      ErrorCode.EnhanceYourCalm,
      `too many ${labels[name]}: ${burst} at once and ${perSec} a second may come`,
    );
  }
}

const labels: Readonly<Record<keyof FrameRates, string>> = {
  resets: "streams that were reset",
  settings: "SETTINGS frames",
  pings: "PING frames",
  emptyData: "empty DATA frames",
  windowUpdates: "WINDOW_UPDATE frames",
  ignored: "frames that mean nothing here",
};
