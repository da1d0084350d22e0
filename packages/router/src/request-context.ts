import {
  ClockParam,
  type Ctx,
  defineModule,
  filtered,
  type Module,
  type Observer,
  type Param,
  param,
  type Role,
  role,
} from "@weftmesh/core";
import {
  discard,
  emptyBody,
  type Headers,
  type HttpRequest,
  type HttpResponse,
  Names,
  TunnelResponse,
} from "@weftmesh/http";
import { Dtab, PathSyntaxError } from "@weftmesh/naming";
import { StatsParam } from "@weftmesh/telemetry";
import { DeadlineReader, DeadlineToleranceMs, MaxDeadlineMs } from "@weftmesh/timeout";
import { GrpcDeadlineKey, LocalDtabKey } from "./call-context.ts";
import { ClearTrailers } from "./clear-trailers.ts";
import { DtabHeaderError } from "./errors.ts";
import type { HttpFilter, HttpService } from "./http-service.ts";
import { Grpc, isL5dHeader, L5d } from "./linkerd-headers.ts";

export const RequestContextRole: Role = role("requestContext");

/** Trust nothing that a client says in `l5d-*` headers, and tell it nothing in them. */
export const ClearContextParam: Param<boolean> = param<boolean>("clearContext", false);

/** Dtab texts remembered per server: they repeat from request to request, and a flood must not grow it. */
const maxKeptDtabs = 1000;
/** A longer text is read each time: what it is parsed to takes a multiple of it. */
const maxKeptChars = 512;

class DtabReader {
  readonly #kept = new Map<string, Dtab>();

  read(text: string): Dtab {
    const known = this.#kept.get(text);
    if (known !== undefined) return known;
    let dtab: Dtab;
    try {
      dtab = Dtab.read(text);
    } catch (cause) {
      if (cause instanceof PathSyntaxError) throw new DtabHeaderError(cause);
      throw cause;
    }
    if (text.length > maxKeptChars) return dtab;
    if (this.#kept.size >= maxKeptDtabs) this.#kept.clear();
    this.#kept.set(text, dtab);
    return dtab;
  }
}

/** Takes `l5d-ctx-*` and `l5d-dtab` off the request and into the ctx. */
function readContext(deadlines: DeadlineReader): HttpFilter {
  const dtabs = new DtabReader();

  function readDeadlines(headers: Headers, ctx: Ctx): void {
    deadlines.read(headers.getAll(L5d.ctxDeadline), ctx);
    headers.delete(L5d.ctxDeadline);
  }

  /** The context's delegations, then the user's own, which therefore win. */
  function readDtabs(headers: Headers, ctx: Ctx): void {
    let local = Dtab.empty;
    for (const text of headers.getAll(L5d.ctxDtab)) local = local.concat(dtabs.read(text));
    for (const text of headers.getAll(L5d.dtab)) local = local.concat(dtabs.read(text));
    headers.delete(L5d.ctxDtab).delete(L5d.dtab);
    if (!local.isEmpty) ctx.set(LocalDtabKey, local);
  }

  return (req, ctx, next) => {
    const { headers } = req;
    if (headers.has(Grpc.timeout)) readGrpcTimeout(deadlines, req, ctx);
    if (headers.has(L5d.ctxDeadline)) readDeadlines(headers, ctx);
    // What proxies say in it has been read where the request came in: this is a caller's word.
    if (headers.has(L5d.origProto)) headers.delete(L5d.origProto);
    if (headers.has(L5d.dtab) || headers.has(L5d.ctxDtab)) {
      try {
        readDtabs(headers, ctx);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return next.call(req, ctx);
  };
}

/** gRPC's own deadline is not a thing of ours: it stays in the request, and counts whatever we believe of our headers. */
function readGrpcTimeout(deadlines: DeadlineReader, req: HttpRequest, ctx: Ctx): void {
  if (req.version !== "2") return;
  deadlines.readGrpcTimeout(req.headers.get(Grpc.timeout) as string, ctx);
  ctx.set(GrpcDeadlineKey, ctx.deadline);
}

/** Takes what is Linkerd's off a response, and with an error of ours its explanation. */
const clearResponse: Observer = {
  onResponse: (_ctx: Ctx, rep: unknown) => {
    const { headers } = rep as HttpResponse;
    if (headers.has(L5d.err)) {
      (rep as HttpResponse).body.pipe(discard);
      (rep as HttpResponse).body = emptyBody;
      headers.delete(Names.contentLength).delete(Names.contentType);
    }
    headers.deleteWhere(isL5dHeader);
    if ((rep as HttpResponse).version === "2") keepTrailersClear(rep as HttpResponse);
  },
  onEnd: () => {},
};

/** What the router itself would say in them. */
function keepTrailersClear(rep: HttpResponse): void {
  if (rep.body.whole !== true && !(rep instanceof TunnelResponse)) rep.body = new ClearTrailers(rep.body);
}

function clearContext(deadlines: DeadlineReader): HttpFilter {
  return (req, ctx, next) => {
    req.headers.deleteWhere(isL5dHeader);
    if (req.headers.has(Grpc.timeout)) readGrpcTimeout(deadlines, req, ctx);
    ctx.observe(clearResponse);
    return next.call(req, ctx);
  };
}

/** Must be above everything that reads the context or writes `l5d-*` response headers: observers run from below. */
export const requestContext: Module<HttpService> = defineModule({
  role: RequestContextRole,
  description: "Reads the l5d context of a request, or clears it",
  params: {
    clear: ClearContextParam,
    toleranceMs: DeadlineToleranceMs,
    maxMs: MaxDeadlineMs,
    clock: ClockParam,
    stats: StatsParam,
  },
  make: ({ clear, ...reading }, next: HttpService): HttpService =>
    filtered((clear ? clearContext : readContext)(new DeadlineReader(reading)), next),
});
