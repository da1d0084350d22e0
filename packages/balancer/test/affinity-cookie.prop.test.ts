import { Ctx, type Module, ok, Params, RngParam, type Service, Stack } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest, HttpResponse } from "@weftmesh/http";
import { answerOk, describeModule, ManualClock, ScriptedService, seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AffinityCookieOptions, AffinityCookieParam, affinityCookie, cookieKey } from "../src/index.ts";

type HttpService = Service<HttpRequest, HttpResponse>;

function request(...headers: readonly string[]): HttpRequest {
  return new HttpRequest("1.1", "GET", "http", "web", "/", Headers.of(...headers), emptyBody);
}

const params = (options: AffinityCookieOptions, seed = 1): Params =>
  Params.empty.with(RngParam, seededRng(seed)).with(AffinityCookieParam, options);

describeModule(affinityCookie as Module<HttpService>, {
  params: () => params({ name: "sid" }),
  disabled: () => Params.empty.with(RngParam, seededRng(1)),
  request: () => request(),
  reply: () => new HttpResponse(200),
});

function setup(options: AffinityCookieOptions, seed?: number) {
  const inner = new ScriptedService<HttpRequest, HttpResponse>(new ManualClock(), () =>
    answerOk(new HttpResponse(200, Headers.of("Set-Cookie", "other=1"))),
  );
  return { inner, svc: new Stack<HttpService>([affinityCookie], () => inner).make(params(options, seed)) };
}

describe("the affinity cookie", () => {
  it("goes to clients that have none, and the next request by it has the key of the first", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const { inner, svc } = setup({ name: "sid" }, seed);
        const ctx = new Ctx();
        const rep = await svc.call(request("Cookie", "a=b"), ctx);
        const [other, set = ""] = rep.headers.getAll("set-cookie");
        expect(other).toBe("other=1");
        expect(set).toMatch(/^sid=[0-9a-f]{16}; Path=\/; HttpOnly$/);
        // What stands below sees the key, an attempt within the call as well.
        const key = cookieKey("sid");
        const below = inner.calls[0]?.ctx as Ctx;
        expect([key(request(), below), key(request(), below.fork())]).toEqual([set.slice(4, 20), set.slice(4, 20)]);
        expect(cookieKey("other")(request(), below)).toBeUndefined();
        ctx.end(ok);
        const again = new Ctx();
        const second = request("Cookie", `a=b; ${set.slice(0, 20)}`);
        expect((await svc.call(second, again)).headers.getAll("set-cookie")).toEqual(["other=1"]);
        expect(key(second, again)).toBe(set.slice(4, 20));
      }),
    );
  });

  it("is different for each client, and for one whose cookie is empty too", async () => {
    const { svc } = setup({ name: "sid" });
    const seen = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      const rep = await svc.call(request("Cookie", "sid="), new Ctx());
      seen.add(rep.headers.getAll("set-cookie")[1] ?? "");
    }
    expect(seen.size).toBe(1000);
  });

  it("says how long, where and how it is to be kept", async () => {
    const { svc } = setup({ name: "sid", maxAgeSecs: 3600.9, path: "/shop", attributes: "Secure; SameSite=Lax" });
    const rep = await svc.call(request(), new Ctx());
    expect(rep.headers.getAll("set-cookie")[1]).toMatch(
      /^sid=[0-9a-f]{16}; Path=\/shop; Max-Age=3600; HttpOnly; Secure; SameSite=Lax$/,
    );
  });

  it("is refused when the stack is built if it may not stand in a header", () => {
    for (const options of [
      { name: "a b" },
      { name: "" },
      { name: "sid=1" },
      { name: "sid", path: "/\r\nX-Evil: 1" },
      { name: "sid", attributes: "Secure\n" },
    ]) {
      expect(() => setup(options)).toThrow(expect.objectContaining({ code: "WEFT_PROTOCOL_HEADER" }));
    }
  });
});
