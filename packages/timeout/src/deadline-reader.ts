import { type Clock, type Ctx, type CtxKey, ctxKey, type Param, param } from "@weftmesh/core";
import type { Counter, StatsReceiver } from "@weftmesh/telemetry";
import { DeadlineCoversBodyKey } from "./deadline.ts";
import { readGrpcTimeout } from "./grpc-timeout.ts";
import { combineDeadlines, readDeadline, remainingMs, type WireDeadline } from "./wire-deadline.ts";

/**
 * ms by which a caller's clock may be behind ours: added to every deadline that comes as a time of the calendar. Not to
 * `grpc-timeout`, which is a span.
 */
export const DeadlineToleranceMs: Param<number> = param("deadlineToleranceMs", 0);

/** The most that a deadline from the wire may be ahead, in ms; one that is further ahead counts as this. */
export const MaxDeadlineMs: Param<number> = param("maxDeadlineMs", Number.POSITIVE_INFINITY);

/** The deadline as the caller sent it: it is passed on, whether we keep it or only observe it. */
export const WireDeadlineKey: CtxKey<WireDeadline | undefined> = ctxKey<WireDeadline | undefined>(
  "wireDeadline",
  undefined,
);

export interface DeadlineReaderOptions {
  readonly clock: Clock;
  /** The scope of the server: the counter is `admission_control/deadline/ignored`. */
  readonly stats: StatsReceiver;
  /** See `DeadlineToleranceMs`. */
  readonly toleranceMs: number;
  /** See `MaxDeadlineMs`. */
  readonly maxMs: number;
}

/**
 * Sets the deadline of a call from what its headers say, never later than it was.
 *
 * Shape: one per stack. What cannot be read is counted and otherwise ignored.
 * Errors: RangeError from the constructor for a tolerance below 0 or a most that is not above 0.
 */
export class DeadlineReader {
  readonly #clock: Clock;
  readonly #ignored: Counter;
  readonly #toleranceMs: number;
  readonly #maxMs: number;

  constructor({ clock, stats, toleranceMs, maxMs }: DeadlineReaderOptions) {
    if (!(toleranceMs >= 0 && toleranceMs < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`deadlineToleranceMs must be 0 or more, not ${toleranceMs}`);
    }
    if (!(maxMs > 0)) throw new RangeError(`maxDeadlineMs must be above 0, not ${maxMs}`);
    this.#clock = clock;
    this.#ignored = stats.scope("admission_control", "deadline").counter("ignored");
    this.#toleranceMs = toleranceMs;
    this.#maxMs = maxMs;
  }

  /** Values of `l5d-ctx-deadline`, of which the strictest counts. */
  read(values: readonly string[], ctx: Ctx): void {
    let strictest: WireDeadline | undefined;
    for (const value of values) {
      const wire = readDeadline(value);
      if (wire === undefined) this.#ignored.inc();
      else strictest = strictest === undefined ? wire : combineDeadlines(strictest, wire);
    }
    if (strictest === undefined) return;
    ctx.set(WireDeadlineKey, strictest);
    this.#lower(ctx, remainingMs(strictest, this.#clock.epochMs()) + this.#toleranceMs);
  }

  /** The value of `grpc-timeout`, which holds for the body too. */
  readGrpcTimeout(value: string, ctx: Ctx): void {
    const leftMs = readGrpcTimeout(value);
    if (leftMs === undefined) {
      this.#ignored.inc();
      return;
    }
    ctx.set(DeadlineCoversBodyKey, true);
    this.#lower(ctx, leftMs);
  }

  #lower(ctx: Ctx, leftMs: number): void {
    ctx.deadline = Math.min(ctx.deadline, this.#clock.now() + Math.min(leftMs, this.#maxMs));
  }
}
