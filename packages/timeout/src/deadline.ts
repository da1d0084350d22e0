import {
  type AnyFilter,
  type Clock,
  ClockParam,
  type CtxKey,
  ctxKey,
  filterModule,
  type Module,
  type Param,
  param,
  type Role,
  role,
  type Service,
} from "@weftmesh/core";
import { StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { guardCall } from "./call-guard.ts";
import { DeadlineError } from "./errors.ts";
import { RejectBucket } from "./reject-bucket.ts";

export const DeadlineRole: Role = role("deadline");

/** `enforce` cancels the work when the deadline passes; `observe` counts, and takes the deadline off the call. */
export type DeadlineMode = "enforce" | "observe";

export const DeadlineModeParam: Param<DeadlineMode> = param<DeadlineMode>("deadlineMode", "enforce");

/**
 * Calls that may be rejected because they came too late, as a ratio of those that were served: 0.2, which is Finagle's,
 * serves five for each one rejected, even if all of them are late. `Infinity` rejects all that come too late, 0 none.
 */
export const DeadlineMaxRejectFraction: Param<number> = param("deadlineMaxRejectFraction", Number.POSITIVE_INFINITY);

/** ms over which `DeadlineMaxRejectFraction` is kept: 1,000 to 60,000. */
export const DeadlineRejectPeriodMs: Param<number> = param("deadlineRejectPeriodMs", 10_000);

/**
 * Whether the deadline of this call holds for the body of the response too, as gRPC's does. Otherwise the head of the
 * response is in time, which is what `l5d-ctx-deadline` means: it is made from timeouts that let a long body go on.
 */
export const DeadlineCoversBodyKey: CtxKey<boolean> = ctxKey<boolean>("deadlineCoversBody", false);

interface Settings {
  readonly mode: DeadlineMode;
  readonly maxRejectFraction: number;
  readonly periodMs: number;
  readonly clock: Clock;
  readonly stats: StatsReceiver;
}

const newError = (timeoutMs: number): Error => new DeadlineError(timeoutMs);

function deadlineFilter({ mode, maxRejectFraction, periodMs, clock, stats }: Settings): AnyFilter {
  // A config may bring any text.
  if (mode !== "enforce" && mode !== "observe") {
    throw new RangeError(`deadlineMode must be enforce or observe, not ${String(mode)}`);
  }
  const scope = stats.scope("admission_control", "deadline");
  const exceeded = scope.counter("exceeded");
  const rejected = scope.counter("rejected");
  const cancelled = scope.counter("cancelled");
  const expiredMs = scope.stat("expired_ms");
  const remainingMs = scope.stat("remaining_ms");
  const enforces = mode === "enforce";
  const newCancelled = (timeoutMs: number): Error => {
    cancelled.inc();
    return newError(timeoutMs);
  };
  const rejectsNone = maxRejectFraction === 0;
  const bucket =
    rejectsNone || maxRejectFraction === Number.POSITIVE_INFINITY
      ? undefined
      : new RejectBucket({ maxRejectFraction, periodMs, nowMs: clock.now() });

  return (req, ctx, next) => {
    if (!(ctx.deadline < Number.POSITIVE_INFINITY)) {
      // What is no number is no deadline, and must not make one further down.
      if (ctx.deadline !== Number.POSITIVE_INFINITY) ctx.deadline = Number.POSITIVE_INFINITY;
      bucket?.served(clock.now());
      return next.call(req, ctx);
    }
    const nowMs = clock.now();
    const isLate = ctx.deadline <= nowMs;
    if (!isLate) {
      remainingMs.add(ctx.deadline - nowMs);
      if (enforces) guardCall(ctx, nowMs, ctx.deadline, clock, newCancelled, true, ctx.get(DeadlineCoversBodyKey));
    } else {
      const lateMs = nowMs - ctx.deadline;
      exceeded.inc();
      expiredMs.add(lateMs);
      if (!rejectsNone && (bucket === undefined || bucket.tryReject(nowMs))) {
        rejected.inc();
        if (enforces) return Promise.reject(new DeadlineError(0, lateMs));
        ctx.deadline = Number.POSITIVE_INFINITY;
        return next.call(req, ctx);
      }
    }
    bucket?.served(nowMs);
    // A deadline that nobody keeps must not be kept by the timeouts further down either.
    if (isLate || !enforces) ctx.deadline = Number.POSITIVE_INFINITY;
    return next.call(req, ctx);
  };
}

/**
 * Keeps the deadline that came with a call: one that has passed already is not passed on, and when it passes later all
 * work for the call is cancelled.
 *
 * Shape: reads `ctx.deadline`, which whoever reads the call off the wire has set; see `DeadlineReader`. What is let
 * through although it came too late goes on without a deadline.
 * Errors: `WEFT_DEADLINE`, flagged deadlineExceeded, interrupted and nonRetryable.
 * Cost: a compare for a call without a deadline; a timer and an object for one that has.
 * Source: Finagle DeadlineFilter, whose dark mode is `observe`; differs in that it cancels what is under way, and that
 * a deadline which passed less than 1 ms ago has passed.
 */
export const deadline: <Req, Rep>() => Module<Service<Req, Rep>> = filterModule({
  role: DeadlineRole,
  description: "Keeps the deadline that came with a call, or only counts those that were missed",
  params: {
    mode: DeadlineModeParam,
    maxRejectFraction: DeadlineMaxRejectFraction,
    periodMs: DeadlineRejectPeriodMs,
    clock: ClockParam,
    stats: StatsParam,
  },
  filter: deadlineFilter,
});
