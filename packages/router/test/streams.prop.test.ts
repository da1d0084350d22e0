import { type Classifier, ClassifierKey, ClockParam, Ctx, Params, Stack, service } from "@weftmesh/core";
import { dispatchHttp, emptyBody, Headers, HttpRequest, HttpResponse } from "@weftmesh/http";
import { RequestStreamKey } from "@weftmesh/metrics";
import { ManualClock, PushBody, RecordingSink } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contextHeaders } from "../src/context-headers.ts";
import { ForwardedParam, forwardedHeader } from "../src/forwarded-header.ts";
import type { HttpService } from "../src/http-service.ts";
import { ClearContextParam, requestContext } from "../src/request-context.ts";
import { requestStream } from "../src/request-stream-module.ts";
import { successClass } from "../src/success-class.ts";
import { hopByHop, viaHeader } from "../src/via-header.ts";

const post = (body: PushBody | typeof emptyBody = emptyBody, ...headers: string[]): HttpRequest =>
  new HttpRequest("2", "POST", "http", "web", "/", Headers.of(...headers), body);

/** Judges by the trailer `x-status`: 0 is a success, and so is what has not ended. */
const byEnd: Classifier = {
  name: "end",
  judgesEnds: true,
  classify: (_req, rep) => {
    const { bodyBytes, trailers, status } = rep as HttpResponse;
    if (status >= 500) return "failure";
    return bodyBytes < 0 || trailers?.get("x-status") === "0" ? "success" : "failure";
  },
};

/** One call through the modules, over a backend that answers so. */
async function through(
  modules: readonly Parameters<typeof Stack.prototype.prepend>[0][],
  rep: HttpResponse,
  req: HttpRequest = post(),
  params: Params = Params.empty,
  ctx: Ctx = new Ctx(),
): Promise<HttpResponse> {
  // What a client's stack does with each attempt.
  const inner: HttpService = service((each) =>
    dispatchHttp(
      service(() => Promise.resolve(rep)),
      each,
    ),
  );
  const answer = await new Stack<HttpService>(modules as never, () => inner).make(params).call(req, ctx);
  ctx.respond(answer);
  return answer;
}

describe("the class of a stream", () => {
  it("stands in its trailers, with those that it had, where the end decides; and nothing of the backend's own does", async () => {
    const status = fc.constantFrom("0", "1", undefined);
    const claimed = fc.constantFrom("0.0", "1.0", undefined);
    await fc.assert(
      fc.asyncProperty(status, claimed, fc.nat(3), async (code, claim, chunks) => {
        const body = new PushBody();
        const rep = new HttpResponse(200, Headers.of("l5d-success-class", "1.0"), body, "2");
        const answer = await through([successClass], rep, post(), Params.empty, new Ctx().set(ClassifierKey, byEnd));
        expect(answer.headers.has("l5d-success-class")).toBe(false);
        const sink = RecordingSink.of(answer.body);
        for (let i = 0; i < chunks; i++) body.push(Buffer.from("ab"));
        const trailers = [
          ...(code === undefined ? [] : ["x-status", code]),
          ...(claim === undefined ? [] : ["l5d-success-class", claim, "l5d-dtab", "/a => /b"]),
        ];
        body.end(trailers.length === 0 ? undefined : Headers.of(...trailers));
        expect(sink.text()).toBe("ab".repeat(chunks));
        expect(sink.trailers?.toFlat()).toEqual([
          ...(code === undefined ? [] : ["x-status", code]),
          "l5d-success-class",
          code === "0" ? "1.0" : "0.0",
        ]);
      }),
    );
  });

  it("stands in its head where that is all there is, or is a failure already", async () => {
    const ctx = () => new Ctx().set(ClassifierKey, byEnd);
    const empty = await through(
      [successClass],
      new HttpResponse(503, undefined, emptyBody, "2"),
      post(),
      Params.empty,
      ctx(),
    );
    expect(empty.headers.get("l5d-success-class")).toBe("0.0");
    const body = new PushBody();
    const broken = await through(
      [successClass],
      new HttpResponse(503, undefined, body, "2"),
      post(),
      Params.empty,
      ctx(),
    );
    expect(broken.headers.get("l5d-success-class")).toBe("0.0");
    const sink = RecordingSink.of(broken.body);
    body.end(Headers.of("l5d-success-class", "1.0", "x", "1"));
    expect(sink.trailers?.toFlat()).toEqual(["x", "1"]);
  });
});

describe("what a router does with requests of HTTP/2", () => {
  it("B30: takes l5d-* out of the trailers of a request, keeps the others, and knows what came of its stream", async () => {
    const name = fc.constantFrom("grpc-status", "x-a", "l5d-dtab", "L5d-Ctx-Trace", "l5d-");
    await fc.assert(
      fc.asyncProperty(fc.array(name, { maxLength: 5 }), fc.nat(300), async (names, bytes) => {
        const body = new PushBody();
        const req = post(body);
        const ctx = new Ctx();
        const clock = new ManualClock();
        await through([requestStream], new HttpResponse(200), req, Params.empty.with(ClockParam, clock), ctx);
        const sink = RecordingSink.of(req.body);
        body.push(Buffer.alloc(bytes));
        await clock.advance(7);
        body.end(names.length === 0 ? undefined : Headers.of(...names.flatMap((each) => [each, "1"])));
        const kept = names.filter((each) => !each.toLowerCase().startsWith("l5d-"));
        expect(sink.trailers?.toFlat() ?? []).toEqual(kept.flatMap((each) => [each, "1"]));
        expect(ctx.get(RequestStreamKey)).toMatchObject({ bytes, isWhole: true, durationMs: 7 });
      }),
    );
    const ctx = new Ctx();
    await through([requestStream], new HttpResponse(200), post(), Params.empty, ctx);
    expect(ctx.get(RequestStreamKey)).toBeUndefined();
  });

  it("C3: with clearContext leaves nothing of l5d in the trailers of an answer", async () => {
    const body = new PushBody();
    const params = Params.empty.with(ClearContextParam, true);
    const ctx = new Ctx().set(ClassifierKey, byEnd);
    const answer = await through(
      [requestContext, successClass],
      new HttpResponse(200, Headers.of("l5d-x", "1"), body, "2"),
      post(emptyBody, "l5d-dtab", "/a"),
      params,
      ctx,
    );
    const sink = RecordingSink.of(answer.body);
    body.end(Headers.of("x-status", "0", "l5d-y", "1"));
    expect([answer.headers.toFlat(), sink.trailers?.toFlat()]).toEqual([[], ["x-status", "0"]]);
  });

  it("reads grpc-timeout as a deadline, passes it on as it came, and lowers it to a time limit that ends sooner", async () => {
    const clock = new ManualClock();
    const params = Params.empty.with(ClockParam, clock);
    for (const clear of [false, true]) {
      const ctx = new Ctx();
      const req = post(emptyBody, "grpc-timeout", "250m");
      const withClear = params.with(ClearContextParam, clear);
      await through([requestContext, contextHeaders], new HttpResponse(200), req, withClear, ctx);
      expect(ctx.deadline - clock.now()).toBe(250);
      expect(req.headers.getAll("grpc-timeout")).toEqual(["250m"]);
    }
    const ctx = new Ctx();
    const req = post(emptyBody, "grpc-timeout", "2S");
    await through([requestContext], new HttpResponse(200), req, params, ctx);
    ctx.deadline = clock.now() + 100;
    await through([contextHeaders], new HttpResponse(200), req, params, ctx);
    expect(req.headers.getAll("grpc-timeout")).toEqual(["100000u"]);
    const one = new HttpRequest("1.1", "GET", "http", "web", "/", Headers.of("grpc-timeout", "1S"), emptyBody);
    const other = new Ctx();
    await through([requestContext], new HttpResponse(200), one, params, other);
    expect(other.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  it("says h2 in Via, both ways, and keeps te: trailers alone of what is meant for one hop", async () => {
    const req = post(emptyBody, "te", "Trailers", "via", "h2 a", "proxy-authorization", "x");
    const rep = await through([viaHeader, hopByHop], new HttpResponse(200, undefined, emptyBody, "2"), req);
    expect(req.headers.toFlat().sort()).toEqual(["TE", "Via", "h2 a, h2 linkerd", "trailers"].sort());
    expect(rep.headers.get("via")).toBe("h2 linkerd");
    const without = post(emptyBody, "te", "gzip");
    await through([hopByHop], new HttpResponse(200), without);
    expect(without.headers.has("te")).toBe(false);
  });

  it("says authority in Forwarded where it says host for HTTP/1", async () => {
    const params = Params.empty.with(ForwardedParam, { by: { kind: "router" }, for: { kind: "router" } });
    const req = post();
    await through([forwardedHeader], new HttpResponse(200), req, params);
    expect(req.headers.get("forwarded")).toMatch(/;authority=web;proto=http$/);
  });
});
