import { type CtxKey, ctxKey, type Param, param } from "@weftmesh/core";

/**
 * Whether calls may bring times of their own, under `RequestTimeoutKey` and `TotalTimeoutKey`. The modules are then
 * built even where no time is fixed. Without it the keys are not looked at, and cost nothing.
 */
export const DynamicTimeouts: Param<boolean> = param<boolean>("dynamicTimeouts", false);

/** ms for each attempt of this call. Above zero, or it does not count; `Infinity` for no limit. */
export const RequestTimeoutKey: CtxKey<number | undefined> = ctxKey<number | undefined>("requestTimeoutMs", undefined);

/** ms for this call with all its attempts. Above zero, or it does not count; `Infinity` for no limit. */
export const TotalTimeoutKey: CtxKey<number | undefined> = ctxKey<number | undefined>("totalTimeoutMs", undefined);
