import { type Ctx, type Module, type Observer, type Role, role } from "@weftmesh/core";
import {
  type HeaderField,
  type HttpRequest,
  type HttpResponse,
  headerField,
  Names,
  stripHopByHop,
} from "@weftmesh/http";
import { ErrorResponse } from "./error-response.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";

export const ViaRole: Role = role("via");
export const HopByHopRole: Role = role("hopByHop");

const http1: HeaderField = headerField(Names.via, "1.1 linkerd");
const http2: HeaderField = headerField(Names.via, "h2 linkerd");

/** By the version in which the message came. */
function appendVia({ headers, version }: HttpRequest | HttpResponse): void {
  const field = version === "2" ? http2 : http1;
  if (headers.has(Names.via)) headers.set(Names.via, `${headers.getAll(Names.via).join(", ")}, ${field.value}`);
  else headers.addField(field);
}

const viaOnResponse: Observer = {
  onResponse: (_ctx: Ctx, rep: unknown) => {
    if (!(rep instanceof ErrorResponse)) appendVia(rep as HttpResponse);
  },
  onEnd: () => {},
};

const via: HttpFilter = (req, ctx, next) => {
  appendVia(req);
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

const trailersWanted: HeaderField = headerField(Names.te, "trailers");

const strip: HttpFilter = (req, ctx, next) => {
  const { headers } = req;
  // Every hop of HTTP/2 takes trailers, and a server of gRPC insists on hearing it.
  const te = req.version === "2" ? headers.get(Names.te) : undefined;
  if (te === "trailers" && headers.count(Names.te) === 1) stripHopByHop(headers, Names.te);
  else {
    stripHopByHop(headers);
    if (te?.toLowerCase() === "trailers") headers.addField(trailersWanted);
  }
  ctx.observe(stripResponse);
  return next.call(req, ctx);
};

export const hopByHop: Module<HttpService> = httpFilterModule({
  role: HopByHopRole,
  description: "Removes the headers that are meant for one hop alone, both ways",
  params: {},
  filter: () => strip,
});
