import { Ctx, service, systemClock } from "@weftmesh/core";
import { type Body, Headers, HttpRequest, HttpResponse } from "@weftmesh/http";
import { nullStats } from "@weftmesh/telemetry";
import { settle } from "@weftmesh/testkit";
import { ClientConnection } from "@weftmesh/transport-http1";
import { ClientStats } from "@weftmesh/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClientWire } from "./client-wire.ts";
import { memoryServer } from "./memory-server.ts";

/** Content in pieces with trailers behind it, as HTTP/2 may bring it. */
interface Content {
  readonly chunks: readonly string[];
  readonly trailers: boolean;
  readonly hasLength: boolean;
}

const arbContent: fc.Arbitrary<Content> = fc.record({
  chunks: fc.array(fc.string({ unit: fc.constantFrom("a", "0", "\r", "\n"), minLength: 1, maxLength: 20 }), {
    maxLength: 4,
  }),
  trailers: fc.boolean(),
  hasLength: fc.boolean(),
});

function bodyOf({ chunks, trailers, hasLength }: Content): Body {
  return {
    length: hasLength ? chunks.join("").length : undefined,
    pipe: (sink) => {
      for (const chunk of chunks) sink.onData(Buffer.from(chunk, "latin1"));
      sink.onEnd(trailers ? Headers.of("x-sum", "42") : undefined);
      return { resume: () => {}, stop: () => {} };
    },
  };
}

/** A message as its reader has to take it: strict, and to the last byte. */
function read(text: string): { readonly framing: string; readonly content: string; readonly trailers: string } {
  const end = text.indexOf("\r\n\r\n") + 4;
  const lines = text.slice(0, end).split("\r\n");
  const framing = lines
    .filter((line) => /^(content-length|transfer-encoding):/i.test(line))
    .join()
    .toLowerCase();
  const rest = text.slice(end);
  if (framing !== "transfer-encoding: chunked") {
    const length = Number(/^content-length: (\d+)$/.exec(framing)?.[1] ?? 0);
    expect(rest).toHaveLength(length);
    return { framing: "length", content: rest, trailers: "" };
  }
  let content = "";
  for (let p = 0; ; ) {
    const sizeEnd = rest.indexOf("\r\n", p);
    const size = Number.parseInt(rest.slice(p, sizeEnd), 16);
    if (size === 0) return { framing: "chunked", content, trailers: rest.slice(sizeEnd + 2) };
    content += rest.slice(sizeEnd + 2, sizeEnd + 2 + size);
    expect(rest.slice(sizeEnd + 2 + size, sizeEnd + 4 + size)).toBe("\r\n");
    p = sizeEnd + 4 + size;
  }
}

const sum = "x-sum: 42\r\n\r\n";

describe("content with a length, or trailers, or both", () => {
  it("of a request is in chunks where no length is known or HTTP/2 announces trailers, which come along then alone", async () => {
    await fc.assert(
      fc.property(arbContent, fc.constantFrom("1.1", "2"), fc.boolean(), (given, version, announces) => {
        const wire = new ClientWire();
        const client = new ClientConnection(wire, {
          clock: systemClock,
          stats: ClientStats.of(nullStats),
          limits: { maxInitialLineBytes: 100, maxHeaderBytes: 400, maxHeaderLines: 20 },
          continueTimeoutMs: 1_000,
          peer: "peer",
        });
        wire.readBy(client);
        const headers = announces ? Headers.of("trailer", "x-sum") : new Headers();
        if (given.hasLength) headers.set("content-length", String(given.chunks.join("").length));
        void client.call(new HttpRequest(version, "POST", "http", "a", "/", headers, bodyOf(given)), new Ctx());
        const isChunked = !given.hasLength || (version === "2" && announces);
        expect(read(wire.written)).toEqual({
          framing: isChunked ? "chunked" : "length",
          content: given.chunks.join(""),
          trailers: isChunked ? (given.trailers ? sum : "\r\n") : "",
        });
      }),
    );
  });

  it("of a response is in chunks where no length is known, or HTTP/2 announces trailers and the client takes them", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbContent,
        fc.constantFrom("1.1", "2"),
        fc.boolean(),
        fc.boolean(),
        async (given, version, announces, takes) => {
          const server = memoryServer(
            service(async (req) => {
              req.headers.delete("te");
              const headers = announces ? Headers.of("trailer", "x-sum") : new Headers();
              if (given.hasLength) headers.set("content-length", String(given.chunks.join("").length));
              return new HttpResponse(200, headers, bodyOf(given), version as "1.1" | "2");
            }),
            systemClock,
          );
          server.wire.feed(`GET / HTTP/1.1\r\nHost: web\r\n${takes ? "TE: trailers\r\n" : ""}\r\n`);
          await settle();
          const isChunked = !given.hasLength || (version === "2" && announces && takes);
          expect(read(server.wire.written)).toEqual({
            framing: isChunked ? "chunked" : "length",
            content: given.chunks.join(""),
            trailers: isChunked ? (given.trailers ? sum : "\r\n") : "",
          });
          expect(server.connection.phase).toBe(0);
        },
      ),
    );
  });
});
