import { type AnyPlugin, Registry } from "@weftmesh/config";
import { Ctx, Params } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest } from "@weftmesh/http";
import {
  DstPrefixParam,
  type Identification,
  IdentificationMemo,
  type Identifier,
  identified,
  Path,
} from "@weftmesh/naming";
import { arbPath } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { headerIdentifier, headerTokenIdentifier, methodAndHostIdentifier, pathIdentifier } from "../src/index.ts";

const prefix = Path.of("svc");

function newIdentifier(plugin: AnyPlugin, config: object): Identifier<HttpRequest> {
  const params = Params.empty.with(DstPrefixParam, prefix);
  return plugin.make(Registry.empty.schemaOf(plugin).parse(config), params);
}

function request(host: string, path = "/", headers: readonly string[] = [], method = "GET"): HttpRequest {
  return new HttpRequest("1.1", method, "http", host, path, Headers.of(...headers), emptyBody);
}

function elemsOf(answer: Identification | Promise<Identification>): readonly string[] | undefined {
  const found = answer as Identification;
  return found.kind === "identified" ? Path.read(found.dst.show).elems : undefined;
}

/** What may stand in a header: no control character, and no blank at either end. */
const value = fc.oneof(
  fc.stringMatching(/^[!-~]([ -~]{0,12}[!-~])?$/),
  fc.constantFrom("/", "//", "/svc/a", "$", "/$/inet/127.1/80", "/#/x", "..", "%2f", "a;b", "\\x41", "FOO.com:80."),
  fc.array(fc.integer({ min: 0xa0, max: 0xff }), { minLength: 1, maxLength: 4 }).map((c) => String.fromCharCode(...c)),
);
const segment = fc.stringMatching(/^[a-zA-Z0-9._~%;=-]{1,6}$/);

describe("io.l5d.header.token", () => {
  it("C17: makes exactly one element of any value, and that element is the value", () => {
    const byHost = newIdentifier(headerTokenIdentifier, {});
    const byHeader = newIdentifier(headerTokenIdentifier, { header: "x-service" });
    fc.assert(
      fc.property(value, (text) => {
        expect(elemsOf(byHost.identify(request(text), new Ctx()))).toEqual(["svc", text]);
        expect(elemsOf(byHeader.identify(request("h", "/", ["X-Service", text]), new Ctx()))).toEqual(["svc", text]);
      }),
    );
  });

  it("gives the same answer however often, and in whatever order, it is asked", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 20 }), (hosts) => {
        const one = newIdentifier(headerTokenIdentifier, {});
        for (const host of [...hosts, ...hosts]) {
          expect(elemsOf(one.identify(request(host), new Ctx()))).toEqual(["svc", host]);
        }
      }),
    );
  });
});

describe("io.l5d.header", () => {
  it("reads back any path that was written into the header", () => {
    const identifier = newIdentifier(headerIdentifier, {});
    fc.assert(
      fc.property(arbPath(), (path) => {
        const found = identifier.identify(request("h", "/", ["l5d-name", path.show]), new Ctx()) as Identification;
        expect(found.kind === "identified" && found.dst.show).toBe(prefix.concat(path).show);
      }),
    );
  });

  it("has a name for a value, or fails the request: it never passes it on to another identifier", () => {
    const identifier = newIdentifier(headerIdentifier, {});
    fc.assert(
      fc.property(value, (text) => {
        let kind = "thrown";
        try {
          kind = (identifier.identify(request("h", "/", ["l5d-name", text]), new Ctx()) as Identification).kind;
        } catch (error) {
          expect(error).toMatchObject({ code: "WEFT_NAME_SYNTAX" });
        }
        expect(["identified", "thrown"]).toContain(kind);
      }),
    );
  });
});

describe("io.l5d.path", () => {
  const path = fc.record({
    segments: fc.array(segment, { maxLength: 5 }),
    slash: fc.boolean(),
    query: fc.constantFrom("", "?a=/b", "?", "#/c"),
    count: fc.integer({ min: 1, max: 4 }),
  });

  it("C15: names by the very segments that it takes off, and forwards the others as they came", () => {
    fc.assert(
      fc.property(path, ({ segments, slash, query, count }) => {
        const tail = slash && segments.length > 0 ? "/" : "";
        const target = `/${segments.join("/")}${tail}${query}`;
        const req = request("h", target);
        const elems = elemsOf(
          newIdentifier(pathIdentifier, { segments: count, consume: true }).identify(req, new Ctx()),
        );
        if (segments.length < count) {
          expect([elems, req.path]).toEqual([undefined, target]);
          return;
        }
        expect(elems).toEqual(["svc", ...segments.slice(0, count)]);
        const left = segments.slice(count).join("/");
        expect(req.path).toBe(`/${left}${left === "" ? "" : tail}${query}`);
      }),
    );
  });

  it("leaves the target alone when it does not consume", () => {
    fc.assert(
      fc.property(path, ({ segments, count }) => {
        const req = request("h", `/${segments.join("/")}`);
        void newIdentifier(pathIdentifier, { segments: count }).identify(req, new Ctx());
        expect(req.path).toBe(`/${segments.join("/")}`);
      }),
    );
  });
});

describe("io.l5d.methodAndHost", () => {
  it("is the version, the method as it is and the host in lower case, with the path behind it on demand", () => {
    fc.assert(
      fc.property(
        value,
        fc.constantFrom("GET", "post", "CONNECT"),
        fc.array(segment, { maxLength: 3 }),
        fc.boolean(),
        (host, method, segments, uri) => {
          const identifier = newIdentifier(methodAndHostIdentifier, { httpUriInDst: uri });
          const found = elemsOf(identifier.identify(request(host, `/${segments.join("/")}?q`, [], method), new Ctx()));
          expect(found).toEqual(["svc", "1.1", method, host.toLowerCase(), ...(uri ? segments : [])]);
        },
      ),
    );
  });
});

describe("what was identified before", () => {
  it("C26: is what would be made now, and is kept in bounds", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3000), { minLength: 1, maxLength: 400 }), fc.nat(600), (asked, length) => {
        const memo = new IdentificationMemo((text) => identified(Path.of(text)));
        for (const each of asked) {
          const text = `${"x".repeat(length)}${each}`;
          expect((memo.of(text) as { dst: Path }).dst.show).toBe(Path.of(text).show);
        }
        expect(memo.size).toBeLessThanOrEqual(length > 256 ? 0 : Math.min(asked.length, 1000));
      }),
    );
    const flooded = new IdentificationMemo((text) => identified(Path.of(text)));
    for (let i = 0; i < 5000; i++) flooded.of(`host-${i}`);
    expect(flooded.size).toBeLessThanOrEqual(1000);
  });
});
