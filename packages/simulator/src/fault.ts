import type { Latency } from "./latency.ts";

/** What is wrong with a backend for a while. */
export type FaultEffect =
  /** Connections are refused, and those that there were are reset. */
  | { readonly kind: "refusing" }
  /** Nothing comes back: connections are not made, and calls on those that there were are not answered. */
  | { readonly kind: "silent" }
  /**
   * Every answer is a failure: after `afterMs` without any work, or, where that is not given, after the usual work.
   * Of `rate`, 0 to 1, a share of the answers only.
   */
  | { readonly kind: "failing"; readonly rate: number; readonly status: number; readonly afterMs: number | undefined }
  /** Another time to work with. */
  | { readonly kind: "latency"; readonly latency: Latency }
  /** Everything takes longer by the factor. */
  | { readonly kind: "slow"; readonly factor: number }
  /** Slow by what is left of the way, as with cold caches: (way / passed), `maxFactor` at most. */
  | { readonly kind: "warmUp"; readonly maxFactor: number }
  /** A share of the workers is left. */
  | { readonly kind: "capacity"; readonly factor: number };

/** An effect from `fromMs` until `toMs`; within that, if it flaps, for the first `downMs` of each `everyMs`. */
export interface Fault {
  readonly effect: FaultEffect;
  readonly fromMs: number;
  readonly toMs: number;
  readonly flap: { readonly everyMs: number; readonly downMs: number } | undefined;
}

export function refusing(): FaultEffect {
  return { kind: "refusing" };
}

export function silent(): FaultEffect {
  return { kind: "silent" };
}

export interface ErringOptions {
  /** The share of answers that are failures; all if not given. */
  readonly rate?: number;
  /** 503 if not given. */
  readonly status?: number;
  /** Without it a failure takes as long as any other answer. */
  readonly afterMs?: number;
}

export function erring(options: ErringOptions = {}): FaultEffect {
  const { rate = 1, status = 503, afterMs } = options;
  if (!(rate >= 0 && rate <= 1)) throw new RangeError(`a share of failures is from 0 to 1, not ${rate}`);
  return { kind: "failing", rate, status, afterMs };
}

/** A share of failures, each after the usual time. */
export function brownOut(rate: number, status = 503): FaultEffect {
  return erring({ rate, status });
}

export function slow(factor: number): FaultEffect {
  positive("factor", factor);
  return { kind: "slow", factor };
}

export function takes(latency: Latency): FaultEffect {
  return { kind: "latency", latency };
}

export function warmUp(maxFactor: number): FaultEffect {
  positive("maxFactor", maxFactor);
  return { kind: "warmUp", maxFactor };
}

/** 0.6 leaves 60 % of the workers. */
export function lessCapacity(factor: number): FaultEffect {
  if (!(factor >= 0 && factor <= 1)) throw new RangeError(`a share of capacity is from 0 to 1, not ${factor}`);
  return { kind: "capacity", factor };
}

export function during(fromMs: number, toMs: number, effect: FaultEffect): Fault {
  if (!(fromMs >= 0 && toMs > fromMs)) throw new RangeError(`a fault from ${fromMs} to ${toMs} ms is none`);
  return { effect, fromMs, toMs, flap: undefined };
}

export function since(fromMs: number, effect: FaultEffect): Fault {
  return during(fromMs, Number.POSITIVE_INFINITY, effect);
}

export interface FlapOptions {
  readonly everyMs: number;
  /** At the start of each span. */
  readonly downMs: number;
  readonly fromMs?: number;
  readonly toMs?: number;
}

export function flapping(options: FlapOptions, effect: FaultEffect): Fault {
  const { everyMs, downMs, fromMs = 0, toMs = Number.POSITIVE_INFINITY } = options;
  if (!(downMs > 0 && downMs < everyMs)) {
    throw new RangeError(`${downMs} ms down of every ${everyMs} ms is no flapping`);
  }
  return { ...during(fromMs, toMs, effect), flap: { everyMs, downMs } };
}

/** Whether the fault is there at that time. */
export function isActive(fault: Fault, nowMs: number): boolean {
  if (nowMs < fault.fromMs || nowMs >= fault.toMs) return false;
  return fault.flap === undefined || (nowMs - fault.fromMs) % fault.flap.everyMs < fault.flap.downMs;
}

/** When the fault next begins or ends after that time; `Infinity` when it will not. */
export function nextChange(fault: Fault, nowMs: number): number {
  const { fromMs, toMs, flap } = fault;
  if (nowMs < fromMs) return fromMs;
  if (nowMs >= toMs) return Number.POSITIVE_INFINITY;
  if (flap === undefined) return toMs;
  const turns = Math.floor((nowMs - fromMs) / flap.everyMs);
  const startMs = fromMs + turns * flap.everyMs;
  const endMs = startMs + flap.downMs;
  return Math.min(nowMs < endMs ? endMs : startMs + flap.everyMs, toMs);
}

function positive(what: string, value: number): void {
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) throw new RangeError(`${what} must be above 0, not ${value}`);
}
