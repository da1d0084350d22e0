import { type Clock, ClockParam, type Ctx, type Module, type Role, role } from "@weftmesh/core";
import { type HttpRequest, headerField } from "@weftmesh/http";
import { outgoingDeadline, PropagateDeadlines, showDeadline } from "@weftmesh/timeout";
import { LocalDtabKey } from "./call-context.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";
import { L5d } from "./linkerd-headers.ts";

export const ContextHeadersRole: Role = role("contextHeaders");

function writeContext(clock: Clock, propagates: boolean): HttpFilter {
  function write(req: HttpRequest, ctx: Ctx): void {
    const deadline = propagates ? outgoingDeadline(ctx, clock) : undefined;
    if (deadline !== undefined) req.headers.setField(headerField(L5d.ctxDeadline, showDeadline(deadline)));
    const local = ctx.get(LocalDtabKey);
    if (local !== undefined) req.headers.setField(headerField(L5d.ctxDtab, local.show));
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
