import { type Clock, ClockParam, type Ctx, type Module, type Role, role } from "@weftmesh/core";
import { type HttpRequest, headerField } from "@weftmesh/http";
import { outgoingDeadline, PropagateDeadlines, showGrpcTimeout } from "@weftmesh/timeout";
import { GrpcDeadlineKey, LocalDtabKey } from "./call-context.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";
import { Grpc, L5d } from "./linkerd-headers.ts";
import { onceField } from "./once-field.ts";

export const ContextHeadersRole: Role = role("contextHeaders");

function writeContext(clock: Clock, propagates: boolean): HttpFilter {
  function write(req: HttpRequest, ctx: Ctx): void {
    const deadline = propagates ? outgoingDeadline(ctx, clock) : undefined;
    if (deadline !== undefined) req.headers.setField(onceField(L5d.ctxDeadline, deadline));
    const local = ctx.get(LocalDtabKey);
    if (local !== undefined) req.headers.setField(headerField(L5d.ctxDtab, local.show));
    const grpc = ctx.get(GrpcDeadlineKey);
    // The caller's own word is passed on as it came unless a timeout of ours ends sooner.
    if (grpc !== undefined && ctx.deadline < grpc) {
      const left = showGrpcTimeout(ctx.deadline - clock.now());
      if (left !== undefined) req.headers.setField(onceField(Grpc.timeout, left));
    }
  }
  return (req, ctx, next) => {
    write(req, ctx);
    return next.call(req, ctx);
  };
}

/** Must be below the timeouts of its stack, which lower the deadline that it tells the callee. */
export const contextHeaders: Module<HttpService> = httpFilterModule({
  role: ContextHeadersRole,
  description: "Passes the deadline and the request's own delegations on in l5d-ctx-*",
  params: { propagates: PropagateDeadlines, clock: ClockParam },
  filter: ({ propagates, clock }) => writeContext(clock, propagates),
});
