import { type AnyPlugin, Registry } from "@weftmesh/config";
import { Ctx, Params } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest, type HttpVersion } from "@weftmesh/http";
import { DstPrefixParam, type Identification, Path } from "@weftmesh/naming";
import { describe, expect, it } from "vitest";
import {
  headerIdentifier,
  headerTokenIdentifier,
  methodAndHostIdentifier,
  pathIdentifier,
  staticIdentifier,
} from "../src/index.ts";

interface Given {
  readonly host?: string;
  readonly path?: string;
  readonly method?: string;
  readonly version?: HttpVersion;
  readonly headers?: readonly string[];
}

function request(given: Given = {}): HttpRequest {
  const { version = "1.1", method = "GET", host = "", path = "/", headers = [] } = given;
  return new HttpRequest(version, method, "http", host, path, Headers.of(...headers), emptyBody);
}

const schemaOf = (plugin: AnyPlugin) => Registry.empty.schemaOf(plugin);

function identify(plugin: AnyPlugin, config: unknown, req: HttpRequest, prefix = "/svc"): string {
  const params = Params.empty.with(DstPrefixParam, Path.read(prefix));
  const found = plugin.make(schemaOf(plugin).parse(config), params).identify(req, new Ctx()) as Identification;
  return found.kind === "identified" ? found.dst.show : `unidentified: ${found.reason}`;
}

describe("io.l5d.header.token", () => {
  it("takes the Host header as one element, in its case", () => {
    expect(identify(headerTokenIdentifier, {}, request({ host: "Web.example:8080" }))).toBe("/svc/Web.example:8080");
  });

  it("C17: never lets a value become a path, whatever it begins with", () => {
    expect(identify(headerTokenIdentifier, {}, request({ host: "/$/inet/127.1/80" }))).toBe(
      "/svc/\\x2f\\x24\\x2f\\x69\\x6e\\x65\\x74\\x2f\\x31\\x32\\x37\\x2e\\x31\\x2f\\x38\\x30",
    );
    expect(identify(headerTokenIdentifier, {}, request({ host: "#" }))).toBe("/svc/#");
  });

  it("takes another header when told to, whatever its case", () => {
    const req = request({ host: "web", headers: ["X-Service", "cat"] });
    expect(identify(headerTokenIdentifier, { header: "x-service" }, req)).toBe("/svc/cat");
  });

  it("says which header is absent or empty", () => {
    expect(identify(headerTokenIdentifier, {}, request())).toBe("unidentified: Host header is absent");
    const empty = request({ headers: ["X-Service", ""] });
    expect(identify(headerTokenIdentifier, { header: "X-Service" }, empty)).toBe(
      "unidentified: X-Service header is absent",
    );
  });

  it("puts the router's prefix before the name", () => {
    expect(identify(headerTokenIdentifier, {}, request({ host: "web" }), "/http/1")).toBe("/http/1/web");
  });

  it("remembers a bounded number of names", () => {
    const identifier = headerTokenIdentifier.make({ header: "Host" }, Params.empty);
    const first = identifier.identify(request({ host: "web" }), new Ctx());
    expect(identifier.identify(request({ host: "web" }), new Ctx())).toBe(first);
    for (let i = 0; i < 1000; i++) void identifier.identify(request({ host: `h${i}` }), new Ctx());
    expect(identifier.identify(request({ host: "web" }), new Ctx())).not.toBe(first);
  });

  it("refuses a header name that is none", () => {
    expect(() => headerTokenIdentifier.make({ header: "no header" }, Params.empty)).toThrow("not a header name");
  });
});

describe("io.l5d.header", () => {
  it("reads the header as a path behind the prefix", () => {
    expect(identify(headerIdentifier, {}, request({ headers: ["l5d-name", "/http/web/a"] }))).toBe("/svc/http/web/a");
  });

  it("is unidentified without the header, and fails the request when it holds no path", () => {
    expect(identify(headerIdentifier, {}, request())).toBe("unidentified: l5d-name header is absent");
    expect(() => identify(headerIdentifier, {}, request({ headers: ["l5d-name", "web"] }))).toThrow("'/' expected");
  });

  it("C18: reads 5,000 elements", () => {
    const value = "/a".repeat(5000);
    expect(identify(headerIdentifier, {}, request({ headers: ["l5d-name", value] }))).toBe(`/svc${value}`);
  });
});

describe("io.l5d.path", () => {
  const cases: readonly (readonly [string, object, string, string])[] = [
    ["/cat/a", { segments: 1 }, "/svc/cat", "/cat/a"],
    ["/cat/a?q=/x", { segments: 2 }, "/svc/cat/a", "/cat/a?q=/x"],
    ["/cat/a/?q", { segments: 1, consume: true }, "/svc/cat", "/a/?q"],
    ["/cat", { segments: 1, consume: true }, "/svc/cat", "/"],
    ["/cat/", { segments: 1, consume: true }, "/svc/cat", "/"],
    ["/cat?q=1", { segments: 1, consume: true }, "/svc/cat", "/?q=1"],
    ["/a/b/c", { segments: 2, consume: true }, "/svc/a/b", "/c"],
    ["/", { segments: 1 }, "unidentified: not enough segments in path", "/"],
    ["/a/b", { segments: 3 }, "unidentified: not enough segments in path", "/a/b"],
    ["//a", { segments: 2 }, "unidentified: the path has an empty segment: //a", "//a"],
    ["/a//b", { segments: 1, consume: true }, "/svc/a", "//b"],
    ["*", { segments: 1 }, "/svc/\\x2a", "*"],
  ];
  for (const [path, config, name, left] of cases) {
    it(`makes ${name} of ${path} with ${JSON.stringify(config)}, and forwards ${left}`, () => {
      const req = request({ path });
      expect(identify(pathIdentifier, config, req)).toBe(name);
      expect(req.path).toBe(left);
    });
  }

  it("C15: takes dots and escapes as the text that is forwarded, so both mean the same", () => {
    const req = request({ path: "/%2e%2e/x" });
    expect(identify(pathIdentifier, { segments: 1 }, req)).toBe("/svc/%2e%2e");
    expect(req.path).toBe("/%2e%2e/x");
  });
});

describe("io.l5d.methodAndHost", () => {
  it("names version, method and the host in lower case", () => {
    expect(identify(methodAndHostIdentifier, {}, request({ host: "Web.Example", method: "POST" }))).toBe(
      "/svc/1.1/POST/web.example",
    );
  });

  it("puts the path behind it on demand", () => {
    const req = request({ host: "web", path: "/a//b/?q=1" });
    expect(identify(methodAndHostIdentifier, { httpUriInDst: true }, req)).toBe("/svc/1.1/GET/web/a/b");
  });

  it("knows no host in HTTP/1.0, and needs one in HTTP/1.1", () => {
    expect(identify(methodAndHostIdentifier, {}, request({ version: "1.0", host: "web" }))).toBe("/svc/1.0/GET");
    expect(identify(methodAndHostIdentifier, {}, request())).toBe("unidentified: Host header is absent");
  });
});

describe("io.l5d.static", () => {
  it("gives every request the same name", () => {
    expect(identify(staticIdentifier, { path: "/foo/bar" }, request())).toBe("/svc/foo/bar");
  });

  it("refuses what is no path", () => {
    expect(schemaOf(staticIdentifier).safeParse({ path: "foo" }).success).toBe(false);
    expect(schemaOf(staticIdentifier).safeParse({}).success).toBe(false);
  });
});

describe("every identifier", () => {
  it("refuses a key that it does not know", () => {
    for (const plugin of [headerIdentifier, headerTokenIdentifier, methodAndHostIdentifier, pathIdentifier]) {
      expect(schemaOf(plugin).safeParse({ nope: 1 }).success).toBe(false);
    }
  });
});
