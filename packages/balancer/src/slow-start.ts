/** Never nothing at all: an endpoint that nobody asks would look as new for ever to whoever learns from answers. */
const leastShare = 0.001;

export interface SlowStartOptions {
  /** ms from when an endpoint joins until it has its full share; 0 or less leaves slow start out. */
  readonly windowMs: number;
  /** How soon the share grows: 1, if not given, in a straight line; above 1 sooner, below 1 later. Above 0. */
  readonly aggression?: number;
  /** The share of a full one that a new endpoint has at once, 0 to 1; 0.1 if not given. */
  readonly minShare?: number;
}

/** A node as slow start sees it. */
interface Joined {
  /** When it joined, in ms of the clock. */
  readonly sinceMs: number;
}

/**
 * How much of a full share a new endpoint may have yet: it grows with time, and never shrinks.
 *
 * Shape: one per picker. An endpoint with share s is let win s times as often as it would, compared with the share
 * of whoever it won against, so that endpoints that are all equally new are all equal.
 * Source: Envoy's slow start; differs in that a draw decides, not a weight, so that it suits any measure of load.
 */
export class SlowStart {
  readonly #windowMs: number;
  readonly #exponent: number;
  readonly #minShare: number;
  /** When the last of them has its full share. */
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(options: SlowStartOptions) {
    this.#windowMs = options.windowMs;
    const aggression = options.aggression ?? 1;
    this.#exponent = aggression > 0 ? 1 / aggression : 1;
    this.#minShare = Math.min(Math.max(options.minShare ?? 0.1, 0), 1);
  }

  /** To be told of every set that is picked from. */
  rebuild(nodes: readonly Joined[]): void {
    let latestMs = Number.NEGATIVE_INFINITY;
    for (const node of nodes) latestMs = Math.max(latestMs, node.sinceMs);
    this.#untilMs = latestMs + this.#windowMs;
  }

  /** Whether anybody has less than a full share; what is asked first, since mostly nobody has. */
  active(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }

  /** Of a full share, above 0 and at most 1. */
  share(node: Joined, nowMs: number): number {
    const age = (nowMs - node.sinceMs) / this.#windowMs;
    if (!(age < 1)) return 1;
    const grown = Math.max(age, 0) ** this.#exponent;
    return Math.max(grown, this.#minShare, leastShare);
  }
}

/** What the options ask for, if anything. */
export function slowStartOf(options: SlowStartOptions | undefined): SlowStart | undefined {
  return options === undefined || !(options.windowMs > 0) ? undefined : new SlowStart(options);
}
