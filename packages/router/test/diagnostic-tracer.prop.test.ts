import { EndpointParam } from "@weftmesh/balancer";
import { Activity, ClockParam, Ctx, Params, pending, Stack, Var } from "@weftmesh/core";
import { bytesBody, emptyBody, Headers, HttpRequest, HttpResponse } from "@weftmesh/http";
import { address, boundAddr, Path } from "@weftmesh/naming";
import { ManualClock, RecordingSink } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BoundParam, DstKey, RouterLabelParam } from "../src/call-context.ts";
import { DelegatorParam, diagnosticTracer, MaxTracedBytes } from "../src/diagnostic-tracer.ts";
import type { HttpService } from "../src/http-service.ts";

const endpoint = address("127.0.0.1", 8080);
const bound = { id: Path.read("/#/a"), residual: Path.empty, addr: Var.of(boundAddr([endpoint])) };

function made(answer: () => Promise<HttpResponse>) {
  const clock = new ManualClock();
  const seen: string[][] = [];
  const backend: HttpService = {
    status: "open",
    call: (req) => {
      seen.push(req.headers.toFlat());
      return answer();
    },
    close: () => Promise.resolve(),
  };
  const params = Params.empty
    .with(ClockParam, clock)
    .with(EndpointParam, endpoint)
    .with(BoundParam, bound)
    .with(RouterLabelParam, "http")
    .with(MaxTracedBytes, 100);
  return { clock, seen, params, over: (more = params) => new Stack([diagnosticTracer], () => backend).make(more) };
}

function trace(headers: readonly string[], method = "TRACE"): HttpRequest {
  return new HttpRequest("1.1", method, "http", "web", "/", Headers.of(...headers), emptyBody);
}

const bodyOf = (rep: HttpResponse) => RecordingSink.of(rep.body).text();

describe("TRACE", () => {
  it("is sent on with one hop less, answered here at none, and the request is as it was for a retry", async () => {
    const arbHops = fc.oneof(
      fc.constantFrom(undefined, "0", "1", "2147483647", "2147483648", "-1", "+1", "", "x", "1 "),
      fc.string({ maxLength: 4 }).map((text) => text.replace(/[^\x21-\x7e]/g, "7")),
    );
    await fc.assert(
      fc.asyncProperty(
        arbHops,
        fc.constantFrom(undefined, "true", "TRUE", "1", "false", "yes"),
        fc.boolean(),
        async (hops, context, fails) => {
          const { seen, over } = made(async () => {
            if (fails) throw new Error("no");
            return new HttpResponse(200, new Headers(), bytesBody(Buffer.from("said ")));
          });
          const headers = [
            ...(hops === undefined ? [] : ["Max-Forwards", hops]),
            ...(context === undefined ? [] : ["l5d-add-context", context]),
          ];
          const req = trace(headers);
          const call = over().call(req, new Ctx().set(DstKey, { path: Path.read("/svc/a"), local: undefined }));
          const isNumber = hops === undefined || (/^\d+$/.test(hops) && Number(hops) <= 2_147_483_647);
          const isHere = isNumber && hops !== undefined && Number(hops) === 0;
          const reports = context === "true" || context === "TRUE" || context === "1";
          if (!isNumber) {
            const rep = await call;
            expect([rep.status, bodyOf(rep), seen]).toEqual([400, "Invalid value for Max-Forwards header", []]);
            return;
          }
          if (isHere) {
            const rep = await call;
            expect([rep.status, seen]).toEqual([200, []]);
            expect(bodyOf(rep).startsWith(reports ? "\n\n--- Router: http ---\n" : "")).toBe(true);
            if (!reports) expect(bodyOf).toBeDefined();
          } else {
            if (fails) await expect(call).rejects.toThrow("no");
            else {
              const rep = await call;
              const text = bodyOf(rep);
              expect(text.startsWith(reports ? "said\n\n--- Router: http ---\n" : "said ")).toBe(true);
              if (reports) expect(rep.headers.get("content-length")).toBe(String(Buffer.byteLength(text)));
            }
            const passed = Headers.of(...(seen[0] as string[]));
            expect(passed.get("max-forwards")).toBe(hops === undefined ? undefined : String(Number(hops) - 1));
          }
          expect(req.headers.getAll("max-forwards")).toEqual(hops === undefined ? [] : [hops]);
        },
      ),
    );
  });

  it("is the only method that is looked at", async () => {
    const { over } = made(async () => new HttpResponse(200));
    for (const method of ["GET", "trace", "OPTIONS"]) {
      expect(
        (await over().call(trace(["Max-Forwards", "x", "l5d-add-context", "true"], method), new Ctx())).status,
      ).toBe(200);
    }
  });

  it("does not wait for ever for an explanation, and leaves out what is long or encoded", async () => {
    for (const [headers, length] of [
      [[], 101],
      [["Content-Encoding", "gzip"], 10],
    ] as const) {
      const { clock, params, over } = made(
        async () => new HttpResponse(203, Headers.of(...headers, "X-A", "b"), bytesBody(Buffer.alloc(length, "z"))),
      );
      const never = { delegate: () => new Activity(Var.of(pending)) };
      let answer: HttpResponse | undefined;
      void over(params.with(DelegatorParam, never as never))
        .call(trace(["l5d-add-context", "true"]), new Ctx())
        .then((rep) => {
          answer = rep;
        });
      await clock.advance(1999);
      expect(answer).toBeUndefined();
      await clock.advance(1);
      const text = bodyOf(answer as unknown as HttpResponse);
      expect(text).toMatch(
        /X-A: b\nHTTP 203 - Non-Authoritative Information\nDiagnostic trace encountered chunked response\. Response content discarded\.\n\n--- Router: http ---\n/,
      );
      expect(text).not.toContain("zz");
      expect(text.endsWith("dtab resolution:\n")).toBe(true);
      expect(clock.armed).toBe(0);
    }
  });
});
