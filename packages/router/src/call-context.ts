import { type CtxKey, ctxKey, type Param, param } from "@weftmesh/core";
import type { Bound, Dtab } from "@weftmesh/naming";
import { Path } from "@weftmesh/naming";
import type { TraceId } from "./trace-id.ts";

/** A logical destination: the name, and the delegations that came with the request; undefined when there were none. */
export interface Dst {
  readonly path: Path;
  readonly local: Dtab | undefined;
}

/** The delegations that the request's own headers bring. */
export const LocalDtabKey: CtxKey<Dtab | undefined> = ctxKey<Dtab | undefined>("localDtab", undefined);

/** When the caller's `grpc-timeout` ends, in ms of the clock's monotonic time. */
export const GrpcDeadlineKey: CtxKey<number | undefined> = ctxKey<number | undefined>("grpcDeadline", undefined);

/** The trace that the request belongs to, as it came in. */
export const TraceKey: CtxKey<TraceId | undefined> = ctxKey<TraceId | undefined>("trace", undefined);

/** Where the request goes by name: set by the path stack. */
export const DstKey: CtxKey<Dst | undefined> = ctxKey<Dst | undefined>("dst", undefined);

/** The concrete name that was picked for it: set by the bound stack. */
export const BoundKey: CtxKey<Bound | undefined> = ctxKey<Bound | undefined>("bound", undefined);

/** The logical destination that a path stack is built for. */
export const DstParam: Param<Dst> = param<Dst>("dst", { path: Path.empty, local: undefined }, unsaid);

/** The bound name that a bound or client stack is built for. */
export const BoundParam: Param<Bound | undefined> = param<Bound | undefined>("bound", undefined, unsaid);

export const RouterLabelParam: Param<string> = param<string>("routerLabel", "", unsaid);

/** Not for a listing: it differs from stack to stack. */
function unsaid(): undefined {
  return undefined;
}
