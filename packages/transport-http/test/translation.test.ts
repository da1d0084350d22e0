import { once } from "node:events";
import { Agent, createServer as createHttp1, type IncomingMessage, request, type Server } from "node:http";
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer as createHttp2,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { systemClock } from "@weftmesh/core";
import { eventually, RawClient } from "@weftmesh/testkit";
import { listenHttp } from "@weftmesh/transport-http";
import type { WireServer } from "@weftmesh/wire";
import { afterEach, describe, expect, it } from "vitest";
import { clientOf, forwarding } from "./ends.ts";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A proxy that takes both versions and speaks one to its backend. */
async function proxyTo(version: 1 | 2, port: number): Promise<WireServer> {
  const { client } = clientOf(version, port);
  const front = forwarding(client);
  const proxy = await listenHttp({ http1: front, http2: front, port: 0, clock: systemClock });
  closing.push(() => client.close());
  closing.push(() => proxy.close(0));
  return proxy;
}

/** What a backend was asked. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values as they came. */
  readonly raw: readonly string[];
  readonly body: string;
  readonly trailers: Record<string, string | undefined>;
}

type Answer = (asked: Asked) => {
  readonly status?: number;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string;
  readonly trailers?: Record<string, string>;
};

interface Backend {
  readonly port: number;
  readonly asked: Asked[];
}

async function http1Backend(answer: Answer = () => ({})): Promise<Backend> {
  const asked: Asked[] = [];
  const server: Server = createHttp1((req: IncomingMessage, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("error", () => {});
    req.on("end", () => {
      const got: Asked = {
        method: req.method as string,
        path: req.url as string,
        headers: req.headers,
        raw: req.rawHeaders,
        body: Buffer.concat(chunks).toString(),
        trailers: req.trailers,
      };
      asked.push(got);
      const { status = 200, headers = {}, body = "", trailers } = answer(got);
      res.writeHead(status, {
        ...headers,
        ...(trailers === undefined ? {} : { Trailer: Object.keys(trailers).join() }),
      });
      if (body !== "") res.write(body);
      if (trailers !== undefined) res.addTrailers(trailers);
      res.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

async function http2Backend(answer: Answer = () => ({})): Promise<Backend> {
  const asked: Asked[] = [];
  const server: Http2Server = createHttp2();
  const onStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]): void => {
    const chunks: Buffer[] = [];
    let trailers: Record<string, string | undefined> = {};
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("trailers", (given: IncomingHttpHeaders) => {
      trailers = { ...given } as Record<string, string>;
    });
    stream.on("error", () => {});
    stream.on("end", () => {
      const got: Asked = {
        method: headers[":method"] as string,
        path: headers[":path"] as string,
        headers,
        raw,
        body: Buffer.concat(chunks).toString(),
        trailers,
      };
      asked.push(got);
      const { status = 200, headers: more = {}, body = "", trailers: last } = answer(got);
      stream.on("wantTrailers", () => stream.sendTrailers(last as OutgoingHttpHeaders));
      const hasNone = body === "" && last === undefined;
      stream.respond({ ":status": status, ...more }, { endStream: hasNone, waitForTrailers: last !== undefined });
      if (!hasNone) stream.end(body);
    });
  };
  server.on("stream", onStream);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    for (const each of sockets) each.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

interface Told {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly trailers: Record<string, unknown>;
}

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string;
  readonly trailers?: Record<string, string>;
}

function askHttp1(port: number, { method = "GET", path = "/", headers = {}, body, trailers }: Ask): Promise<Told> {
  const agent = new Agent();
  return new Promise((resolve, reject) => {
    const req = request(
      { port, host: "127.0.0.1", method, path, headers: { Host: "web", ...headers }, agent },
      (res) => {
        const chunks: Buffer[] = [];
        res.on("data", (chunk: Buffer) => chunks.push(chunk));
        res.on("error", reject);
        res.on("end", () => {
          const { statusCode: status = 0, headers: got, trailers: last } = res;
          resolve({ status, headers: got, body: Buffer.concat(chunks).toString(), trailers: last });
        });
      },
    );
    req.on("error", reject);
    if (trailers !== undefined) {
      req.write("");
      req.addTrailers(trailers);
    }
    req.end(body);
  });
}

function session(port: number): ClientHttp2Session {
  const made = connect(`http://127.0.0.1:${port}`);
  made.on("error", () => {});
  closing.push(() => made.destroy());
  return made;
}

function askHttp2(port: number, { method = "GET", path = "/", headers = {}, body, trailers }: Ask): Promise<Told> {
  return new Promise((resolve, reject) => {
    const stream = session(port).request(
      { ":method": method, ":path": path, ":authority": "web", ...headers },
      { endStream: body === undefined && trailers === undefined, waitForTrailers: trailers !== undefined },
    );
    const chunks: Buffer[] = [];
    let told: Record<string, unknown> = {};
    let last: Record<string, unknown> = {};
    stream.on("response", (given) => {
      told = { ...given };
    });
    stream.on("trailers", (given) => {
      last = { ...given };
    });
    stream.on("wantTrailers", () => stream.sendTrailers(trailers as OutgoingHttpHeaders));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("end", () =>
      resolve({
        status: Number(told[":status"]),
        headers: told,
        body: Buffer.concat(chunks).toString(),
        trailers: last,
      }),
    );
    if (body !== undefined || trailers !== undefined) stream.end(body ?? "");
  });
}

const versions = [
  { from: "HTTP/1.1", to: "HTTP/2", ask: askHttp1, backend: http2Backend, speaks: 2 },
  { from: "HTTP/2", to: "HTTP/1.1", ask: askHttp2, backend: http1Backend, speaks: 1 },
] as const;

describe.each(versions)("$from in and $to out", ({ ask, backend, speaks }) => {
  async function through(asks: Ask, answer?: Answer): Promise<{ told: Told; asked: Asked }> {
    const behind = await backend(answer);
    const proxy = await proxyTo(speaks, behind.port);
    const told = await ask(proxy.address.port, asks);
    expect(behind.asked).toHaveLength(1);
    return { told, asked: behind.asked[0] as Asked };
  }

  it("brings method, path, authority and headers to the other side, and the answer back", async () => {
    const { told, asked } = await through(
      { method: "DELETE", path: "/a/b?c=d&e", headers: { "X-One": "1", "x-two": ["2", "3"] } },
      () => ({ status: 418, headers: { "X-Answer": "yes", "Set-Cookie": ["a=1", "b=2"] }, body: "teapot" }),
    );
    expect([asked.method, asked.path]).toEqual(["DELETE", "/a/b?c=d&e"]);
    const names = asked.raw.filter((_, i) => i % 2 === 0).map((each) => each.toLowerCase());
    if (speaks === 2) {
      expect(asked.headers[":authority"]).toBe("web");
      expect(names).not.toContain("host");
    } else expect(asked.headers["host"]).toBe("web");
    expect(asked.headers["x-one"]).toBe("1");
    expect(String(asked.headers["x-two"])).toMatch(/^2, ?3$/);
    expect([told.status, told.headers["x-answer"], told.body]).toEqual([418, "yes", "teapot"]);
    expect(told.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  });

  it("brings bodies both ways, with and without a length", async () => {
    const body = "b".repeat(70_000);
    for (const headers of [{ "Content-Length": String(body.length) }, {}]) {
      const { told, asked } = await through({ method: "POST", headers, body }, (got) => ({ body: `${got.body}!` }));
      expect(asked.body).toBe(body);
      expect(told.body).toBe(`${body}!`);
    }
  });

  it("brings trailers both ways", async () => {
    const { told, asked } = await through(
      { method: "POST", headers: speaks === 2 ? { Trailer: "X-Sum" } : {}, trailers: { "x-sum": "42" } },
      () => ({ body: "x", trailers: { "x-check": "7" } }),
    );
    expect(asked.trailers["x-sum"]).toBe("42");
    expect(told.trailers["x-check"]).toBe("7");
  });

  it.each([
    ["HEAD", 200, { "Content-Length": "1234" }, "1234"],
    ["GET", 204, {}, undefined],
    ["GET", 304, { "Content-Length": "1234", ETag: '"x"' }, speaks === 2 ? "1234" : undefined],
  ])("leaves the answer to %s with %i without a body", async (method, status, headers, length) => {
    const { told } = await through({ method }, () => ({ status, headers }));
    expect([told.status, told.body]).toEqual([status, ""]);
    if (length !== undefined) expect(told.headers["content-length"]).toBe(length);
  });

  it("leaves out what concerns one connection alone", async () => {
    const { asked, told } = await through(
      speaks === 2
        ? {
            headers: {
              Connection: "X-Hop, keep-alive",
              "X-Hop": "1",
              "Keep-Alive": "timeout=5",
              "Proxy-Connection": "y",
            },
          }
        : {},
      () => ({
        headers: speaks === 2 ? {} : { Connection: "X-Mine, keep-alive", "X-Mine": "1", "Keep-Alive": "timeout=5" },
      }),
    );
    for (const name of ["x-hop", "keep-alive", "proxy-connection", "upgrade"]) {
      expect(asked.headers[name]).toBeUndefined();
    }
    if (speaks === 2) expect(asked.headers["connection"]).toBeUndefined();
    else for (const name of ["connection", "x-mine", "keep-alive"]) expect(told.headers[name]).toBeUndefined();
  });
});

describe("HTTP/2 in and HTTP/1.1 out", () => {
  it("joins the crumbs of a cookie", async () => {
    const behind = await http1Backend();
    const proxy = await proxyTo(1, behind.port);
    await askHttp2(proxy.address.port, { headers: { cookie: ["a=1", "b=2", "c=3"] } });
    const { raw } = behind.asked[0] as Asked;
    expect(raw.filter((_, i) => raw[i - 1]?.toLowerCase() === "cookie")).toEqual(["a=1; b=2; c=3"]);
  });

  it("has TE name trailers for the connection, which says so", async () => {
    const behind = await http1Backend();
    const proxy = await proxyTo(1, behind.port);
    await askHttp2(proxy.address.port, { headers: { te: "trailers" } });
    expect(behind.asked[0]?.headers).toMatchObject({ te: "trailers", connection: "TE" });
  });

  describe("a body that has both a length and trailers", () => {
    const sum = { "x-sum": "42" };
    async function asked(headers: Record<string, string>, trailers = sum): Promise<Asked> {
      const behind = await http1Backend();
      const proxy = await proxyTo(1, behind.port);
      await askHttp2(proxy.address.port, {
        method: "POST",
        headers: { "content-length": "7", ...headers },
        body: "content",
        trailers,
      });
      return behind.asked[0] as Asked;
    }

    it("of a request goes in chunks where they are announced", async () => {
      const { headers, body, trailers } = await asked({ trailer: "x-sum" });
      expect([headers["content-length"], headers["transfer-encoding"], headers["trailer"]]).toEqual([
        undefined,
        "chunked",
        "x-sum",
      ]);
      expect([body, trailers]).toEqual(["content", sum]);
    });

    it("of a request keeps its length where they are not, and loses them", async () => {
      const { headers, body, trailers } = await asked({ te: "trailers" });
      expect([headers["content-length"], headers["transfer-encoding"]]).toEqual(["7", undefined]);
      expect([body, trailers]).toEqual(["content", {}]);
    });

    it("of a request that waits for leave goes in chunks as well", async () => {
      const { body, trailers } = await asked({ trailer: "x-sum", expect: "100-continue" });
      expect([body, trailers]).toEqual(["content", sum]);
    });

    it("of a request whose content is empty goes in chunks as well", async () => {
      const behind = await http1Backend();
      const proxy = await proxyTo(1, behind.port);
      const headers = { "content-length": "0", trailer: "x-sum" };
      await askHttp2(proxy.address.port, { method: "POST", headers, trailers: sum });
      expect([behind.asked[0]?.body, behind.asked[0]?.trailers]).toEqual(["", sum]);
    });
  });

  it("B34: tells the backend within 100 ms that the client reset its stream, and the client that the backend left", async () => {
    let hung: IncomingMessage | undefined;
    let leftMs: number | undefined;
    const server = createHttp1((req, res) => {
      hung = req;
      res.on("close", () => {
        leftMs = systemClock.now();
      });
      res.writeHead(200);
      res.write("begun");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const proxy = await proxyTo(1, (server.address() as AddressInfo).port);
    const client = session(proxy.address.port);
    const took: number[] = [];
    // A busy machine may keep one from being heard of in time.
    while (took.length < 10 && Math.min(...took) >= 100) {
      leftMs = undefined;
      const first = client.request({ ":path": "/" });
      first.on("error", () => {});
      await once(first, "data");
      const resetMs = systemClock.now();
      first.close(constants.NGHTTP2_CANCEL);
      await eventually("the backend hears of it", () => leftMs !== undefined);
      took.push((leftMs ?? 0) - resetMs);
    }
    expect(Math.min(...took)).toBeLessThan(100);
    const second = client.request({ ":path": "/" });
    second.on("error", () => {});
    await once(second, "data");
    hung?.socket.destroy();
    await new Promise((resolve) => second.once("close", resolve));
    expect(second.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
  });
});

describe("HTTP/1.1 in and HTTP/2 out", () => {
  describe("a response whose body has both a length and trailers", () => {
    const announced = { "content-length": "7", trailer: "x-sum" };
    const takes = { TE: "trailers", Connection: "TE" };

    it.each([
      ["goes in chunks where they are announced and the client takes them", takes, announced, true],
      ["goes in chunks where the client takes them among others", { TE: "deflate;q=0.5, Trailers" }, announced, true],
      ["keeps its length where they are not announced, and loses them", takes, { "content-length": "7" }, false],
      ["keeps its length where the client has not said that it takes them", {}, announced, false],
      ["keeps its length where the client takes other codings alone", { TE: "gzip" }, announced, false],
    ] as const)("%s", async (_what, headers, answered, isChunked) => {
      const behind = await http2Backend(() => ({ headers: answered, body: "content", trailers: { "x-sum": "42" } }));
      const proxy = await proxyTo(2, behind.port);
      const told = await askHttp1(proxy.address.port, { headers });
      expect(told.body).toBe("content");
      expect(told.headers["transfer-encoding"]).toBe(isChunked ? "chunked" : undefined);
      expect(told.headers["content-length"]).toBe(isChunked ? undefined : "7");
      expect(told.trailers).toEqual(isChunked ? { "x-sum": "42" } : {});
    });

    it("keeps its length for HTTP/1.0, and for HEAD", async () => {
      const behind = await http2Backend(({ method }) =>
        method === "HEAD"
          ? { headers: announced }
          : { headers: announced, body: "content", trailers: { "x-sum": "42" } },
      );
      const proxy = await proxyTo(2, behind.port);
      const told = await askHttp1(proxy.address.port, { method: "HEAD", headers: takes });
      expect([told.headers["content-length"], told.headers["transfer-encoding"]]).toEqual(["7", undefined]);
      const client = new RawClient(proxy.address.port);
      closing.push(() => client.destroy());
      await client.send("GET / HTTP/1.0\r\nHost: web\r\nTE: trailers\r\n\r\n").gone();
      expect(client.text.toLowerCase()).toContain("content-length: 7\r\n");
      expect(client.text).toMatch(/\r\n\r\ncontent$/);
    });
  });

  it("cuts the client off when the backend resets a stream that has begun, and answers 502 before that", async () => {
    const server = createHttp2();
    let begins = false;
    server.on("stream", (stream) => {
      stream.on("error", () => {});
      if (!begins) {
        stream.close(constants.NGHTTP2_INTERNAL_ERROR);
        return;
      }
      stream.respond({ ":status": 200 });
      stream.write("begun");
      // Its `close` would end the stream before it resets it.
      setTimeout(() => stream.destroy(new Error("broken")), 20);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(() => server.close());
    const proxy = await proxyTo(2, (server.address() as AddressInfo).port);
    expect((await askHttp1(proxy.address.port, {})).status).toBe(502);
    begins = true;
    const client = new RawClient(proxy.address.port);
    closing.push(() => client.destroy());
    await client.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n").gone();
    expect(client.text).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(client.text).not.toContain("\r\n0\r\n\r\n");
  });

  it("resets the stream when the client leaves", async () => {
    let code: number | undefined;
    let isOpen = false;
    const server = createHttp2();
    server.on("stream", (stream) => {
      isOpen = true;
      stream.on("error", () => {});
      stream.on("close", () => {
        code = stream.rstCode;
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(() => server.close());
    const proxy = await proxyTo(2, (server.address() as AddressInfo).port);
    const client = new RawClient(proxy.address.port);
    client.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    await eventually("the backend has it", () => isOpen);
    client.socket.resetAndDestroy();
    await eventually("the stream is reset", () => code !== undefined);
    expect(code).toBe(constants.NGHTTP2_CANCEL);
  });
});
