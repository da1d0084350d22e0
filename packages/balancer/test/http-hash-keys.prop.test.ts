import { Ctx } from "@weftmesh/core";
import { ConnectionKey, emptyBody, Headers, HttpRequest } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cookieValue } from "../src/cookie-value.ts";
import { clientAddressKey, cookieKey, firstKey, headerKey, pathKey, pathSegmentKey } from "../src/index.ts";

function request(path: string, ...headers: readonly string[]): HttpRequest {
  return new HttpRequest("1.1", "GET", "http", "web", path, Headers.of(...headers), emptyBody);
}

const ctx = new Ctx();

const arbToken = fc.string({
  unit: fc.constantFrom(..."abcXYZ019_-."),
  minLength: 1,
  maxLength: 8,
});
const arbValue = fc.string({ unit: fc.constantFrom(..."abc019=%+/ "), maxLength: 8 });

describe("the key of a request", () => {
  it("is a header's first value, if there is anything in it", () => {
    const key = headerKey("X-User");
    expect(key(request("/", "x-user", "ann", "X-User", "bob"), ctx)).toBe("ann");
    expect([key(request("/"), ctx), key(request("/", "X-User", ""), ctx)]).toEqual([undefined, undefined]);
    expect(() => headerKey("not a name")).toThrow(TypeError);
  });

  it("is a cookie's value, wherever among others it stands, in one header or several", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(arbToken, arbValue), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.constantFrom("; ", ";", " ; ", ";\t"),
        fc.boolean(),
        (cookies, which, between, apart) => {
          const [name] = cookies[which % cookies.length] as [string, string];
          const texts = cookies.map(([each, value]) => `${each}=${value}`);
          const headers = apart ? texts.flatMap((text) => ["Cookie", text]) : ["cookie", texts.join(between)];
          const first = cookies.find(([each]) => each === name)?.[1].trim();
          expect(cookieKey(name)(request("/", ...headers), ctx)).toBe(first === "" ? undefined : first);
          expect(cookieKey(`${name}x`)(request("/"), ctx)).toBeUndefined();
        },
      ),
    );
  });

  it("is no cookie whose name only begins or ends like it, nor one within a value", () => {
    const text = "sid2=1; xsid=2; a=sid=3;sid =4; SID=5; sid";
    expect(cookieValue(text, "sid")).toBeUndefined();
    expect(cookieValue(`${text}; sid=6`, "sid")).toBe("6");
    expect(cookieValue("sid=", "sid")).toBe("");
    expect(cookieValue("", "sid")).toBeUndefined();
  });

  it("is a segment of the path, or so many of the first ones, without the query", () => {
    const arbSegment = fc.string({ unit: fc.constantFrom(..."abc%20.~"), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(
        fc.array(arbSegment, { maxLength: 5 }),
        fc.constantFrom("", "?", "?x=/a/b", "?/"),
        fc.nat({ max: 6 }),
        (segments, query, n) => {
          const req = request(`/${segments.join("/")}${query}`);
          expect(pathSegmentKey(n)(req, ctx)).toBe(segments[n]);
          const some = segments.slice(0, n);
          expect(pathKey(n)(req, ctx)).toBe(n === 0 ? undefined : `/${some.join("/")}`);
          expect(pathKey()(req, ctx)).toBe(`/${segments.join("/")}`);
        },
      ),
    );
    expect(pathSegmentKey(0)(request("/a/"), ctx)).toBe("a");
    expect(pathSegmentKey(1)(request("/a/"), ctx)).toBeUndefined();
    expect(pathSegmentKey(0)(request("*"), ctx)).toBeUndefined();
    expect(pathKey(1)(request("//a"), ctx)).toBe("/");
  });

  it("is the client's host, whatever its port", () => {
    const from = (port: number): Ctx =>
      new Ctx().set(ConnectionKey, {
        remote: { host: "192.0.2.7", port },
        local: { host: "192.0.2.1", port: 80 },
        secure: false,
      });
    const key = clientAddressKey();
    expect([key(request("/"), from(1)), key(request("/"), from(2))]).toEqual(["192.0.2.7", "192.0.2.7"]);
    expect(key(request("/"), ctx)).toBeUndefined();
  });

  it("is the first that there is of several", () => {
    const key = firstKey(headerKey("x-user"), cookieKey("sid"), clientAddressKey());
    expect(key(request("/", "x-user", "ann", "cookie", "sid=1"), ctx)).toBe("ann");
    expect(key(request("/", "cookie", "sid=1"), ctx)).toBe("1");
    expect(key(request("/"), ctx)).toBeUndefined();
    expect(firstKey()(request("/"), ctx)).toBeUndefined();
  });
});
