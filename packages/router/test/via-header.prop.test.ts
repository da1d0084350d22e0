import { Ctx, ok, Params, Stack, service } from "@weftmesh/core";
import { Headers } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrorResponse } from "../src/error-response.ts";
import { hopByHop, viaHeader } from "../src/via-header.ts";
import { arbHeaders, only, valuesOf } from "./arb-headers.ts";
import { request, through } from "./message.ts";

/** What RFC 9110 calls hop-by-hop, `Keep-Alive` apart: that one goes when `Connection` names it. */
const forOneHop = new Set([
  "connection",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

describe("Via", () => {
  it("is one header with every element there was, in order, and ours at the end; nothing else is touched", async () => {
    await fc.assert(
      fc.asyncProperty(arbHeaders, arbHeaders, async (asked, answered) => {
        const seen = await through(viaHeader, Params.empty, request(asked), { replyHeaders: answered });
        for (const [before, after] of [
          [asked, seen.request.headers.toFlat()],
          [answered, seen.response.headers.toFlat()],
        ] as const) {
          expect(valuesOf(after, "via")).toEqual([[...valuesOf(before, "via"), "1.1 linkerd"].join(", ")]);
          expect(only(after, (name) => name !== "via")).toEqual(only(before, (name) => name !== "via"));
        }
      }),
    );
  });

  it("is not put on an answer of our own, which went through nobody", async () => {
    const own = new ErrorResponse(502, Headers.of("l5d-err", "oh"));
    const ctx = new Ctx();
    const svc = new Stack([viaHeader], () => service(() => Promise.reject(new Error("oh")))).make(Params.empty);
    await expect(svc.call(request(), ctx)).rejects.toThrow("oh");
    ctx.respond(own);
    ctx.end(ok);
    expect(own.headers.toFlat()).toEqual(["l5d-err", "oh"]);
  });
});

describe("stripping hop-by-hop headers", () => {
  it("leaves none of them on either way, and loses none that Connection did not name", async () => {
    await fc.assert(
      fc.asyncProperty(arbHeaders, arbHeaders, async (asked, answered) => {
        const seen = await through(hopByHop, Params.empty, request(asked), { replyHeaders: answered });
        for (const [before, after] of [
          [asked, seen.request.headers.toFlat()],
          [answered, seen.response.headers.toFlat()],
        ] as const) {
          const named = new Set(
            valuesOf(before, "connection").flatMap((value) =>
              value.split(",").map((item) => item.trim().toLowerCase()),
            ),
          );
          expect(only(after, (name) => forOneHop.has(name))).toEqual([]);
          const stays = (name: string): boolean => !forOneHop.has(name) && !named.has(name);
          expect(only(after, stays)).toEqual(only(before, stays));
        }
      }),
    );
  });

  it("A28: keeps framing, host, Via and the context, whatever Connection names", async () => {
    const precious = ["content-length", "host", "via", "l5d-ctx-dtab", "l5d-dtab", "dtab-local"];
    await fc.assert(
      fc.asyncProperty(arbHeaders, fc.subarray(precious), async (asked, listed) => {
        const headers = ["Connection", listed.join(","), ...asked];
        const { request: req } = await through(hopByHop, Params.empty, request(headers));
        const kept = (name: string): boolean => precious.includes(name);
        expect(only(req.headers.toFlat(), kept)).toEqual(only(asked, kept));
      }),
    );
  });

  it("does nothing the second time", async () => {
    await fc.assert(
      fc.asyncProperty(arbHeaders, async (asked) => {
        const { request: once } = await through(hopByHop, Params.empty, request(asked));
        const flat = once.headers.toFlat();
        const { request: twice } = await through(hopByHop, Params.empty, once);
        expect(twice.headers.toFlat()).toEqual(flat);
      }),
    );
  });
});
