import { Ctx } from "@weftmesh/core";
import { ConnectionKey, emptyBody, Headers, HttpRequest, headerName } from "@weftmesh/http";
import { describe, expect, it } from "vitest";
import { byClientAddress, byHeader, httpPaths } from "../src/index.ts";

function request(path = "/", ...headers: string[]): HttpRequest {
  return new HttpRequest("1.1", "GET", "http", "web", path, Headers.of(...headers), emptyBody);
}

function from(host: string): Ctx {
  const remote = { host, port: 1 };
  return new Ctx().set(ConnectionKey, { remote, local: remote, secure: false });
}

describe("byHeader", () => {
  it("tells senders apart by the first value of the header, whose case does not matter", () => {
    for (const key of [byHeader("X-Tenant"), byHeader(headerName("x-tenant"))]) {
      expect(key(request("/", "x-TENANT", "a", "x-tenant", "b"), new Ctx())).toBe("a");
      expect(key(request(), new Ctx())).toBeUndefined();
    }
    expect(byHeader("x-tenant").name).toBe("header");
  });
});

describe("byClientAddress", () => {
  it("tells IPv4 senders apart by the address, not by the port", () => {
    expect(byClientAddress()(request(), from("192.0.2.1"))).toBe("192.0.2.1");
    expect(byClientAddress()(request(), new Ctx())).toBeUndefined();
  });

  it("takes as one sender what an IPv6 subscriber has, unless told otherwise", () => {
    expect(byClientAddress()(request(), from("2001:db8:1:2:3:4:5:6"))).toBe("2001:db8:1:2:0:0:0:0/64");
    expect(byClientAddress({ ipv6PrefixBits: 128 })(request(), from("2001:db8::1"))).toBe("2001:db8:0:0:0:0:0:1/128");
    expect(byClientAddress({ ipv6PrefixBits: 1 })(request(), from("fe80::1"))).toBe("8000:0:0:0:0:0:0:0/1");
    expect(byClientAddress()(request(), from("::ffff:192.0.2.1"))).toBe("192.0.2.1");
  });

  it("reads the address of a connection once", () => {
    const key = byClientAddress();
    const ctx = from("2001:db8::1");
    const first = key(request(), ctx);
    Object.defineProperty(ctx.get(ConnectionKey), "remote", {
      get: () => {
        throw new Error("read again");
      },
    });
    expect(key(request(), ctx)).toBe(first);
  });

  it.each([0, 129, 1.5, Number.NaN])("has no prefix of %d bits", (ipv6PrefixBits) => {
    expect(() => byClientAddress({ ipv6PrefixBits })).toThrow(
      new RangeError(`ipv6PrefixBits must be a whole number from 1 to 128, not ${ipv6PrefixBits}`),
    );
  });
});

describe("httpPaths", () => {
  it("knows its paths with any query, and no others", () => {
    const isHealth = httpPaths("/healthz", "/ready");
    for (const path of ["/healthz", "/healthz?x=1", "/ready?"]) expect(isHealth(request(path))).toBe(true);
    for (const path of ["/", "/healthz/", "/healthzz", "/x?/healthz", "?/ready"])
      expect(isHealth(request(path))).toBe(false);
  });
});
