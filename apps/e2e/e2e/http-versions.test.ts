import { createHash } from "node:crypto";
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { connect as connectTls } from "node:tls";
import { CertificateAuthority } from "@weftmesh/testkit/certificates";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerOf, H2Backend, H2Client, Rst } from "../src/h2.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import type { Target } from "../src/raw-http.ts";
import { until } from "../src/until.ts";

/** One port that takes both versions, and a client that speaks the other one: the real process between Node's own. */

const dir = new TempDir();
const big = 8_000_000;
/** RFC 6455 section 1.3. */
const magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
let one: Server;
let two: H2Backend;
let proxy: RunningProxy;
const clients: H2Client[] = [];

/** What reached a backend, by the path it was asked for. */
interface Reached {
  readonly version: string;
  readonly headers: IncomingHttpHeaders;
  trailers?: object;
  body?: string;
  /** How it ended: 0 for well. */
  reset?: number;
  /** Ends a response that has begun. */
  breakOff?: () => void;
}
const reached = new Map<string, Reached>();

const sumOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
/** No part of it is like another. */
const content = Buffer.from(Uint32Array.from({ length: big / 4 }, (_, at) => at * 2_654_435_761).buffer);

function onHttp1(req: IncomingMessage, res: ServerResponse): void {
  const path = req.url as string;
  const found: Reached = { version: "1.1", headers: req.headers };
  reached.set(path, found);
  const chunks: Buffer[] = [];
  req.on("error", () => {});
  req.on("data", (chunk: Buffer) => chunks.push(chunk));
  res.on("close", () => {
    found.reset = res.writableFinished ? 0 : Rst.cancel;
  });
  const kind = path.split("?")[0];
  if (kind === "/hang") return;
  if (kind === "/break") {
    res.write("begun");
    found.breakOff = () => req.socket.resetAndDestroy();
    return;
  }
  req.on("end", () => {
    const body = Buffer.concat(chunks);
    found.body = body.length > 1_000 ? sumOf(body) : body.toString();
    found.trailers = req.trailers;
    if (kind === "/204" || kind === "/304") res.writeHead(Number(kind.slice(1)), { ETag: '"x"' }).end();
    else if (kind === "/big") Readable.from([content]).pipe(res);
    else if (kind === "/trailers" || kind === "/sum") {
      res.writeHead(200, { Trailer: "X-Sum", "Set-Cookie": ["a=1", "b=2"], Connection: "X-Hop", "X-Hop": "1" });
      res.write("body");
      res.addTrailers({ "X-Sum": "42" });
      res.end();
    } else res.writeHead(200, { "Content-Length": 2 }).end(req.method === "HEAD" ? undefined : "ok");
  });
}

function onHttp2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const path = headers[":path"] as string;
  const found: Reached = { version: "2", headers };
  reached.set(path, found);
  if (headers[":method"] === "CONNECT") {
    stream.respond({ ":status": 200 });
    stream.pipe(stream);
    return;
  }
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("trailers", (trailers: object) => {
    found.trailers = { ...trailers };
  });
  stream.on("close", () => {
    found.reset = stream.rstCode;
  });
  const kind = path.split("?")[0];
  if (kind === "/hang") return;
  if (kind === "/break") {
    stream.respond({ ":status": 200 });
    stream.write("begun");
    found.breakOff = () => stream.destroy(new Error("broken"));
    return;
  }
  stream.on("end", () => {
    const body = Buffer.concat(chunks);
    found.body = body.length > 1_000 ? sumOf(body) : body.toString();
    if (kind === "/204" || kind === "/304") {
      stream.respond({ ":status": Number(kind.slice(1)), etag: '"x"' }, { endStream: true });
    } else if (kind === "/big") {
      stream.respond({ ":status": 200 });
      Readable.from([content]).pipe(stream);
    } else if (kind === "/trailers") {
      stream.respond({ ":status": 200, "set-cookie": ["a=1", "b=2"] }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "42" }));
      stream.end("body");
    } else if (kind === "/sum") {
      stream.respond({ ":status": 200, "content-length": 4, trailer: "x-sum" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "42" }));
      stream.end("body");
    } else {
      stream.respond({ ":status": 200, "content-length": 2 }, { endStream: headers[":method"] === "HEAD" });
      if (headers[":method"] !== "HEAD") stream.end("ok");
    }
  });
}

beforeAll(async () => {
  one = createServer(onHttp1);
  one.on("upgrade", (req, socket: Socket) => {
    reached.set(req.url as string, { version: "1.1", headers: req.headers });
    socket.on("error", () => {});
    const accept = createHash("sha1").update(`${req.headers["sec-websocket-key"]}${magic}`).digest("base64");
    const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    socket.write(`${head}Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
  two = await H2Backend.start(onHttp2, { settings: { enableConnectProtocol: true } });
  const pair = await (await CertificateAuthority.create()).issue({ dns: ["linkerd"] });
  const tls = `tls: { certPath: ${dir.write("own.pem", pair.cert)}, keyPath: ${dir.write("own.key", pair.key)} }`;
  const to = { http1: (one.address() as AddressInfo).port, h2: two.port };
  let next = 2;
  const router = (label: string, protocol: string, out: "http1" | "h2", server = "", client = true): string =>
    `- protocol: ${protocol}
  label: ${label}
  dtab: /svc/* => /$/inet/127.1/${to[out]}
  servers: [{ port: 0, ip: 127.0.0.${next++}${server} }]
${client ? `  client: { protocol: ${out} }\n` : ""}${label.startsWith("http-") ? "  tunnels: { upgrade: [websocket] }\n" : ""}`;
  const both = ", protocols: [http1, h2, h2cUpgrade]";
  proxy = await RunningProxy.start(
    `admin: { port: 0 }\nrouters:\n${[
      router("http-to-1", "http", "http1", both),
      router("http-to-2", "http", "h2", both),
      router("h2-to-1", "h2", "http1", ", protocols: [h2, http1]"),
      router("h2-to-2", "h2", "h2", ", protocols: [h2, http1]"),
      router("http", "http", "http1", "", false),
      router("h2", "h2", "h2", "", false),
      router("secure", "http", "http1", `, protocols: [http1, h2], ${tls}`),
      router("secure-http", "http", "http1", `, ${tls}`, false),
    ].join("")}`,
  );
}, 60_000);

afterAll(async () => {
  for (const each of clients) each.close();
  await proxy?.stop();
  one?.closeAllConnections();
  one?.close();
  await two?.stop();
  dir.remove();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: object;
  readonly body: Buffer;
  /** It broke off. */
  readonly broken: boolean;
}

interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: Buffer;
  readonly trailers?: Record<string, string>;
  /** Some of the answer has come. */
  readonly onData?: () => void;
}

function askHttp1({ ip, port }: Target, path: string, ask: Ask): Promise<Answer> {
  const { method = "GET", headers = {}, body, trailers } = ask;
  return new Promise((resolve, reject) => {
    const options = { host: ip, port, method, path, headers: { host: "web", ...headers }, agent: new Agent() };
    const req = request(options, (res) => {
      const chunks: Buffer[] = [];
      const done = (broken: boolean): void => {
        const { statusCode: status = 0, headers: got } = res;
        resolve({ status, headers: got, trailers: { ...res.trailers }, body: Buffer.concat(chunks), broken });
      };
      res.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        ask.onData?.();
      });
      res.on("end", () => done(false));
      res.on("error", () => done(true));
    });
    req.on("error", reject);
    if (trailers !== undefined) {
      req.write("");
      req.addTrailers(trailers);
    }
    req.end(body);
  });
}

async function askHttp2(
  to: Target,
  path: string,
  { method = "GET", headers, body, trailers, onData }: Ask,
): Promise<Answer> {
  const client = await H2Client.connect(to);
  clients.push(client);
  const sent = { ":method": method, ":path": path, ...headers };
  const hasBody = body !== undefined || trailers !== undefined;
  const stream = client.open(sent, { endStream: !hasBody, waitForTrailers: trailers !== undefined });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers ?? {}));
  stream.on("data", () => onData?.());
  if (hasBody) stream.end(body ?? "");
  const { rstCode, ...answer } = await answerOf(stream);
  return { ...answer, trailers: answer.trailers ?? {}, broken: rstCode !== 0 };
}

let asked = 0;
/** A path that nobody else asks for. */
const fresh = (path: string): string => `${path}?${++asked}`;

describe.each([
  ["HTTP/1.1", "http-to-1"],
  ["HTTP/2", "http-to-1"],
  ["HTTP/1.1", "http-to-2"],
  ["HTTP/2", "http-to-2"],
  ["HTTP/1.1", "h2-to-1"],
  ["HTTP/2", "h2-to-1"],
  ["HTTP/1.1", "h2-to-2"],
  ["HTTP/2", "h2-to-2"],
])("a client of %s, through the router %s", (version, label) => {
  const out = label.endsWith("1") ? "1.1" : "2";
  const ask = (path: string, asks: Ask = {}): Promise<Answer> =>
    (version === "HTTP/2" ? askHttp2 : askHttp1)(proxy.at(label), path, asks);

  it("reaches a backend of the version that the router speaks, with its headers", async () => {
    const path = fresh("/");
    const { status, body, headers } = await ask(path, { headers: { "X-One": "1", Cookie: "a=1; b=2" } });
    expect([status, body.toString(), headers["content-length"]]).toEqual([200, "ok", "2"]);
    const { version: spoken, headers: got } = reached.get(path) as Reached;
    expect([spoken, got["x-one"], got["cookie"]]).toEqual([out, "1", "a=1; b=2"]);
    expect(out === "2" ? got[":authority"] : got["host"]).toBe("web");
    for (const name of ["connection", "upgrade", "http2-settings", "transfer-encoding", "te"])
      expect(got[name]).toBeUndefined();
  });

  it.each(["204", "304"])("is answered with %s and no body", async (status) => {
    const { body, broken, ...answer } = await ask(fresh(`/${status}`));
    expect([String(answer.status), answer.headers["etag"], body.length, broken]).toEqual([status, '"x"', 0, false]);
  });

  it("is told by HEAD of a length that does not come", async () => {
    const { status, headers, body } = await ask(fresh("/"), { method: "HEAD" });
    expect([status, headers["content-length"], body.length]).toEqual([200, "2", 0]);
  });

  it("sends trailers, and gets them with cookies that stay apart", async () => {
    const path = fresh("/trailers");
    const { trailers, headers, body } = await ask(path, {
      method: "POST",
      headers: version === "HTTP/2" ? {} : { Trailer: "X-Check" },
      trailers: { "x-check": "7" },
    });
    expect(body.toString()).toBe("body");
    expect(trailers).toMatchObject({ "x-sum": "42" });
    expect(headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    for (const name of ["connection", "x-hop", "keep-alive"]) {
      if (version === "HTTP/2") expect(headers[name]).toBeUndefined();
    }
    expect(headers["x-hop"]).toBeUndefined();
    expect(reached.get(path)?.trailers).toMatchObject({ "x-check": "7" });
  });

  it("has the trailers that are announced beside a length, both ways", async () => {
    const path = fresh("/sum");
    const { trailers, headers, body } = await ask(path, {
      method: "POST",
      headers:
        version === "HTTP/2"
          ? { "content-length": "7", trailer: "x-check", te: "trailers" }
          : { Trailer: "x-check", TE: "trailers", Connection: "TE, close" },
      body: Buffer.from("content"),
      trailers: { "x-check": "7" },
    });
    expect([body.toString(), headers["trailer"]?.toLowerCase()]).toEqual(["body", "x-sum"]);
    expect(trailers).toMatchObject({ "x-sum": "42" });
    const { body: sent, trailers: behind, headers: got } = reached.get(path) as Reached;
    expect([sent, got["trailer"]]).toEqual(["content", "x-check"]);
    expect(behind).toMatchObject({ "x-check": "7" });
    if (version === "HTTP/2" && out === "2") expect(got["content-length"]).toBe("7");
  });

  it("sends and gets 8 MB unchanged", async () => {
    const path = fresh("/big");
    const { body, broken } = await ask(path, { method: "POST", body: content });
    expect([broken, body.length, sumOf(body)]).toEqual([false, big, sumOf(content)]);
    expect(reached.get(path)?.body).toBe(sumOf(content));
  });

  it("sees that a response which breaks off is not whole", async () => {
    const path = fresh("/break");
    const { status, body, broken } = await ask(path, { onData: () => reached.get(path)?.breakOff?.() });
    expect([status, body.toString(), broken]).toEqual([200, "begun", true]);
  });

  it("B34: takes its request back from the backend when it leaves", async () => {
    const path = fresh("/hang");
    let leave: () => void;
    if (version === "HTTP/2") {
      const client = await H2Client.connect(proxy.at(label));
      clients.push(client);
      const stream = client.open({ ":path": path });
      void answerOf(stream);
      leave = () => stream.close(Rst.cancel);
    } else {
      const { ip, port } = proxy.at(label);
      const socket = connect(port, ip);
      socket.on("error", () => {});
      socket.write(`GET ${path} HTTP/1.1\r\nHost: web\r\n\r\n`);
      leave = () => socket.resetAndDestroy();
    }
    await until(() => reached.has(path), "the backend has the request");
    leave();
    await until(() => reached.get(path)?.reset !== undefined, "the backend is told");
    expect(reached.get(path)?.reset).toBe(Rst.cancel);
  });
});

describe.each([
  ["HTTP/1.1", "http-to-1"],
  ["HTTP/2", "http-to-1"],
  ["HTTP/1.1", "http-to-2"],
  ["HTTP/2", "http-to-2"],
])("a WebSocket of %s, through the router %s", (version, label) => {
  it("is one to the backend, in the way of its version, and brings bytes both ways", async () => {
    const path = fresh("/socket");
    let heard = "";
    if (version === "HTTP/2") {
      const client = await H2Client.connect(proxy.at(label));
      clients.push(client);
      const stream = client.open({ ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http", ":path": path });
      stream.on("data", (bytes: Buffer) => {
        heard += bytes.toString();
      });
      const status = new Promise((resolve) => stream.once("response", (headers) => resolve(headers[":status"])));
      stream.write("one ");
      expect(await status).toBe(200);
      stream.write("two");
      await until(() => heard === "one two", "the echo");
      stream.close(Rst.cancel);
    } else {
      const { ip, port } = proxy.at(label);
      const socket = connect(port, ip);
      socket.on("error", () => {});
      socket.on("data", (bytes: Buffer) => {
        heard += bytes.toString();
      });
      const key = Buffer.alloc(16, "k").toString("base64");
      const asks = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n`;
      socket.write(`GET ${path} HTTP/1.1\r\nHost: web\r\n${asks}\r\n`);
      await until(() => heard.endsWith("\r\n\r\n"), "the head");
      expect(heard).toMatch(/^HTTP\/1.1 101 /);
      expect(/^sec-websocket-accept: (.*)\r$/im.exec(heard)?.[1]).toBe(
        createHash("sha1")
          .update(key + magic)
          .digest("base64"),
      );
      socket.write("one two");
      await until(() => heard.endsWith("one two"), "the echo");
      socket.destroy();
    }
    const { version: spoken, headers } = reached.get(path) as Reached;
    if (label.endsWith("1")) expect([spoken, headers["upgrade"]]).toEqual(["1.1", "websocket"]);
    else expect([spoken, headers[":method"], headers[":protocol"]]).toEqual(["2", "CONNECT", "websocket"]);
  });
});

/** Sends bytes and gives what came when it is enough, in latin1. */
async function rawly({ ip, port }: Target, sent: string, enough: (text: string) => boolean): Promise<string> {
  const socket = connect(port, ip);
  let text = "";
  let closed = false;
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
  });
  socket.write(Buffer.from(sent, "latin1"));
  await until(() => enough(text) || closed, "the answer");
  socket.destroy();
  return text;
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const upgrade =
  "GET /up HTTP/1.1\r\nHost: web\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n";
/** DATA of stream 1 that says `ok`, whether it ends the stream or not. */
const hasOk = (text: string): boolean =>
  ["\0", "\x01"].some((flags) => text.includes(`\0\0\x02\0${flags}\0\0\0\x01ok`));
const endsWith =
  (end: string) =>
  (text: string): boolean =>
    text.endsWith(end);

describe("what a port takes where nothing is said", () => {
  it("is HTTP/1.1 alone of an http router, which leaves an upgrade unanswered", async () => {
    expect(await rawly(proxy.at("http"), preface, endsWith("\r\n\r\n"))).toMatch(/^HTTP\/1.1 400 /);
    expect(await rawly(proxy.at("http"), upgrade, endsWith("ok"))).toMatch(/^HTTP\/1.1 200 /);
    expect(reached.get("/up")?.headers["upgrade"]).toBeUndefined();
  });

  it("is HTTP/2 of an h2 router, and the upgrade to it", async () => {
    const { status, body } = await askHttp2(proxy.at("h2"), fresh("/"), {});
    expect([status, body.toString()]).toEqual([200, "ok"]);
    expect(await rawly(proxy.at("h2"), "GET / HTTP/1.1\r\nHost: web\r\n\r\n", endsWith("\r\n\r\n"))).toMatch(
      /^HTTP\/1.1 426 /,
    );
    const switched = await rawly(proxy.at("h2"), upgrade + preface, hasOk);
    expect(switched).toMatch(/^HTTP\/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n/);
    expect(hasOk(switched)).toBe(true);
  });
});

describe("a port that takes both", () => {
  it("takes up an upgrade, whatever its router speaks behind it", async () => {
    for (const label of ["http-to-1", "http-to-2"]) {
      const text = await rawly(proxy.at(label), upgrade + preface, hasOk);
      expect(text).toMatch(/^HTTP\/1.1 101 /);
      expect(hasOk(text)).toBe(true);
    }
    expect(await rawly(proxy.at("h2-to-2"), upgrade, endsWith("ok"))).toMatch(/^HTTP\/1.1 200 /);
  });

  it("counts the connections of both in the metrics of the server", async () => {
    const { ip } = proxy.at("http-to-1");
    const name = `rt/http-to-1/server/${ip}/0/connects`;
    const before = (await proxy.metrics())[name] ?? 0;
    await askHttp1(proxy.at("http-to-1"), fresh("/"), {});
    await askHttp2(proxy.at("http-to-1"), fresh("/"), {});
    await proxy.metricsWhen((metrics) => metrics[name] === before + 2);
  });

  it("has the client choose within TLS", async () => {
    const chosen = async (label: string, ALPNProtocols: string[]): Promise<string | false | null> => {
      const { ip, port } = proxy.at(label);
      const socket = connectTls({ host: ip, port, ALPNProtocols, rejectUnauthorized: false });
      return new Promise((resolve) => {
        socket.on("secureConnect", () => {
          resolve(socket.alpnProtocol);
          socket.destroy();
        });
        socket.on("error", () => resolve(null));
      });
    };
    expect(await chosen("secure", ["http/1.1", "h2"])).toBe("h2");
    expect(await chosen("secure", ["http/1.1"])).toBe("http/1.1");
    expect(await chosen("secure-http", ["http/1.1", "h2"])).toBe("http/1.1");
    expect(await chosen("secure-http", ["h2"])).toBeNull();
    const client = await H2Client.connect(proxy.at("secure"), { rejectUnauthorized: false }, "https");
    clients.push(client);
    const { status, body } = await client.ask({ ":path": fresh("/") });
    expect([status, body.toString()]).toEqual([200, "ok"]);
  });
});
