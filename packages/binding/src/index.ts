export { type Binding, type BindingCacheSizes, type BindingOptions, newBinding } from "./binder.ts";
export { durationText } from "./duration-text.ts";
export { BindingFailedError, BindingQueueFullError, BindingTimeoutError, NoBindingError } from "./errors.ts";
export { IdleCache, type IdleCacheOptions, IdleEntry } from "./idle-cache.ts";
export type { LogicalDst } from "./path-service.ts";
export { type BindingSnapshot, type ClientState, clientState } from "./snapshot.ts";
export { WeightedPick } from "./weighted-pick.ts";
