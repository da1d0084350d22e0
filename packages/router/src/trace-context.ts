import { type Ctx, type Module, type Rng, RngParam, type Role, role } from "@weftmesh/core";
import { HeaderField, type Headers } from "@weftmesh/http";
import { TraceKey } from "./call-context.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";
import { L5d } from "./linkerd-headers.ts";
import { childTraceText, newTrace, readTraceId, traceHex } from "./trace-id.ts";

export const TraceContextRole: Role = role("traceContext");
export const TraceHeadersRole: Role = role("traceHeaders");

/** Reads `l5d-ctx-trace` and lets `l5d-sample` decide about a trace that nobody has decided about. */
function readTrace(rng: Rng): HttpFilter {
  function sample(headers: Headers, ctx: Ctx): void {
    const rate = Number.parseFloat(headers.get(L5d.sample) ?? "");
    headers.delete(L5d.sample);
    if (Number.isNaN(rate)) return;
    const trace = ctx.get(TraceKey) ?? newTrace(rng);
    if (trace.sampled === undefined) ctx.set(TraceKey, trace.withSampled(rng.next() < Math.min(Math.max(rate, 0), 1)));
  }
  return (req, ctx, next) => {
    const { headers } = req;
    const text = headers.get(L5d.ctxTrace);
    if (text !== undefined) {
      const trace = readTraceId(text);
      if (trace !== undefined) ctx.set(TraceKey, trace);
    }
    if (headers.has(L5d.sample)) sample(headers, ctx);
    return next.call(req, ctx);
  };
}

export const traceContext: Module<HttpService> = httpFilterModule({
  role: TraceContextRole,
  description: "Reads the trace that a request belongs to",
  params: { rng: RngParam },
  filter: ({ rng }) => readTrace(rng),
});

/** A span of its own for each attempt, since the callee continues the trace from it. */
function writeTrace(rng: Rng): HttpFilter {
  return (req, ctx, next) => {
    let trace = ctx.get(TraceKey);
    if (trace === undefined) {
      trace = newTrace(rng);
      ctx.set(TraceKey, trace);
    }
    // Both texts are ours, of hexadecimal and base64: nothing in them needs to be checked.
    req.headers.setField(new HeaderField(L5d.reqid.id, L5d.reqid.text, traceHex(trace)));
    req.headers.setField(new HeaderField(L5d.ctxTrace.id, L5d.ctxTrace.text, childTraceText(trace, rng)));
    return next.call(req, ctx);
  };
}

export const traceHeaders: Module<HttpService> = httpFilterModule({
  role: TraceHeadersRole,
  description: "Writes l5d-ctx-trace and l5d-reqid",
  params: { rng: RngParam },
  filter: ({ rng }) => writeTrace(rng),
});
