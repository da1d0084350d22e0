import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorCode, Flag, FrameType } from "../../src/frame-types.ts";
import { FramePeer, type Row, request, settings } from "../frame-peer.ts";
import { type Seen, type TestServer, testServer } from "../test-server.ts";

let served: TestServer;
beforeAll(async () => {
  served = await testServer();
});
afterAll(() => served.close());

const open = (): Promise<FramePeer> => FramePeer.open(served.port);

async function works(peer: FramePeer, id = 1_001): Promise<void> {
  expect((await peer.get(id).response(id)).body).toBe("hello");
  peer.destroy();
}

/** The message is malformed: its stream is reset with PROTOCOL_ERROR, and nobody sees a request. */
async function malformed(rows: readonly Row[]): Promise<void> {
  const peer = await open();
  const before = served.seen.length;
  peer.headers(1, rows);
  expect(await peer.resetOf(1), JSON.stringify(rows)).toBe(ErrorCode.ProtocolError);
  expect(served.seen.length).toBe(before);
  await works(peer);
}

/** The request is served; what the service saw of it. */
async function accepted(rows: readonly Row[]): Promise<Seen> {
  const peer = await open();
  const before = served.seen.length;
  expect((await peer.headers(1, rows).response(1)).status, JSON.stringify(rows)).toBe("200");
  await works(peer);
  return served.seen[before] as Seen;
}

const without = (name: string): Row[] => request().filter(([each]) => each !== name);
const withValue = (name: string, value: string): Row[] =>
  request().map(([each, old]): Row => [each, each === name ? value : old]);

describe("RFC 9113 section 8.1: framing of messages", () => {
  it("a request is HEADERS, DATA and trailers, of which the last has END_STREAM", async () => {
    const peer = await open();
    peer
      .post(1)
      .data(1, "ab")
      .data(1, "cd")
      .headers(1, [["x-trailer", "1"]]);
    expect((await peer.response(1)).body).toBe("4 bytes");
    peer.destroy();
  });

  it("a response is HEADERS, DATA and trailers, of which the last has END_STREAM", async () => {
    const peer = await open();
    const { lists, body } = await peer.get(1, "/trailers").response(1);
    expect(lists).toEqual([[[":status", "200"]], [["x-check", "sum"]]]);
    expect(body).toBe("content");
    const flags = peer.frames.filter(({ id }) => id === 1).map((each) => [each.type, each.flags & Flag.EndStream]);
    expect(flags).toEqual([
      [FrameType.Headers, 0],
      [FrameType.Data, 0],
      [FrameType.Headers, Flag.EndStream],
    ]);
    peer.destroy();
  });

  it("trailers without END_STREAM are malformed", async () => {
    const peer = await open();
    peer
      .post(1)
      .data(1, "ab")
      .headers(1, [["x-trailer", "1"]], Flag.EndHeaders);
    expect(await peer.resetOf(1)).toBe(ErrorCode.ProtocolError);
    await works(peer);
  });

  it("B16: trailers with a pseudo-header are malformed", async () => {
    for (const row of [
      [":status", "200"],
      [":path", "/"],
      [":method", "GET"],
    ] as const) {
      const peer = await open();
      peer
        .post(1)
        .data(1, "ab")
        .headers(1, [["x-trailer", "1"], row]);
      expect(await peer.resetOf(1)).toBe(ErrorCode.ProtocolError);
      await works(peer);
    }
  });

  it("B17 and B18: trailers in upper case, or with what belongs to a connection, are malformed", async () => {
    for (const row of [
      ["X-Upper", "1"],
      ["connection", "close"],
      ["x-bad", "a\r\nb"],
      ["", "x"],
    ] as const) {
      const peer = await open();
      peer.post(1).data(1, "ab").headers(1, [row]);
      expect(await peer.resetOf(1)).toBe(ErrorCode.ProtocolError);
      await works(peer);
    }
  });

  it("a response that does not need the rest of the request ends the stream with NO_ERROR behind it", async () => {
    const peer = await open();
    peer.post(1, "/").data(1, "never ended");
    expect((await peer.response(1)).body).toBe("hello");
    expect(await peer.resetOf(1)).toBe(ErrorCode.NoError);
    await works(peer);
  });

  it("a header list longer than our setting is answered 431, and reaches nobody", async () => {
    const small = await testServer({ endpoint: { maxHeaderListBytes: 1_000 } });
    const peer = await FramePeer.open(small.port);
    expect(peer.frames[0]?.payload.includes(settings([6, 1_000]))).toBe(true);
    peer.headers(1, request("/", [["x-long", "v".repeat(2_000)]]));
    expect((await peer.response(1)).status).toBe("431");
    expect(small.seen.length).toBe(0);
    await works(peer);
    await small.close();
  });
});

describe("RFC 9113 section 8.1.1: malformed messages", () => {
  it("B22: a body that is not as long as its content-length says", async () => {
    const length = (text: string): Row[] => request("/collect", [["content-length", text]], "POST");
    const cases: readonly (readonly [rows: Row[], bodies: readonly string[]])[] = [
      [length("5"), ["abc"]],
      [length("5"), ["abcdef"]],
      [length("5"), ["abc", "def"]],
      [length("0"), ["a"]],
      [length("1"), [""]],
    ];
    for (const [rows, bodies] of cases) {
      const peer = await open();
      peer.headers(1, rows, Flag.EndHeaders);
      for (const [i, body] of bodies.entries()) peer.data(1, body, i === bodies.length - 1 ? Flag.EndStream : 0);
      expect(await peer.resetOf(1), JSON.stringify([rows.at(-1), bodies])).toBe(ErrorCode.ProtocolError);
      await works(peer);
    }
  });

  it("B22: a content-length above 0 without any DATA, or with trailers alone", async () => {
    await malformed(request("/", [["content-length", "1"]], "POST"));
    const peer = await open();
    peer.headers(1, request("/", [["content-length", "1"]], "POST"), Flag.EndHeaders).headers(1, [["x-trailer", "1"]]);
    expect(await peer.resetOf(1)).toBe(ErrorCode.ProtocolError);
    await works(peer);
  });

  it("B22: more than one content-length, or one that is no number", async () => {
    for (const values of [
      ["5", "6"],
      ["-1"],
      ["+5"],
      ["5a"],
      [""],
      ["5, 6"],
      ["0x5"],
      ["1e3"],
      ["99999999999999999999"],
    ]) {
      await malformed(
        request(
          "/",
          values.map((value): Row => ["content-length", value]),
          "POST",
        ),
      );
    }
  });

  it("a content-length of 0, and one that is right", async () => {
    await accepted(request("/", [["content-length", "0"]], "POST"));
    const peer = await open();
    peer.headers(1, request("/collect", [["content-length", "3"]], "POST"), Flag.EndHeaders);
    peer.data(1, "abc", Flag.EndStream);
    expect((await peer.response(1)).body).toBe("3 bytes");
    peer.destroy();
  });

  it("a response to HEAD, and one with 204 or 304, has no content", async () => {
    for (const [path, method] of [
      ["/", "HEAD"],
      ["/status/204", "GET"],
      ["/status/304", "GET"],
    ] as const) {
      const peer = await open();
      const { body, lists, ended } = await peer.headers(1, request(path, [], method)).response(1);
      expect([body, lists.length, ended]).toEqual(["", 1, true]);
      expect(peer.frames.some(({ type, id }) => type === FrameType.Data && id === 1)).toBe(false);
      await works(peer);
    }
  });
});

describe("RFC 9113 section 8.2: fields", () => {
  it("B17: names in upper case are malformed", () => malformed(request("/", [["X-Upper", "1"]])));

  it("8.2.1: names with what may not stand in one are malformed", async () => {
    for (const name of ["", "a b", "a\tb", "a:b", "\0", "a\x7f", "a\x80", "\n", "a\x00b", "a(b", '"a"']) {
      await malformed(request("/", [[name, "v"]]));
    }
  });

  it("B21: values with CR, LF or NUL, or a blank at either end, are malformed", async () => {
    for (const value of ["a\rb", "a\nb", "a\0b", "a\r\nx-evil: 1", " a", "a ", "\ta", "a\t"]) {
      await malformed(request("/", [["x-value", value]]));
    }
  });

  it("values with anything else in them are passed on as they are", async () => {
    const value = 'a \t"b" é\xff,;=';
    const { req } = await accepted(
      request("/", [
        ["x-value", value],
        ["x-empty", ""],
      ]),
    );
    expect(req.headers.get("x-value")).toBe(value);
    expect(req.headers.get("x-empty")).toBe("");
  });

  it("B18: fields that belong to a connection are malformed", async () => {
    for (const name of ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]) {
      await malformed(request("/", [[name, name === "transfer-encoding" ? "chunked" : "x"]]));
    }
  });

  it("B18: te may say trailers and nothing else", async () => {
    for (const value of ["gzip", "trailers, gzip", "trailers;q=1", ""]) await malformed(request("/", [["te", value]]));
    await accepted(request("/", [["te", "trailers"]]));
  });

  it("8.2.3: crumbs of a cookie all reach the service", async () => {
    const { req } = await accepted(
      request("/", [
        ["cookie", "a=b"],
        ["cookie", "c=d"],
        ["cookie", "e=f"],
      ]),
    );
    expect(req.headers.getAll("cookie").join("; ")).toBe("a=b; c=d; e=f");
  });

  it("of our own responses no field is malformed, whatever the service says", async () => {
    const { Headers, HttpResponse, textBody } = await import("@weftmesh/http");
    const { service } = await import("@weftmesh/core");
    const says = Headers.of(
      "Connection",
      "close",
      "Transfer-Encoding",
      "chunked",
      "Keep-Alive",
      "timeout=5",
      "X-Upper",
      "1",
    );
    const odd = await testServer({
      service: service(() => Promise.resolve(new HttpResponse(200, says, textBody("x")))),
    });
    const peer = await FramePeer.open(odd.port);
    const { lists } = await peer.get(1).response(1);
    expect(lists[0]).toEqual([
      [":status", "200"],
      ["x-upper", "1"],
      ["content-length", "1"],
    ]);
    peer.destroy();
    await odd.close();
  });
});

describe("RFC 9113 section 8.3: pseudo-headers", () => {
  it("B16: one behind a header is malformed", async () => {
    const [method, ...others] = request();
    await malformed([method as Row, ["x-first", "1"], ...others]);
    await malformed([...without(":path"), ["x-first", "1"], [":path", "/"]]);
  });

  it("B16: one that nobody knows, and one of responses, is malformed", async () => {
    await malformed([[":unknown", "x"], ...request()]);
    await malformed([[":status", "200"], ...request()]);
    await malformed([[":protocol", "websocket"], ...request()]);
    await malformed([[":", "x"], ...request()]);
  });

  it("B16: one that is there twice is malformed, the same value or another", async () => {
    for (const row of request()) {
      await malformed([row, ...request()]);
      await malformed([[row[0], row[0] === ":path" ? "/other" : "other"], ...request()]);
    }
  });

  it("B16: a request without :method, :scheme or :path is malformed", async () => {
    for (const name of [":method", ":scheme", ":path"]) await malformed(without(name));
  });

  it("a request without :authority is served, with host in its place", async () => {
    const { req } = await accepted([...without(":authority"), ["host", "other.example"]]);
    expect(req.authority).toBe("other.example");
    await accepted(without(":authority"));
  });

  it("B16: an empty :method, :scheme or :path is malformed", async () => {
    for (const name of [":method", ":scheme", ":path"]) await malformed(withValue(name, ""));
  });

  it("B20: a :path with CR, LF, a blank or NUL in it, or one that does not begin with a slash, is malformed", async () => {
    for (const path of [
      "/a b",
      "/a\rb",
      "/a\nb",
      "/a\0b",
      "/ HTTP/1.1\r\nx: y",
      "a",
      "http://web/",
      "?a",
      "*",
      "**",
      "/\t",
    ]) {
      await malformed(withValue(":path", path));
    }
  });

  it("a :path is seen as it was sent, and OPTIONS may ask for *", async () => {
    const path = "/a/../b//c;d?e=f&g=%20#";
    const { req } = await accepted(withValue(":path", "/a/../b//c;d?e=f&g=%20"));
    expect(req.path).toBe(path.slice(0, -1));
    const options = await accepted(request("*", [], "OPTIONS"));
    expect([options.req.method, options.req.path]).toEqual(["OPTIONS", "*"]);
  });

  it("a :method that is no token is malformed, and any token is a method", async () => {
    for (const method of ["GE T", "GET\r\n", "GET/", "(GET)"]) await malformed(withValue(":method", method));
    const { req } = await accepted(withValue(":method", "M-SEARCH"));
    expect(req.method).toBe("M-SEARCH");
  });

  it("an :authority with a user, a blank or a slash in it is malformed", async () => {
    for (const authority of [
      "user@web",
      "user:secret@web",
      "web example",
      "web/path",
      "web\r\nx: y",
      "web?x",
      "web#x",
    ]) {
      await malformed(withValue(":authority", authority));
    }
  });

  it("B19: an :authority that is not what host says is malformed; in other letters it is the same", async () => {
    await malformed([...request(), ["host", "other.example"]]);
    await malformed([...request(), ["host", "web.example:80"]]);
    await malformed([...request(), ["host", "web.example"], ["host", "other.example"]]);
    await accepted([...request(), ["host", "web.example"]]);
    await accepted([...request(), ["host", "WEB.example"]]);
  });
});

describe("RFC 9113 section 8.5: CONNECT", () => {
  it("with :scheme or :path, or without :authority, is malformed", async () => {
    await malformed(withValue(":method", "CONNECT"));
    await malformed([
      [":method", "CONNECT"],
      [":authority", "web:80"],
      [":path", "/"],
    ]);
    await malformed([
      [":method", "CONNECT"],
      [":authority", "web:80"],
      [":scheme", "http"],
    ]);
    await malformed([[":method", "CONNECT"]]);
  });

  it("where tunnels are not served is answered with a status, and costs the connection nothing", async () => {
    const peer = await open();
    peer.headers(
      1,
      [
        [":method", "CONNECT"],
        [":authority", "web:80"],
      ],
      Flag.EndHeaders,
    );
    expect((await peer.response(1)).status).toBe("405");
    await works(peer);
  });
});

describe("RFC 9113 section 8.7: requests that may be sent again", () => {
  it("one that is refused has reached nobody", async () => {
    const small = await testServer({ limits: { maxConcurrentStreams: 1 } });
    const peer = await FramePeer.open(small.port);
    peer.get(1, "/never").get(3, "/refused");
    expect(await peer.resetOf(3)).toBe(ErrorCode.RefusedStream);
    expect(small.seen.map(({ req }) => req.path)).toEqual(["/never"]);
    peer.destroy();
    await small.close();
  });
});

describe("RFC 9113 section 8.8 and RFC 9110: exchanges", () => {
  it("Expect: 100-continue is answered with 100 once somebody wants the content, before the final response", async () => {
    const peer = await open();
    peer.post(1, "/collect", [["expect", "100-continue"]]);
    await peer.until("an interim response", () => peer.message(1).lists.length === 1);
    expect(peer.message(1).lists[0]).toEqual([[":status", "100"]]);
    peer.data(1, "abc", Flag.EndStream);
    expect((await peer.response(1)).body).toBe("3 bytes");
    peer.destroy();
  });

  it("Expect: 100-continue is not answered where nobody wants the content", async () => {
    const peer = await open();
    peer.post(1, "/", [["expect", "100-continue"]]);
    expect((await peer.response(1)).lists.length).toBe(1);
    peer.destroy();
  });

  it("B33: a client that has ended its half of the connection still gets its response", async () => {
    const peer = await open();
    peer.post(1);
    await peer.alive();
    peer.data(1, "abc", Flag.EndStream);
    peer.socket.end();
    expect((await peer.response(1)).body).toBe("3 bytes");
    await peer.gone();
  });

  it("content and its end may come in one frame, or in any number of them", async () => {
    const peer = await open();
    peer.post(1).data(1, "abc", Flag.EndStream).post(3);
    for (const octet of "abc") peer.data(3, octet);
    peer.data(3, "", Flag.EndStream);
    expect((await peer.response(1)).body).toBe("3 bytes");
    expect((await peer.response(3)).body).toBe("3 bytes");
    peer.destroy();
  });

  it("many streams are served at once, and their responses come in any order", async () => {
    const peer = await open();
    for (let id = 1; id < 100; id += 2) peer.post(id);
    for (let id = 99; id > 0; id -= 2) peer.data(id, "x".repeat(id), Flag.EndStream);
    for (let id = 1; id < 100; id += 2) expect((await peer.response(id)).body).toBe(`${id} bytes`);
    peer.destroy();
  });
});
