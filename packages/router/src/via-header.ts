import { type Ctx, type Module, type Observer, type Role, role } from "@weftmesh/core";
import { type HeaderField, type Headers, type HttpResponse, headerField, Names, stripHopByHop } from "@weftmesh/http";
import { ErrorResponse } from "./error-response.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";

export const ViaRole: Role = role("via");
export const HopByHopRole: Role = role("hopByHop");

const here = "1.1 linkerd";
const field: HeaderField = headerField(Names.via, here);

function appendVia(headers: Headers): void {
  if (headers.has(Names.via)) headers.set(Names.via, `${headers.getAll(Names.via).join(", ")}, ${here}`);
  else headers.addField(field);
}

const viaOnResponse: Observer = {
  onResponse: (_ctx: Ctx, rep: unknown) => {
    if (!(rep instanceof ErrorResponse)) appendVia((rep as HttpResponse).headers);
  },
  onEnd: () => {},
};

const via: HttpFilter = (req, ctx, next) => {
  appendVia(req.headers);
  ctx.observe(viaOnResponse);
  return next.call(req, ctx);
};

/** Loops are found by it: every request and response says that it came through here. */
export const viaHeader: Module<HttpService> = httpFilterModule({
  role: ViaRole,
  description: "Adds this proxy to Via, both ways",
  params: {},
  filter: () => via,
});

const stripResponse: Observer = {
  onResponse: (_ctx: Ctx, rep: unknown) => stripHopByHop((rep as HttpResponse).headers),
  onEnd: () => {},
};

const strip: HttpFilter = (req, ctx, next) => {
  stripHopByHop(req.headers);
  ctx.observe(stripResponse);
  return next.call(req, ctx);
};

export const hopByHop: Module<HttpService> = httpFilterModule({
  role: HopByHopRole,
  description: "Removes the headers that are meant for one hop alone, both ways",
  params: {},
  filter: () => strip,
});
