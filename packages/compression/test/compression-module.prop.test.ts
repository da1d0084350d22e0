import { gunzipSync, inflateSync } from "node:zlib";
import { ClockParam, Ctx, ok, Params, Stack, service } from "@weftmesh/core";
import { bytesBody, discard, emptyBody, Headers, HttpRequest, HttpResponse } from "@weftmesh/http";
import { StatsParam } from "@weftmesh/telemetry";
import { describeModule, eventually, MemoryStats, PushBody, RecordingSink } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CompressionLevelParam, compression, MaxCompressors } from "../src/compression-module.ts";

function request(headers: readonly string[], method = "GET", version: "1.0" | "1.1" = "1.1"): HttpRequest {
  return new HttpRequest(version, method, "http", "web", "/", Headers.of(...headers), emptyBody);
}

/** Through the module as a server codec would call it. */
async function through(req: HttpRequest, rep: HttpResponse, params: Params): Promise<HttpResponse> {
  const ctx = new Ctx();
  const answer = await new Stack([compression], () => service(async () => rep)).make(params).call(req, ctx);
  ctx.respond(answer);
  ctx.end(ok);
  return answer;
}

/** What lets a response be compressed, and now and then something else: one reason not to is easily hidden by another. */
function mostly<T>(usual: T, ...others: T[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
}

const arbHeader = fc.constantFrom<readonly string[]>(
  ["Content-Type", "text/plain"],
  ["Content-Type", "image/png"],
  ["Content-Encoding", "identity"],
  ["Content-Encoding", "br"],
  ["Cache-Control", "public, No-Transform"],
  ["Cache-Control", "max-age=5"],
  ["Content-Range", "bytes 0-9/100"],
  ["Content-Digest", "sha-256=:x:"],
  ["ETag", '"strong"'],
  ["ETag", 'W/"weak"'],
  ["Vary", "accept-ENCODING, Origin"],
  ["Vary", "*"],
  ["Accept-Ranges", "bytes"],
);

/** What is compressed. */
const plainGet = {
  level: 6,
  status: 200,
  method: "GET",
  version: "1.1" as const,
  accepted: "gzip",
  noTransform: false,
  headers: [] as [string, string][],
  length: 5000,
};

describe("compression", () => {
  it("never touches what it must not, and says of the rest what is true", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          level: fc.integer({ min: -1, max: 9 }),
          status: mostly(200, 201, 204, 205, 206, 304, 404, 502),
          method: mostly("GET", "HEAD", "POST", "CONNECT"),
          version: mostly<"1.0" | "1.1">("1.1", "1.0"),
          accepted: mostly<string | undefined>("gzip", undefined, "deflate", "br", "gzip;q=0"),
          noTransform: mostly(false, true),
          headers: fc.uniqueArray(arbHeader, { maxLength: 3, selector: ([name]) => name }),
          length: mostly(5000, 0, 10, 255, 256),
        }),
        async ({ level, status, method, version, accepted, noTransform, headers, length }) => {
          const content = Buffer.alloc(length, "a");
          const said = headers.flat();
          const own = method === "HEAD" || [204, 205, 304].includes(status) ? emptyBody : bytesBody(content);
          const rep = new HttpResponse(status, Headers.of(...said, "Content-Length", String(length)), own);
          const before = rep.headers.toFlat();
          const asked = [
            ...(accepted === undefined ? [] : ["Accept-Encoding", accepted]),
            ...(noTransform ? ["Cache-Control", "no-transform"] : []),
          ];
          const params = Params.empty.with(CompressionLevelParam, level);
          const answer = await through(request(asked, method, version), rep, params);
          const has = (name: string) => headers.some(([each]) => each === name);
          const value = (name: string) => headers.find(([each]) => each === name)?.[1] ?? "";
          const mustNot =
            level === 0 ||
            accepted === undefined ||
            noTransform ||
            version === "1.0" ||
            method === "CONNECT" ||
            [204, 205, 206, 304].includes(status) ||
            length < 256 ||
            has("Content-Encoding") ||
            has("Content-Range") ||
            has("Content-Digest") ||
            value("Cache-Control").includes("No-Transform") ||
            (level === -1 && value("Content-Type") !== "text/plain");
          if (mustNot) {
            expect(answer.headers.toFlat()).toEqual(before);
            expect(answer.body).toBe(own);
            return;
          }
          expect(answer.headers.getAll("vary").join(",")).toMatch(/accept-encoding|\*/i);
          const coding = accepted === "gzip" || accepted === "deflate" ? accepted : undefined;
          expect(answer.headers.get("content-encoding")).toBe(coding);
          if (coding === undefined) {
            expect(answer.body).toBe(own);
            expect(answer.headers.get("content-length")).toBe(String(length));
            expect(answer.headers.get("etag")).toBe(has("ETag") ? value("ETag") : undefined);
            return;
          }
          expect(answer.headers.has("content-length")).toBe(false);
          expect(answer.headers.has("accept-ranges")).toBe(false);
          if (has("ETag")) expect(answer.headers.get("etag")).toMatch(/^W\/"(strong|weak)"$/);
          if (method === "HEAD") {
            expect(answer.body).toBe(emptyBody);
            return;
          }
          const sink = RecordingSink.of(answer.body);
          await eventually("the end", () => sink.over);
          const read = coding === "gzip" ? gunzipSync(sink.content()) : inflateSync(sink.content());
          expect(read.equals(content)).toBe(true);
        },
      ),
      {
        examples: [
          [{ ...plainGet, accepted: "br" }],
          [{ ...plainGet, accepted: "gzip;q=0", headers: [["ETag", '"strong"']] }],
          [{ ...plainGet, method: "HEAD" }],
        ],
      },
    );
  });

  it("F: compresses as many streams at a time as it may, and takes the next when one is over", async () => {
    const stats = new MemoryStats();
    const params = Params.empty.with(MaxCompressors, 2).with(StatsParam, stats);
    const stack = new Stack([compression], () => service<HttpRequest, HttpResponse>(async () => next)).make(params);
    let next = new HttpResponse(200);
    const ask = async () => {
      next = new HttpResponse(200, Headers.of("Content-Type", "text/plain"), new PushBody());
      const ctx = new Ctx();
      ctx.respond(await stack.call(request(["Accept-Encoding", "gzip"]), ctx));
      return next;
    };
    const first = await ask();
    await ask();
    const third = await ask();
    expect(third.headers.toFlat()).toEqual(["Content-Type", "text/plain", "Vary", "Accept-Encoding"]);
    expect(stats.readCounter("compression/too_many")).toBe(1);
    first.body.pipe(discard).stop(new Error("enough"));
    expect((await ask()).headers.get("content-encoding")).toBe("gzip");
    expect(stats.readCounter("compression/responses")).toBe(3);
  });
});

describeModule<HttpRequest, HttpResponse>(compression, {
  params: (clock) => Params.empty.with(ClockParam, clock),
  disabled: () => Params.empty.with(CompressionLevelParam, 0),
  request: () => request(["Accept-Encoding", "gzip"]),
  reply: () => new HttpResponse(200, Headers.of("Content-Type", "text/plain"), bytesBody(Buffer.alloc(300))),
  finish: (rep) => void rep.body.pipe(discard),
});
