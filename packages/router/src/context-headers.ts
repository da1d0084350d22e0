import { type Clock, ClockParam, type Ctx, type Module, type Role, role } from "@weftmesh/core";
import { type HttpRequest, headerField } from "@weftmesh/http";
import { LocalDtabKey } from "./call-context.ts";
import { combineDeadlines, deadlineOfMs, showDeadline, type WireDeadline } from "./deadline-header.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";
import { L5d } from "./linkerd-headers.ts";
import { WireDeadlineKey } from "./request-context.ts";

export const ContextHeadersRole: Role = role("contextHeaders");

/** The caller's deadline and the one that our own timeouts set, whichever ends first. */
function deadlineOf(ctx: Ctx, clock: Clock): WireDeadline | undefined {
  const wire = ctx.get(WireDeadlineKey);
  if (ctx.deadline === Number.POSITIVE_INFINITY) return wire;
  const epochMs = clock.epochMs();
  const own = deadlineOfMs(epochMs, epochMs + ctx.deadline - clock.now());
  return wire === undefined ? own : combineDeadlines(wire, own);
}

function writeContext(clock: Clock): HttpFilter {
  function write(req: HttpRequest, ctx: Ctx): void {
    const deadline = deadlineOf(ctx, clock);
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
  params: { clock: ClockParam },
  filter: ({ clock }) => writeContext(clock),
});
