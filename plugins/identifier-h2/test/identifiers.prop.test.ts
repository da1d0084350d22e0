import { type AnyPlugin, Registry } from "@weftmesh/config";
import { Ctx, Params } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest } from "@weftmesh/http";
import { DstPrefixParam, type Identification, type Identifier, Path } from "@weftmesh/naming";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { headerPathIdentifier, headerTokenIdentifier } from "../src/index.ts";

function newIdentifier(plugin: AnyPlugin, config: object): Identifier<HttpRequest> {
  return plugin.make(Registry.empty.schemaOf(plugin).parse(config), Params.empty.with(DstPrefixParam, Path.of("svc")));
}

function request(authority: string, path = "/", headers: readonly string[] = [], method = "GET"): HttpRequest {
  return new HttpRequest("2", method, "https", authority, path, Headers.of(...headers), emptyBody);
}

function identify(identifier: Identifier<HttpRequest>, req: HttpRequest): readonly string[] | string {
  const found = identifier.identify(req, new Ctx()) as Identification;
  return found.kind === "identified" ? Path.read(found.dst.show).elems : found.reason;
}

const value = fc.oneof(
  fc.stringMatching(/^[!-~]([ -~]{0,12}[!-~])?$/),
  fc.constantFrom("/", "//", "/svc/a", "$", "..", "%2f", "FOO.com:80.", "[::1]:80"),
);
const segment = fc.stringMatching(/^[a-zA-Z0-9._~%;=-]{1,6}$/);

describe("io.l5d.header.token of h2", () => {
  it("C17: makes exactly one element of any value, in its case", () => {
    const byAuthority = newIdentifier(headerTokenIdentifier, {});
    const byHeader = newIdentifier(headerTokenIdentifier, { header: "X-Service" });
    fc.assert(
      fc.property(value, (text) => {
        expect(identify(byAuthority, request(text))).toEqual(["svc", text]);
        expect(identify(byHeader, request("h", "/", ["x-service", text]))).toEqual(["svc", text]);
      }),
    );
  });

  it("reads pseudo-headers, and takes host for the authority", () => {
    const req = request("web:80", "/a?b", ["host", "other"], "PUT");
    const read = (header: string) => identify(newIdentifier(headerTokenIdentifier, { header }), req);
    expect(read(":authority")).toEqual(["svc", "web:80"]);
    expect(read("Host")).toEqual(["svc", "web:80"]);
    expect(read(":path")).toEqual(["svc", "/a?b"]);
    expect(read(":METHOD")).toEqual(["svc", "PUT"]);
    expect(read(":scheme")).toEqual(["svc", "https"]);
  });

  it("has no name where the header is absent or empty", () => {
    const identifier = newIdentifier(headerTokenIdentifier, { header: "x-service" });
    expect(identify(identifier, request("h"))).toBe("missing header: 'x-service'");
    expect(identify(identifier, request("h", "/", ["x-service", ""]))).toBe("missing header: 'x-service'");
    expect(identify(newIdentifier(headerTokenIdentifier, {}), request(""))).toBe("missing header: ':authority'");
  });

  it("refuses what can be no header", () => {
    for (const header of ["", "a b", ":status", ":Host"]) {
      expect(() => newIdentifier(headerTokenIdentifier, { header })).toThrow();
    }
  });
});

describe("io.l5d.header.path", () => {
  it("makes the name of the elements of the path, or of the first of them, without query and trailing slash", () => {
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 5 }),
        fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
        fc.constantFrom("", "/", "?q=/x/", "/?a"),
        fc.constantFrom(undefined, "X-Path"),
        (segments, count, rest, header) => {
          const config = { ...(count === undefined ? {} : { segments: count }), ...(header ? { header } : {}) };
          const path = `/${segments.join("/")}${rest}`;
          const req = header === undefined ? request("h", path) : request("h", "/", ["x-path", path]);
          const found = identify(newIdentifier(headerPathIdentifier, config), req);
          if (count !== undefined && count > segments.length) {
            expect(found).toBe(`Path must have at least ${count} segment(s)`);
          } else expect(found).toEqual(["svc", ...segments.slice(0, count)]);
        },
      ),
    );
  });

  it("names a gRPC service by two segments, keeping the case", () => {
    const identifier = newIdentifier(headerPathIdentifier, { segments: 2 });
    expect(identify(identifier, request("h", "/grpc.health.v1.Health/Check"))).toEqual([
      "svc",
      "grpc.health.v1.Health",
      "Check",
    ]);
  });

  it("has no name for a path without elements, or with an empty one among those it takes", () => {
    const all = newIdentifier(headerPathIdentifier, {});
    expect(identify(all, request("h", "/"))).toBe("Missing destination path");
    expect(identify(all, request("h", "/?x"))).toBe("Missing destination path");
    expect(identify(all, request("h", "/a//b"))).toBe("the path has an empty segment: /a//b");
    expect(identify(newIdentifier(headerPathIdentifier, { segments: 1 }), request("h", "/a//b"))).toEqual(["svc", "a"]);
  });

  it("refuses fewer segments than one", () => {
    expect(() => newIdentifier(headerPathIdentifier, { segments: 0 })).toThrow();
  });
});
