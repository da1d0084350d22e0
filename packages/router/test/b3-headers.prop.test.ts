import { ClockParam, Ctx, Params, RngParam } from "@weftmesh/core";
import { Headers } from "@weftmesh/http";
import { ManualClock, seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readB3, writeB3 } from "../src/b3-headers.ts";
import { TraceKey } from "../src/call-context.ts";
import { ClearContextParam } from "../src/request-context.ts";
import { TracePropagatorParam, traceContext, traceHeaders } from "../src/trace-context.ts";
import { newTrace, traceHex } from "../src/trace-id.ts";
import { request, through } from "./message.ts";

const arbId = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((id) => id.toString(16).padStart(16, "0"));
const arbSampled = fc.constantFrom<string | undefined>(undefined, "0", "1", "true", "false");

describe("Zipkin's headers", () => {
  it("continue the trace that they tell of: the same trace, the caller's span as parent, the decision kept", () => {
    fc.assert(
      fc.property(
        arbId,
        arbId,
        fc.option(arbId),
        fc.option(arbId),
        arbSampled,
        fc.boolean(),
        (span, trace, high, parent, sampled, debug) => {
          const headers = Headers.of("X-B3-TraceId", (high ?? "") + trace, "X-B3-SpanId", span);
          if (parent !== null) headers.set("X-B3-ParentSpanId", parent);
          if (sampled !== undefined) headers.set("X-B3-Sampled", sampled);
          if (debug) headers.set("X-B3-Flags", "1");
          const read = readB3(headers);
          if (read === undefined) throw new Error("it is a trace");
          const decided = sampled === undefined ? (debug ? true : undefined) : sampled === "1" || sampled === "true";
          expect(read.sampled).toBe(decided);
          expect(traceHex(read)).toBe(trace);
          const out = Headers.of("x-b3-sampled", "forged", "x-b3-flags", "forged", "x-b3-spanid", "forged");
          writeB3(out, read, seededRng(1));
          expect(out.get("x-b3-traceid")).toBe((high ?? "") + trace);
          expect(out.get("x-b3-parentspanid")).toBe(span);
          expect(out.get("x-b3-spanid")).toMatch(/^[0-9a-f]{16}$/);
          expect(out.get("x-b3-sampled")).toBe(decided === undefined ? undefined : decided ? "1" : "0");
          expect(out.get("x-b3-flags")).toBe(debug ? "1" : undefined);
          expect(out.size).toBe(3 + (decided === undefined ? 0 : 1) + (debug ? 1 : 0));
        },
      ),
    );
  });

  it("that are anything else are no trace, and no error", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii", maxLength: 40 }), fc.string({ maxLength: 20 }), (span, trace) => {
        const clean = (text: string) => text.replace(/[^\x20-\x7e]/g, "?").trim();
        const headers = Headers.of(
          "x-b3-spanid",
          clean(span),
          "x-b3-traceid",
          clean(trace),
          "x-b3-sampled",
          clean(span),
          "x-b3-flags",
          clean(trace),
        );
        const read = readB3(headers);
        expect(read !== undefined).toBe(/^[0-9a-f]{1,16}$/i.test(clean(span)));
        writeB3(headers, read ?? newTrace(seededRng(2)), seededRng(1));
        expect(headers.get("x-b3-traceid")).toMatch(/^([0-9a-f]{16}){1,2}$/);
      }),
    );
  });

  it("are read and written in place of Linkerd's, which nobody is to believe then, and are not believed with clearContext", async () => {
    const params = Params.empty
      .with(TracePropagatorParam, "io.l5d.zipkin")
      .with(RngParam, seededRng(3))
      .with(ClockParam, new ManualClock());
    const headers = [
      "x-b3-traceid",
      "00000000000000aa",
      "x-b3-spanid",
      "00000000000000bb",
      "l5d-ctx-trace",
      "x",
      "l5d-sample",
      "1",
    ];
    const ctx = new Ctx();
    const req = request(headers);
    await through(traceContext, params, req, { ctx });
    expect(traceHex(ctx.get(TraceKey) as never)).toBe("00000000000000aa");
    const second = new Ctx().set(TraceKey, ctx.get(TraceKey));
    await through(traceHeaders, params, req, { ctx: second });
    expect(req.headers.toFlat()).toEqual([
      "l5d-reqid",
      "00000000000000aa",
      "x-b3-traceid",
      "00000000000000aa",
      "x-b3-spanid",
      expect.stringMatching(/^[0-9a-f]{16}$/),
      "x-b3-parentspanid",
      "00000000000000bb",
    ]);
    const strict = new Ctx();
    await through(traceContext, params.with(ClearContextParam, true), request(headers), { ctx: strict });
    expect(strict.get(TraceKey)).toBeUndefined();
    const share = new Ctx();
    await through(traceContext, params, request(["x-b3-sampled", "1.0"]), { ctx: share });
    expect(share.get(TraceKey)?.sampled).toBe(true);
  });
});
