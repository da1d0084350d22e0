import { Ctx, service } from "@weftmesh/core";
import { AbsoluteFormKey, Headers, HttpRequest, HttpResponse, type HttpVersion, textBody } from "@weftmesh/http";
import { ManualClock, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameType } from "../src/frame-types.ts";
import { MemoryClient } from "./memory-client.ts";
import { MemoryServer } from "./memory-server.ts";

const known = ["HTTP/1.0", "HTTP/1.1", "HTTP/1.0; absolute-form", "HTTP/1.1; absolute-form"];
const name = "l5d-orig-proto";
/** What proxies say, what comes near it, and anything. */
const arbMark = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...known) },
  fc.constantFrom("HTTP/2", "HTTP/1.2", "http/1.1", "HTTP/1.1;absolute-form", "HTTP/1.1; absolute-form;", "", "1.1"),
  fc
    .string({ unit: fc.constantFrom(..."HTP/1.0; absolutefrm-"), maxLength: 24 })
    .map((text) => text.trim())
    .filter((text) => !known.includes(text)),
);
const arbMarks = fc.oneof(
  { weight: 3, arbitrary: arbMark.map((mark) => [mark]) },
  fc.array(arbMark, { minLength: 0, maxLength: 2 }),
);
const arbVersion = fc.constantFrom<HttpVersion>("1.0", "1.1", "2");

const marksOf = (headers: Headers): readonly string[] => headers.getAll(name);

describe("a request of HTTP/2 that is marked as one of HTTP/1", () => {
  it("is one to the service just where the mark is what a proxy says, and its answer says the version then", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbMarks,
        fc.constantFrom("web", "web:80", undefined),
        fc.constantFrom("same", "host alone", "no host"),
        fc.constantFrom("http", "https"),
        arbVersion,
        arbMarks,
        async (marks, authority, host, scheme, answered, said) => {
          const seen: { readonly req: HttpRequest; readonly ctx: Ctx }[] = [];
          const serve = service((req: HttpRequest, ctx: Ctx) => {
            seen.push({ req, ctx });
            const headers = Headers.of(...said.flatMap((mark) => [name, mark]));
            return Promise.resolve(new HttpResponse(200, headers, textBody("x"), answered));
          });
          const server = new MemoryServer(serve, new ManualClock(), { downgrade: {} }).begin();
          const fields: [string, string][] = [
            [":method", "GET"],
            [":scheme", scheme],
            [":path", "/a"],
          ];
          if (authority !== undefined && host !== "host alone") fields.push([":authority", authority]);
          if (authority !== undefined && host !== "no host") fields.push(["host", authority]);
          fields.push(["x-one", "1"], ...marks.map((mark): [string, string] => [name, mark]), ["x-two", "2"]);
          server.send(server.peer.headers(1, fields));
          await settle();
          server.wire.flush();
          const [{ req, ctx }] = seen as [{ req: HttpRequest; ctx: Ctx }];
          const mark = marks.length === 1 && known.includes(marks[0] as string) ? marks[0] : undefined;
          expect([req.version, req.authority, req.path]).toEqual([mark?.slice(5, 8) ?? "2", authority ?? "", "/a"]);
          expect(ctx.get(AbsoluteFormKey)).toBe(mark?.endsWith("absolute-form") === true);
          expect(marksOf(req.headers)).toEqual([]);
          const others = [...req.headers].filter(([each]) => each.toLowerCase() !== "host");
          expect(others).toEqual([
            ["x-one", "1"],
            ["x-two", "2"],
          ]);
          const hosts = req.headers.getAll("host");
          if (mark === undefined) {
            expect(req.scheme).toBe(scheme);
            expect(hosts).toEqual(authority !== undefined && host !== "no host" ? [authority] : []);
          } else {
            expect(req.scheme).toBe("http");
            expect(hosts).toEqual(authority === undefined ? (req.version === "1.0" ? [] : [""]) : [authority]);
          }
          const [head] = server.peer.of(FrameType.Headers, 1);
          const heard = server.peer.decode(head as NonNullable<typeof head>).filter(([each]) => each === name);
          const spoken = answered === "2" ? [] : [[name, `HTTP/${answered}`]];
          expect(heard).toEqual(mark === undefined ? said.map((each) => [name, each]) : spoken);
        },
      ),
    );
  });
});

describe("a request of HTTP/1 that goes upgraded", () => {
  it("is marked on its way alone, and so is its response", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbVersion,
        fc.boolean(),
        arbMarks,
        arbMarks,
        fc.constantFrom("web", "", "other"),
        async (version, isAbsolute, claims, marks, host) => {
          const client = new MemoryClient(new ManualClock(), { upgrade: { maxHeaderListBytes: 0 } }).begin();
          const headers = Headers.of("Host", host, "X-One", "1", ...claims.flatMap((mark) => [name, mark]));
          const req = new HttpRequest(version, "GET", "http", "web", "/", headers, textBody(""));
          const ctx = new Ctx().set(AbsoluteFormKey, isAbsolute);
          const call = client.session.call(req, ctx);
          client.wire.flush();
          const [head] = client.peer.of(FrameType.Headers);
          const sent = client.peer.decode(head as NonNullable<typeof head>);
          const wanted = `HTTP/${version}${isAbsolute ? "; absolute-form" : ""}`;
          const isUpgraded = version !== "2";
          const markers = sent.filter(([each]) => each === name).map(([, value]) => value);
          expect(markers).toEqual(isUpgraded ? [wanted] : claims);
          // HTTP/1 goes by its Host.
          const authority = sent.filter(([each]) => each === ":authority").map(([, value]) => value);
          expect(authority).toEqual(!isUpgraded ? ["web"] : host === "" ? [] : [host]);
          // It may go another way the next time.
          if (isUpgraded) expect(marksOf(req.headers)).toEqual([]);
          const fields: [string, string][] = [[":status", "200"], ...marks.map((m): [string, string] => [name, m])];
          client.send(client.peer.headers(1, fields));
          const rep = await call;
          const mark = marks.length === 1 && known.includes(marks[0] as string) ? marks[0]?.slice(5, 8) : undefined;
          expect(rep.version).toBe(isUpgraded ? (mark ?? version) : "2");
          expect(marksOf(rep.headers)).toEqual(isUpgraded ? [] : marks);
        },
      ),
    );
  });
});
