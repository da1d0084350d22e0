import type { Rng } from "@weftmesh/core";
import { type HeaderName, type Headers, headerName } from "@weftmesh/http";
import { TraceId } from "./trace-id.ts";

/** The headers of Zipkin. */
export const B3: { readonly [K in "traceId" | "spanId" | "parentSpanId" | "sampled" | "flags"]: HeaderName } = {
  traceId: headerName("x-b3-traceid"),
  spanId: headerName("x-b3-spanid"),
  parentSpanId: headerName("x-b3-parentspanid"),
  sampled: headerName("x-b3-sampled"),
  flags: headerName("x-b3-flags"),
};

const two32 = 0x1_0000_0000;
const debug = 1;
const id64 = /^[0-9a-f]{1,16}$/i;
const id128 = /^[0-9a-f]{17,32}$/i;

type Halves = readonly [number, number];

/** The trace that the headers tell of; undefined when there is no span among them that can be read. */
export function readB3(headers: Headers): TraceId | undefined {
  const span = halvesOf(headers.get(B3.spanId));
  if (span === undefined) return undefined;
  const text = headers.get(B3.traceId) ?? "";
  const isWide = id128.test(text);
  const trace = halvesOf(isWide ? text.slice(-16) : text) ?? span;
  const parent = halvesOf(headers.get(B3.parentSpanId)) ?? span;
  const wide = isWide ? halvesOf(text.slice(0, -16)) : undefined;
  const flags = headers.get(B3.flags) === "1" ? debug : 0;
  const read = new TraceId(span[0], span[1], parent[0], parent[1], trace[0], trace[1], 0, flags, wide);
  const sampled = sampledOf(headers.get(B3.sampled)) ?? (flags === debug ? true : undefined);
  return sampled === undefined ? read : read.withSampled(sampled);
}

/** A share to sample by: whether the request is one is the reader's to draw. `NaN` when there is none. */
export function b3SampleRate(headers: Headers): number {
  const text = headers.get(B3.sampled) ?? "";
  return /^\d*\.\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** A span of its own within the trace. What nobody has decided is left to whoever is called. */
export function writeB3(headers: Headers, trace: TraceId, rng: Rng): void {
  const { wide } = trace;
  const high = wide === undefined ? "" : hex(wide[0], wide[1]);
  headers.set(B3.traceId, high + hex(trace.traceHi, trace.traceLo));
  headers.set(B3.spanId, hex((rng.next() * two32) | 0, (rng.next() * two32) | 0));
  headers.set(B3.parentSpanId, hex(trace.spanHi, trace.spanLo));
  if (trace.sampled === undefined) headers.delete(B3.sampled);
  else headers.set(B3.sampled, trace.sampled ? "1" : "0");
  if ((trace.flagsLo & debug) !== 0) headers.set(B3.flags, "1");
  else headers.delete(B3.flags);
}

function sampledOf(text: string | undefined): boolean | undefined {
  const lower = text?.toLowerCase();
  if (lower === "1" || lower === "true" || lower === "d") return true;
  return lower === "0" || lower === "false" ? false : undefined;
}

function halvesOf(text: string | undefined): Halves | undefined {
  if (text === undefined || !id64.test(text)) return undefined;
  const all = text.padStart(16, "0");
  return [Number.parseInt(all.slice(0, 8), 16) | 0, Number.parseInt(all.slice(8), 16) | 0];
}

function hex(hi: number, lo: number): string {
  return (hi >>> 0).toString(16).padStart(8, "0") + (lo >>> 0).toString(16).padStart(8, "0");
}
