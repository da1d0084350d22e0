import { type Module, type Role, role } from "@weftmesh/core";
import { headerField } from "@weftmesh/http";
import { BoundKey, BoundParam, DstKey, DstParam } from "./call-context.ts";
import { type HttpService, httpFilterModule } from "./http-service.ts";
import { L5d } from "./linkerd-headers.ts";

export const DstServiceRole: Role = role("dstService");
export const DstClientRole: Role = role("dstClient");

/** Says in the request which service it is for. One text per path stack: nothing is rendered per request. */
export const dstService: Module<HttpService> = httpFilterModule({
  role: DstServiceRole,
  description: "Names the logical service in l5d-dst-service",
  params: { dst: DstParam },
  filter: ({ dst }) => {
    const field = headerField(L5d.dstService, dst.path.show);
    return (req, ctx, next) => {
      ctx.set(DstKey, dst);
      req.headers.setField(field);
      return next.call(req, ctx);
    };
  },
});

/** Says in the request which concrete client it goes to, and what the namer left of its name. */
export const dstClient: Module<HttpService> = httpFilterModule({
  role: DstClientRole,
  description: "Names the concrete client in l5d-dst-client and l5d-dst-residual",
  params: { bound: BoundParam },
  filter: ({ bound }) => {
    if (bound === undefined) return undefined;
    const client = headerField(L5d.dstClient, bound.id.show);
    const residual = bound.residual.isEmpty ? undefined : headerField(L5d.dstResidual, bound.residual.show);
    return (req, ctx, next) => {
      // On the whole call, and not on the attempt alone: whoever words its failure has to name the client.
      ctx.root.set(BoundKey, bound);
      req.headers.setField(client);
      if (residual === undefined) req.headers.delete(L5d.dstResidual);
      else req.headers.setField(residual);
      return next.call(req, ctx);
    };
  },
});
