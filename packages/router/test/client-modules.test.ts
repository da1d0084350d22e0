import { type Classifier, ClassifierKey, ClockParam, Ctx, Params, RngParam, Stack, service, Var } from "@weftmesh/core";
import { Headers } from "@weftmesh/http";
import { boundAddr, Path } from "@weftmesh/naming";
import { ManualClock, seededRng } from "@weftmesh/testkit";
import { WireDeadlineKey } from "@weftmesh/timeout";
import { describe, expect, it } from "vitest";
import { BoundKey, BoundParam, DstKey, DstParam, TraceKey } from "../src/call-context.ts";
import { contextHeaders } from "../src/context-headers.ts";
import { dstClient, dstService } from "../src/dst-headers.ts";
import { ErrorResponse } from "../src/error-response.ts";
import { AuthorityParam, hostRewrite } from "../src/host-rewrite.ts";
import { successClass } from "../src/success-class.ts";
import { traceContext, traceHeaders } from "../src/trace-context.ts";
import { newTrace, readTraceId } from "../src/trace-id.ts";
import { request, through } from "./message.ts";

describe("dstService and dstClient", () => {
  it("C6: overwrite what a client claims about the destination", async () => {
    const dst = { path: Path.read("/svc/web"), local: undefined };
    const req = request(["l5d-dst-service", "/svc/evil", "L5D-Dst-Service", "/svc/worse"]);
    const { ctx } = await through(dstService, Params.empty.with(DstParam, dst), req);
    expect(req.headers.getAll("l5d-dst-service")).toEqual(["/svc/web"]);
    expect(ctx.get(DstKey)).toBe(dst);
  });

  it("name the residual only when there is one, and remove a claimed one", async () => {
    const addr = Var.of(boundAddr([]));
    const bound = { id: Path.read("/#/io.l5d.fs/web"), residual: Path.empty, addr };
    const req = request(["l5d-dst-residual", "/evil", "l5d-dst-client", "/evil"]);
    const { ctx } = await through(dstClient, Params.empty.with(BoundParam, bound), req);
    expect(req.headers.toFlat()).toEqual(["l5d-dst-client", "/#/io.l5d.fs/web"]);
    expect(ctx.get(BoundKey)).toBe(bound);
    const rest = { ...bound, residual: Path.read("/a/b") };
    const second = request();
    await through(dstClient, Params.empty.with(BoundParam, rest), second);
    expect(second.headers.get("l5d-dst-residual")).toBe("/a/b");
  });
});

describe("contextHeaders", () => {
  const clock = new ManualClock();
  const params = Params.empty.with(ClockParam, clock);

  it("adds nothing when there is nothing to say", async () => {
    expect((await through(contextHeaders, params, request())).request.headers.size).toBe(0);
  });

  it("passes the strictest of the caller's deadline and our own on", async () => {
    const ns = (ms: number) => BigInt(Math.floor(clock.epochMs() + ms)) * 1_000_000n;
    const ctx = new Ctx().set(WireDeadlineKey, { timestampNs: 5n, deadlineNs: ns(1000) });
    ctx.deadline = clock.now() + 500;
    const { request: req } = await through(contextHeaders, params, request(), { ctx });
    expect(req.headers.get("l5d-ctx-deadline")).toBe(`${ns(0)} ${ns(500)}`);
    const later = new Ctx().set(WireDeadlineKey, { timestampNs: 5n, deadlineNs: ns(1000) });
    later.deadline = clock.now() + 2000;
    const second = await through(contextHeaders, params, request(), { ctx: later });
    expect(second.request.headers.get("l5d-ctx-deadline")).toBe(`${ns(0)} ${ns(1000)}`);
  });
});

describe("hostRewrite", () => {
  const params = Params.empty.with(AuthorityParam, "web.service.dc1.consul");

  it("calls by the name of discovery and restores the caller's in Location and Refresh", async () => {
    const req = request(["Host", "web"]);
    const { response } = await through(hostRewrite, params, req, {
      replyHeaders: [
        "Location",
        "http://web.service.dc1.consul/a",
        "Refresh",
        "5; url=http://web.service.dc1.consul:80/",
      ],
    });
    expect(req.headers.get("host")).toBe("web.service.dc1.consul");
    expect(req.authority).toBe("web.service.dc1.consul");
    expect(response.headers.get("location")).toBe("http://web/a");
    expect(response.headers.get("refresh")).toBe("5; url=http://web:80/");
  });

  it("leaves a host alone that only begins like ours", async () => {
    const location = "http://web.service.dc1.consul.evil/";
    const { response } = await through(hostRewrite, params, request(), { replyHeaders: ["Location", location] });
    expect(response.headers.get("location")).toBe(location);
  });
});

describe("successClass", () => {
  const below500: Classifier = {
    name: "test",
    classify: (_req, rep) => ((rep as { status: number }).status < 500 ? "success" : "failure"),
  };
  const classified = () => new Ctx().set(ClassifierKey, below500);

  it("C7: writes the class, and overwrites what a backend claims", async () => {
    const good = await through(successClass, Params.empty, request(), {
      ctx: classified(),
      replyHeaders: ["l5d-success-class", "0.0"],
    });
    expect(good.response.headers.getAll("l5d-success-class")).toEqual(["1.0"]);
    const bad = await through(successClass, Params.empty, request(), { ctx: classified(), status: 500 });
    expect(bad.response.headers.getAll("l5d-success-class")).toEqual(["0.0"]);
  });

  it("says nothing of an answer that is our own", async () => {
    const later = classified();
    const svc = new Stack([successClass], () => service(() => Promise.reject(new Error("oh")))).make(Params.empty);
    await expect(svc.call(request(), later)).rejects.toThrow("oh");
    const own = new ErrorResponse(502, Headers.of("l5d-err", "oh"));
    later.respond(own);
    expect(own.headers.has("l5d-success-class")).toBe(false);
  });

  it("C7: is not fooled by a backend that calls its answer an error of ours", async () => {
    const { response } = await through(successClass, Params.empty, request(), {
      ctx: classified(),
      status: 502,
      replyHeaders: ["l5d-err", "oh", "l5d-success-class", "1.0"],
    });
    expect(response.headers.getAll("l5d-success-class")).toEqual(["0.0"]);
  });
});

describe("traceContext and traceHeaders", () => {
  const params = Params.empty.with(RngParam, seededRng(7));

  it("begin a trace of their own, whose id l5d-reqid shows", async () => {
    const { request: req } = await through(traceHeaders, params, request(["l5d-ctx-trace", "spoofed"]));
    const trace = readTraceId(req.headers.get("l5d-ctx-trace") ?? "");
    expect(trace?.sampled).toBeUndefined();
    const half = (value = 0) => (value >>> 0).toString(16).padStart(8, "0");
    expect(req.headers.getAll("l5d-reqid")).toEqual([half(trace?.traceHi) + half(trace?.traceLo)]);
    expect([trace?.parentHi, trace?.parentLo]).toEqual([trace?.traceHi, trace?.traceLo]);
    expect([trace?.spanHi, trace?.spanLo]).not.toEqual([trace?.parentHi, trace?.parentLo]);
  });

  it("continue the trace that came in, of 64 or 128 bits, under a span of their own", async () => {
    for (const bytes of [32, 40]) {
      const text = Buffer.from(Array.from({ length: bytes }, (_, i) => i + 1)).toString("base64");
      const { ctx } = await through(traceContext, params, request(["l5d-ctx-trace", text]));
      const { request: req } = await through(traceHeaders, params, request(), { ctx });
      const out = Buffer.from(req.headers.get("l5d-ctx-trace") ?? "", "base64");
      expect(out.length).toBe(bytes);
      expect([...out.subarray(8, 16)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect([...out.subarray(16)]).toEqual(Array.from({ length: bytes - 16 }, (_, i) => i + 17));
    }
  });

  it("C24: take a text of the wrong form for no trace", async () => {
    for (const text of ["", "x", "AAAA", "=".repeat(44), "A".repeat(10_000), Buffer.alloc(33).toString("base64")]) {
      const { ctx } = await through(traceContext, params, request(["l5d-ctx-trace", text]));
      expect(ctx.get(TraceKey)).toBeUndefined();
    }
  });

  it("let l5d-sample decide where nobody has, and take it off the request", async () => {
    const all = await through(traceContext, params, request(["l5d-sample", "7"]));
    expect(all.ctx.get(TraceKey)?.sampled).toBe(true);
    expect(all.request.headers.has("l5d-sample")).toBe(false);
    const none = await through(traceContext, params, request(["l5d-sample", "-1"]));
    expect(none.ctx.get(TraceKey)?.sampled).toBe(false);
    const garbage = await through(traceContext, params, request(["l5d-sample", "often"]));
    expect(garbage.ctx.get(TraceKey)).toBeUndefined();
    const decided = new Ctx().set(TraceKey, newTrace(seededRng(1)).withSampled(false));
    const kept = await through(traceContext, params, request(["l5d-sample", "1"]), { ctx: decided });
    expect(kept.ctx.get(TraceKey)?.sampled).toBe(false);
  });
});
