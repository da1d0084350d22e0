import type { CallOptions } from "@grpc/grpc-js";
import { type Clock, type Ctx, type CtxKey, ctxKey } from "@weftmesh/core";

export type GrpcDeadline = NonNullable<CallOptions["deadline"]>;

/** 99,999,999 hours is the longest that `grpc-timeout` can say; grpc-js throws for more. A century less, to be safe. */
const maxAheadMs = 99_999_999 * 3_600_000 - 3_155_760_000_000;

/**
 * The caller's own deadline, in ms on the clock's monotonic time, which holds for the whole of a stream. `ctx.deadline`
 * may have been lowered by timeouts that wait for the head alone.
 */
export const CallDeadlineKey: CtxKey<number> = ctxKey("grpcCallDeadline", Number.POSITIVE_INFINITY);

/** A deadline of grpc-js, ms or a date of the calendar, as ms of the clock; `Infinity` where it says nothing. */
export function fromGrpcDeadline(deadline: GrpcDeadline | undefined, clock: Clock): number {
  if (deadline === undefined) return Number.POSITIVE_INFINITY;
  const atEpochMs = typeof deadline === "number" ? deadline : deadline.getTime();
  if (Number.isNaN(atEpochMs) || atEpochMs === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  return clock.now() + (atEpochMs - clock.epochMs());
}

/** The way back; undefined, which means no `grpc-timeout`, when there is none or it is further ahead than gRPC can say. */
export function toGrpcDeadline(deadlineMs: number, clock: Clock): number | undefined {
  const leftMs = deadlineMs - clock.now();
  return leftMs < maxAheadMs ? clock.epochMs() + leftMs : undefined;
}

/**
 * The deadline that goes out with an attempt. An answer that comes whole is due when its head is; of a stream only the
 * caller's own deadline holds for the rest.
 */
export function attemptDeadline(ctx: Ctx, isWhole: boolean): number {
  return isWhole ? ctx.deadline : ctx.get(CallDeadlineKey);
}
