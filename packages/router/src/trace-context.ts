import { type Ctx, type Module, type Param, param, type Rng, RngParam, type Role, role } from "@weftmesh/core";
import type { Headers } from "@weftmesh/http";
import { b3SampleRate, readB3, writeB3 } from "./b3-headers.ts";
import { TraceKey } from "./call-context.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";
import { L5d } from "./linkerd-headers.ts";
import { onceField } from "./once-field.ts";
import { ClearContextParam } from "./request-context.ts";
import { childTraceText, newTrace, readTraceId, type TraceId, traceHex } from "./trace-id.ts";

export const TraceContextRole: Role = role("traceContext");
export const TraceHeadersRole: Role = role("traceHeaders");

/** Which headers carry the trace. */
export type TracePropagator = "io.l5d.default" | "io.l5d.zipkin";

export const TracePropagatorParam: Param<TracePropagator> = param<TracePropagator>("tracePropagator", "io.l5d.default");

/** Reads the headers of Zipkin, and takes those of Linkerd away: nobody below is to believe them. */
function readZipkin(rng: Rng): HttpFilter {
  return (req, ctx, next) => {
    const { headers } = req;
    headers.delete(L5d.ctxTrace).delete(L5d.sample);
    const trace = readB3(headers);
    if (trace !== undefined) ctx.set(TraceKey, trace);
    const rate = b3SampleRate(headers);
    if (!Number.isNaN(rate)) ctx.set(TraceKey, (trace ?? newTrace(rng)).withSampled(rng.next() < Math.min(rate, 1)));
    return next.call(req, ctx);
  };
}

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
  params: { rng: RngParam, propagator: TracePropagatorParam, clear: ClearContextParam },
  filter: ({ rng, propagator, clear }) => {
    if (propagator === "io.l5d.default") return readTrace(rng);
    // What a client says of a trace is its context, whatever the headers are called; they are overwritten further down.
    return clear ? undefined : readZipkin(rng);
  },
});

/** The trace that a call belongs to: one of its own where nobody has begun any. */
function traceOf(ctx: Ctx, rng: Rng): TraceId {
  const known = ctx.get(TraceKey);
  if (known !== undefined) return known;
  const trace = newTrace(rng);
  ctx.set(TraceKey, trace);
  return trace;
}

/** A span of its own for each attempt, since the callee continues the trace from it. */
function writeTrace(rng: Rng): HttpFilter {
  return (req, ctx, next) => {
    const trace = traceOf(ctx, rng);
    req.headers.setField(onceField(L5d.reqid, traceHex(trace)));
    req.headers.setField(onceField(L5d.ctxTrace, childTraceText(trace, rng)));
    return next.call(req, ctx);
  };
}

function writeZipkin(rng: Rng): HttpFilter {
  return (req, ctx, next) => {
    const trace = traceOf(ctx, rng);
    req.headers.setField(onceField(L5d.reqid, traceHex(trace)));
    writeB3(req.headers, trace, rng);
    return next.call(req, ctx);
  };
}

export const traceHeaders: Module<HttpService> = httpFilterModule({
  role: TraceHeadersRole,
  description: "Writes the trace, a span of its own for each attempt, and l5d-reqid",
  params: { rng: RngParam, propagator: TracePropagatorParam },
  filter: ({ rng, propagator }) => (propagator === "io.l5d.zipkin" ? writeZipkin(rng) : writeTrace(rng)),
});
