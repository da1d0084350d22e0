import { Headers, hasToken, Names, stripHopByHop } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { receivedHeaders } from "./received-headers.ts";

function stripped(lines: readonly string[]): readonly string[] {
  const headers = receivedHeaders(lines);
  stripHopByHop(headers);
  return headers.toLines().split("\r\n").slice(0, -1);
}

describe("stripHopByHop", () => {
  it("removes what is meant for one hop, and what Connection names, in any case and over several headers", () => {
    expect(
      stripped([
        "A: 1",
        "Connection: Keep-Alive",
        "x-one: 1",
        "connection: X-ONE , x-two,",
        "X-Two: 2",
        "TE: trailers",
        "Upgrade: h2c",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: x",
        "Proxy-Authenticate: x",
        "Transfer-Encoding: chunked",
        "B: 2",
      ]),
    ).toEqual(["A: 1", "B: 2"]);
  });

  it("keeps Trailer, which announces what goes on, unless Connection names it", () => {
    expect(stripped(["Trailer: x-sum", "A: 1"])).toEqual(["Trailer: x-sum", "A: 1"]);
    expect(stripped(["Trailer: x-sum", "Connection: trailer"])).toEqual([]);
  });

  it("keeps Keep-Alive, unless Connection names it", () => {
    expect(stripped(["Keep-Alive: timeout=5", "Connection: keep-alive, x"])).toEqual([]);
    expect(stripped(["Keep-Alive: timeout=5", "Connection: keep-alive"])).toEqual([]);
    expect(stripped(["Keep-Alive: timeout=5", "Connection: close"])).toEqual(["Keep-Alive: timeout=5"]);
    expect(stripped(["Keep-Alive: timeout=5"])).toEqual(["Keep-Alive: timeout=5"]);
  });

  it("A28, C5: never drops framing, host and context headers because Connection names them", () => {
    const kept = ["content-length", "host", "via", "l5d-ctx-deadline", "L5d-Dtab", "l5d-ctx-trace", "dtab-local"];
    fc.assert(
      fc.property(
        fc.subarray(kept),
        fc.array(fc.constantFrom("x-a", "close", "keep-alive", ""), { maxLength: 3 }),
        fc.constantFrom(",", ", ", " ,\t"),
        fc.boolean(),
        (named, others, comma, split) => {
          const items = [...named.map((name) => name.toUpperCase()), ...others];
          const connection = split ? items.map((item) => `Connection: ${item}`) : [`Connection: ${items.join(comma)}`];
          const lines = kept.map((name) => `${name}: 1`);
          const left = stripped([...lines, ...connection, "X-A: 1"]);
          expect(left).toEqual(others.includes("x-a") ? lines : [...lines, "X-A: 1"]);
        },
      ),
    );
  });
});

describe("hasToken", () => {
  it("finds a token in any of the headers, and no part of one", () => {
    const headers = Headers.of("connection", "foo, Close ", "connection", "bar");
    expect(hasToken(headers, Names.connection, "close")).toBe(true);
    expect(hasToken(headers, Names.connection, "bar")).toBe(true);
    expect(hasToken(headers, Names.connection, "clos")).toBe(false);
    expect(hasToken(headers, Names.upgrade, "close")).toBe(false);
  });
});
