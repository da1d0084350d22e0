import { ClockParam, Ctx, Params, RngParam, Stack, service } from "@weftmesh/core";
import { type Body, bytesBody, type Connection, ConnectionKey, Headers, HttpResponse } from "@weftmesh/http";
import { ManualClock, seededRng } from "@weftmesh/testkit";
import { WireDeadlineKey } from "@weftmesh/timeout";
import { describe, expect, it } from "vitest";
import { LocalDtabKey, RouterLabelParam } from "../src/call-context.ts";
import { ForwardedParam, forwardedHeader } from "../src/forwarded-header.ts";
import { MaxCallDepthParam, maxCallDepth } from "../src/max-call-depth.ts";
import { ClearContextParam, requestContext } from "../src/request-context.ts";
import { TimestampHeaderParam, timestampHeader } from "../src/timestamp-header.ts";
import { hopByHop, viaHeader } from "../src/via-header.ts";
import { request, through } from "./message.ts";

const timed = Params.empty.with(ClockParam, new ManualClock());

describe("requestContext", () => {
  it("takes the delegations of both headers, of which the user's own come last", async () => {
    const req = request(["l5d-dtab", "/a=>/user", "L5D-Ctx-Dtab", "/a=>/ctx", "l5d-ctx-dtab", "/b=>/c"]);
    const { ctx } = await through(requestContext, timed, req);
    expect(ctx.get(LocalDtabKey)?.show).toBe("/a=>/ctx;/b=>/c;/a=>/user");
    expect(req.headers.toFlat()).toEqual([]);
  });

  it("C8: refuses a dtab that does not parse, with the position", async () => {
    await expect(through(requestContext, timed, request(["l5d-dtab", "/a=>/b;/c=/d"]))).rejects.toMatchObject({
      code: "WEFT_DTAB_HEADER",
      message: expect.stringContaining("/a=>/b;/c[=]/d"),
    });
  });

  it("combines deadlines to the strictest, and ignores what is none", async () => {
    const headers = ["l5d-ctx-deadline", "10 500", "l5d-ctx-deadline", "20 400", "l5d-ctx-deadline", "NaN -1"];
    const { ctx, request: req } = await through(requestContext, timed, request(headers));
    expect(ctx.get(WireDeadlineKey)).toEqual({ timestampNs: 20n, deadlineNs: 400n });
    expect(req.headers.has("l5d-ctx-deadline")).toBe(false);
  });

  it("leaves dtab-local and other l5d-ctx headers as they are", async () => {
    const headers = ["dtab-local", "/x=>/y", "l5d-ctx-thing", "yes"];
    const { ctx, request: req } = await through(requestContext, timed, request(headers));
    expect(ctx.get(LocalDtabKey)).toBeUndefined();
    expect(req.headers.toFlat()).toEqual(headers);
  });

  it("C1: clears every l5d header of the request, in any case, and of the response", async () => {
    const params = timed.with(ClearContextParam, true);
    const req = request(["L5d-Dtab", "/a=>/b", "l5d-ctx-trace", "x", "l5d-sample", "1", "dtab-local", "/x=>/y"]);
    const { ctx, response } = await through(requestContext, params, req, {
      replyHeaders: ["l5d-success-class", "1.0", "x-app", "1"],
    });
    expect(req.headers.toFlat()).toEqual(["dtab-local", "/x=>/y"]);
    expect(ctx.get(LocalDtabKey)).toBeUndefined();
    expect(response.headers.toFlat()).toEqual(["x-app", "1"]);
  });

  it("empties the body of an error of ours when it clears the context", async () => {
    const params = timed.with(ClearContextParam, true);
    const { response } = await through(requestContext, params, request(), {
      status: 502,
      replyHeaders: ["l5d-err", "oh", "content-length", "2"],
    });
    expect(response.status).toBe(502);
    expect(response.headers.toFlat()).toEqual([]);
    expect(response.body.length).toBe(0);
  });
});

describe("maxCallDepth", () => {
  it("C19: counts the elements of Via and refuses one too many, with the documented text", async () => {
    const params = Params.empty.with(MaxCallDepthParam, 2);
    await expect(through(maxCallDepth, params, request(["Via", "hop1, hop2, hop3"]))).rejects.toMatchObject({
      code: "WEFT_CALL_DEPTH",
      message: "Maximum number of calls (2) has been exceeded. Please check for proxy loops.",
    });
    await expect(through(maxCallDepth, params, request(["Via", "hop1", "via", "hop2"]))).resolves.toBeDefined();
    await expect(through(maxCallDepth, params, request(["Via", "a, b", "via", "c"]))).rejects.toBeDefined();
  });
});

describe("timestampHeader", () => {
  it("notes the time of receipt in the header that was named", async () => {
    const clock = new ManualClock();
    const params = Params.empty.with(TimestampHeaderParam, "X-Request-Start").with(ClockParam, clock);
    const { request: req } = await through(timestampHeader, params, request(["x-request-start", "1"]));
    expect(req.headers.getAll("X-Request-Start")).toEqual([String(clock.epochMs())]);
  });

  it("is no module at all without a name", async () => {
    const { request: req } = await through(timestampHeader, Params.empty, request());
    expect(req.headers.size).toBe(0);
  });
});

describe("viaHeader", () => {
  it("adds this proxy at the end, on both ways", async () => {
    const { request: req, response } = await through(
      viaHeader,
      Params.empty,
      request(["Via", "1.0 a", "via", "1.1 b"]),
    );
    expect(req.headers.getAll("via")).toEqual(["1.0 a, 1.1 b, 1.1 linkerd"]);
    expect(response.headers.getAll("via")).toEqual(["1.1 linkerd"]);
  });
});

describe("hopByHop", () => {
  it("removes what is for one hop and what Connection names, on both ways, and keeps Keep-Alive", async () => {
    const headers = [
      "Connection",
      "close, X-Mine",
      "X-Mine",
      "1",
      "TE",
      "trailers",
      "Keep-Alive",
      "timeout=5",
      "a",
      "b",
    ];
    const { request: req, response } = await through(hopByHop, Params.empty, request(headers), {
      replyHeaders: ["Upgrade", "h2c", "Connection", "upgrade", "Proxy-Authenticate", "x", "c", "d"],
    });
    expect(req.headers.toFlat()).toEqual(["Keep-Alive", "timeout=5", "a", "b"]);
    expect(response.headers.toFlat()).toEqual(["c", "d"]);
  });

  it("A28: never drops framing, host or context because Connection names it", async () => {
    const headers = [
      "Connection",
      "host, content-length, l5d-ctx-deadline, via",
      "Host",
      "web",
      "l5d-ctx-deadline",
      "1 2",
    ];
    const { request: req } = await through(hopByHop, Params.empty, request(headers));
    expect(req.headers.toFlat()).toEqual(["Host", "web", "l5d-ctx-deadline", "1 2"]);
  });
});

describe("forwardedHeader", () => {
  const connection: Connection = {
    remote: { host: "10.0.0.1", port: 5 },
    local: { host: "::1", port: 4140 },
    secure: false,
  };
  const withConnection = () => new Ctx().set(ConnectionKey, connection);

  it("names both ends by address, the host and the scheme", async () => {
    const params = Params.empty.with(ForwardedParam, { by: { kind: "ip:port" }, for: { kind: "ip" } });
    const { request: req } = await through(forwardedHeader, params, request([]), { ctx: withConnection() });
    expect(req.headers.get("forwarded")).toBe('by="[::1]:4140";for=10.0.0.1;host=web;proto=http');
  });

  it("appends to what is there, and quotes what is no token", async () => {
    const params = Params.empty
      .with(ForwardedParam, { by: { kind: "router" }, for: { kind: "static", label: 'a "b"' } })
      .with(RouterLabelParam, "out");
    const req = request(["Forwarded", "for=x"], "/", "web:80");
    await through(forwardedHeader, params, req, { ctx: withConnection() });
    expect(req.headers.getAll("forwarded")).toEqual(['for=x, by=out;for="a \\"b\\"";host="web:80";proto=http']);
  });

  it("keeps a random label for a connection, and makes one for each request", async () => {
    const params = Params.empty
      .with(ForwardedParam, { by: { kind: "connectionRandom" }, for: { kind: "requestRandom" } })
      .with(RngParam, seededRng(1));
    const svc = new Stack([forwardedHeader], () => service(async () => new HttpResponse(200))).make(params);
    const values: string[] = [];
    for (let i = 0; i < 2; i++) {
      const req = request();
      await svc.call(req, withConnection());
      values.push(req.headers.get("forwarded") ?? "");
    }
    const parts = values.map((value) => /^by=(_\w{6});for=(_\w{6});/.exec(value));
    expect(parts[0]?.[1]).toBe(parts[1]?.[1]);
    expect(parts[0]?.[2]).not.toBe(parts[1]?.[2]);
  });
});

it("clearing drains the body that it replaces", async () => {
  let piped = 0;
  const body = bytesBody(Buffer.from("oh"));
  const counted: Body = {
    length: 2,
    pipe: (sink) => {
      piped++;
      return body.pipe(sink);
    },
  };
  const stack = new Stack([requestContext], () =>
    service(async () => new HttpResponse(502, Headers.of("l5d-err", "x"), counted)),
  );
  const ctx = new Ctx();
  const rep = await stack.make(timed.with(ClearContextParam, true)).call(request(), ctx);
  ctx.respond(rep);
  expect(piped).toBe(1);
});
