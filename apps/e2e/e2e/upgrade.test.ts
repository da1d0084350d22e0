import { createHash } from "node:crypto";
import { connect } from "node:net";
import { type RawAnswer, RawBackend, type RawRequest } from "@weftmesh/testkit";
import { CertificateAuthority } from "@weftmesh/testkit/certificates";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { H2Backend, H2Client, Rst } from "../src/h2.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { ask, type Target } from "../src/raw-http.ts";
import { until } from "../src/until.ts";

/** HTTP/1.1 in, one connection of HTTP/2 between two proxies that know of each other, HTTP/1.1 out. */

const dir = new TempDir();
const big = "0123456789abcdef".repeat(250_000);

/** What is answered, by the path without its query; anything else is answered with `ok`. */
const answers: Readonly<Record<string, string>> = {
  "/chunked":
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\nX-Sum: 1\r\n\r\n",
  "/no-chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "/old": "HTTP/1.0 200 OK\r\nX-Two: a\r\nX-Two: b\r\n\r\nold",
  "/204": "HTTP/1.1 204 No Content\r\nX-One: 1\r\n\r\n",
  "/304": 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 7\r\n\r\n',
  "/500": "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 3\r\n\r\nbad",
  "/none": "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n",
  "/continue": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nmade",
  "/close": "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
  "/liar": "HTTP/1.1 200 OK\r\nl5d-orig-proto: HTTP/1.0\r\nContent-Length: 2\r\n\r\nok",
  "/head": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
  "/head-chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  "/many-headers": `HTTP/1.1 200 OK\r\n${Array.from({ length: 400 }, (_, i) => `a${i}: b\r\n`).join("")}Content-Length: 2\r\n\r\nok`,
  "/big": `HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n${big}`,
};

/** What a server of HTTP/2 has refused already. */
const refused = new Set<string>();

/** Requests that wait for the test to answer them. */
const waiting: (() => void)[] = [];

const answer: RawAnswer = (req, socket) => {
  const path = pathOf(req);
  if (path === "/socket") {
    const key = req.headers.find(([name]) => name.toLowerCase() === "sec-websocket-key")?.[1];
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    socket.write(`${head}Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.removeAllListeners("data");
    socket.pipe(socket);
    return undefined;
  }
  if (path === "/break") {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
    waiting.push(() => socket.destroy());
    return undefined;
  }
  if (path === "/wait") {
    waiting.push(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nwaited"));
    return undefined;
  }
  return answers[path] ?? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-One: 1\r\n\r\nok";
};

const pathOf = ({ line }: RawRequest): string => (line.split(" ")[1] as string).split("?")[0] as string;

let backend: RawBackend;
let stray: H2Backend;
let far: RunningProxy;
let near: RunningProxy;

const router = (label: string, ip: string, dtab: string, more: string): string =>
  `- { protocol: http, label: ${label}, dtab: "${dtab}", tunnels: { upgrade: [websocket] }, servers: [{ port: 0, ip: ${ip}${
    label === "far" ? ", protocols: [http1, h2]" : ""
  } }]${more} }\n`;

beforeAll(async () => {
  backend = await RawBackend.start(answer);
  stray = await H2Backend.start((stream, headers) => {
    if ((headers[":path"] as string).startsWith("/refuse-once") && !refused.has(headers[":path"] as string)) {
      refused.add(headers[":path"] as string);
      stream.close(Rst.refused);
      return;
    }
    const code = Number(/^\/reset-(\d+)/.exec(headers[":path"] as string)?.[1] ?? 0);
    if (code !== 0) stream.close(code);
    else stream.respond({ ":status": 200, "l5d-orig-proto": "HTTP/1.0", "x-one": "1" }, { endStream: true });
  });
  far = await RunningProxy.start(
    `admin: { port: 0 }\nrouters:\n${router("far", "127.0.0.1", `/svc/* => /$/inet/127.1/${backend.port}`, "")}`,
  );
  const { port } = far.at("far");
  dir.write("hinted", `127.0.0.1 ${port} protocolHint=h2\n`);
  dir.write("plain", `127.0.0.1 ${port}\n`);
  near = await RunningProxy.start(
    `admin: { port: 0 }
namers:
- { kind: io.l5d.fs, rootDir: ${dir.path} }
- { kind: dev.weftmesh.static, prefix: /known, names: { web: [{ host: 127.0.0.1, port: ${port}, protocolHint: h2 }] } }
routers:
${[
  router("plain", "127.0.0.2", `/svc/* => /$/inet/127.1/${port}`, ""),
  router("upgrade", "127.0.0.3", `/svc/* => /$/inet/127.1/${port}`, ", client: { protocol: upgrade }"),
  router("hint", "127.0.0.4", "/svc/* => /#/io.l5d.fs/hinted", ""),
  router("no-hint", "127.0.0.5", "/svc/* => /#/io.l5d.fs/plain", ""),
  router("static", "127.0.0.6", "/svc/* => /#/known/web", ""),
  router("not-asked", "127.0.0.7", "/svc/* => /#/io.l5d.fs/hinted", ", client: { protocol: http1 }"),
  router("translated", "127.0.0.9", `/svc/* => /$/inet/127.1/${port}`, ", client: { protocol: h2 }"),
  router("stray", "127.0.0.8", `/svc/* => /$/inet/127.1/${stray.port}`, ", client: { protocol: upgrade }"),
].join("")}`,
  );
}, 60_000);

afterAll(async () => {
  await near?.stop();
  await far?.stop();
  await stray?.stop();
  await backend?.stop();
  dir.remove();
});

/** Sends bytes as they are and gives what comes back, once it is over. */
async function rawly({ ip, port }: Target, text: string): Promise<string> {
  const socket = connect(port, ip);
  const heard: Buffer[] = [];
  let closed = false;
  socket.on("data", (bytes: Buffer) => heard.push(bytes));
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
  });
  socket.write(text, "latin1");
  await until(() => closed, "the end of the connection");
  return Buffer.concat(heard).toString("latin1");
}

const ofTheWay = /^(l5d-reqid|l5d-ctx-trace|l5d-ctx-deadline|x-b3-.*|date|host)$/;

/** Without what is new for each request; names in lower case, and `Host`, which may move, apart. */
function seen({ line, headers, body }: RawRequest): unknown {
  const lower = headers.map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  return {
    line,
    host: lower.filter(([name]) => name === "host"),
    headers: lower.filter(([name]) => !ofTheWay.test(name)),
    body: joined(body),
  };
}

/** Chunks may be cut anywhere, and the case of names does not survive: of trailers, and of a second answer. */
const joined = (body: string): string =>
  unchunked(body).replaceAll(/^(?:\d\|)?[\w-]+:/gm, (name) => name.toLowerCase());
const unchunked = (body: string): string =>
  /^[0-9a-f]+\r\n/.test(body) ? `chunked|${body.replaceAll(/(^|\r\n)[1-9a-f][0-9a-f]*\r\n/g, "")}` : body;

function heardOf(text: string): unknown {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [status, ...lines] = head.split("\r\n");
  const headers = lines.map((each) => each.replace(/^[^:]*/, (name) => name.toLowerCase()));
  return { status, headers: headers.filter((each) => !/^date:/.test(each)), body: joined(rest.join("\r\n\r\n")) };
}

const close = "Connection: close\r\n";
const chunks = "3\r\nabc\r\n1\r\nd\r\n0\r\n";

describe("a request between two proxies", () => {
  it.each([
    ["GET", `GET /a?b=c HTTP/1.1\r\nHost: web\r\nX-One: 1\r\nx-two: a\r\nX-TWO: b\r\nCookie: a=1; b=2\r\n${close}\r\n`],
    ["more than one Cookie", `GET /a HTTP/1.1\r\nHost: web\r\nCookie: a=1\r\nCookie: b=2\r\n${close}\r\n`],
    ["HTTP/1.0", "GET /chunked HTTP/1.0\r\nHost: web\r\n\r\n"],
    [
      "HTTP/1.0 with keep-alive",
      `GET /a HTTP/1.0\r\nHost: web\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\nHost: web\r\n\r\n`,
    ],
    ["absolute form", `GET http://web/abs?x HTTP/1.1\r\nHost: other\r\n${close}\r\n`],
    ["HEAD", `HEAD /head HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["HEAD of chunks", `HEAD /head-chunked HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["a body with a length", `POST /a HTTP/1.1\r\nHost: web\r\nContent-Length: 3\r\n${close}\r\nabc`],
    ["a body of HTTP/1.0", `POST /a HTTP/1.0\r\nHost: web\r\nContent-Length: 3\r\n\r\nabc`],
    ["a body of no bytes", `POST /a HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n${close}\r\n`],
    ["GET with a body of no bytes", `GET /a HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n${close}\r\n`],
    ["POST without a body", `POST /a HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["chunks", `POST /a HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n${close}\r\n${chunks}\r\n`],
    [
      "a body that waits for leave",
      `POST /a HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 3\r\n${close}\r\nabc`,
    ],
    ["no chunks", `POST /a HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n${close}\r\n0\r\n\r\n`],
    ["GET with no chunks", `GET /a HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n${close}\r\n0\r\n\r\n`],
    [
      "trailers",
      `POST /a HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n${close}\r\n${chunks}X-Sum: 7\r\n\r\n`,
    ],
    ["an answer with trailers", `GET /chunked HTTP/1.1\r\nHost: web\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n`],
    ["an answer of no chunks", `GET /no-chunks HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["an answer of HTTP/1.0", `GET /old HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["an answer of many headers", `GET /many-headers HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["204", `GET /204 HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["304", `GET /304 HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["500", `GET /500 HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["an answer of no bytes", `GET /none HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["100 before the answer", `GET /continue HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["an answer that closes", `GET /close HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["a method of one's own", `PURGE /a HTTP/1.1\r\nHost: web:8080\r\n${close}\r\n`],
    ["OPTIONS *", `OPTIONS * HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["bytes beyond ASCII", `GET /a HTTP/1.1\r\nHost: web\r\nX-One: \xe4\xf6\xfc\r\nX-Empty:\r\n${close}\r\n`],
    [
      "headers for one hop",
      `GET /a HTTP/1.1\r\nHost: web\r\nX-Hop: 1\r\nConnection: x-hop, close\r\nProxy-Connection: x\r\n\r\n`,
    ],
    ["4 MB", `POST /big HTTP/1.1\r\nHost: web\r\nContent-Length: ${big.length}\r\n${close}\r\n${big}`],
  ])("that goes upgraded is told from one that does not by nobody: %s", async (_what, text) => {
    const before = backend.received.length;
    const plain = await rawly(near.at("plain"), text);
    const asked = backend.received.length - before;
    const upgraded = await rawly(near.at("upgrade"), text);
    expect(heardOf(upgraded)).toEqual(heardOf(plain));
    const all = backend.received.slice(before).map(seen);
    expect(asked).toBeGreaterThan(0);
    expect(all.slice(asked)).toEqual(all.slice(0, asked));
    expect(`${upgraded}${JSON.stringify(all)}`).not.toMatch(/orig-proto/i);
  });
});

/** `connects` of the only client of a router. */
const connectsOf = (metrics: Readonly<Record<string, number>>, label: string): number | undefined =>
  Object.entries(metrics).find(([name]) => name.startsWith(`rt/${label}/client/`) && name.endsWith("/connects"))?.[1];

const countOf = (metrics: Readonly<Record<string, number>>, label: string, name: string): number | undefined =>
  Object.entries(metrics).find(([each]) => each.startsWith(`rt/${label}/client/`) && each.endsWith(name))?.[1];

/** What comes back of "one two", while another request is answered. */
async function webSocketThrough(to: Target): Promise<string> {
  const socket = connect(to.port, to.ip);
  let heard = "";
  socket.on("data", (bytes: Buffer) => {
    heard += bytes.toString("latin1");
  });
  const asks = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a2V5\r\n";
  socket.write(`GET /socket HTTP/1.1\r\nHost: web\r\n${asks}\r\n`);
  await until(() => heard.endsWith("\r\n\r\n"), "the head");
  expect(heard).toMatch(/^HTTP\/1.1 101 /);
  const head = heard.length;
  socket.write("one ");
  expect((await ask({ to, path: "/a" })).body).toBe("ok");
  socket.write("two");
  await until(() => heard.length >= head + 7, "the echo");
  socket.destroy();
  return heard.slice(head);
}

describe("between two proxies", () => {
  it.each(["upgrade", "hint", "static"])("one connection carries all requests at once: %s", async (label) => {
    const beforeMetrics = await near.metrics();
    const before = countOf(beforeMetrics, label, "/upgrade/requests") ?? 0;
    const all = Array.from({ length: 60 }, () => ask({ to: near.at(label), path: "/wait" }));
    await until(() => waiting.length === 60, "60 requests at the backend");
    for (const go of waiting.splice(0)) go();
    expect((await Promise.all(all)).map(({ status, body }) => `${status} ${body}`)).toEqual(
      Array(60).fill("200 waited"),
    );
    const metrics = await near.metricsWhen((found) => countOf(found, label, "/upgrade/requests") === before + 60);
    expect(connectsOf(metrics, label)).toBe(1);
  });

  it.each(["plain", "no-hint", "not-asked"])(
    "HTTP/1.1 is spoken to an endpoint of which nothing is known: %s",
    async (label) => {
      const all = Array.from({ length: 5 }, () => ask({ to: near.at(label), path: "/wait" }));
      await until(() => waiting.length === 5, "5 requests at the backend");
      for (const go of waiting.splice(0)) go();
      await Promise.all(all);
      const metrics = await near.metrics();
      expect(connectsOf(metrics, label)).toBeGreaterThanOrEqual(5);
      expect(countOf(metrics, label, "/upgrade/requests")).toBeUndefined();
    },
  );

  it("changes to one connection when a file says that the endpoint takes it, without losing a request", async () => {
    const port = far.at("far").port;
    dir.write("plain", `127.0.0.1 ${port} * 1.0 protocolHint=h2\n`);
    await until(async () => {
      expect((await ask({ to: near.at("no-hint"), path: "/a" })).body).toBe("ok");
      return (countOf(await near.metrics(), "no-hint", "/upgrade/requests") ?? 0) > 0;
    }, "an upgraded request");
  });

  it("a WebSocket goes by HTTP/1.1 beside it", async () => {
    const before = countOf(await near.metrics(), "upgrade", "/upgrade/http1_requests") ?? 0;
    expect(await webSocketThrough(near.at("upgrade"))).toBe("one two");
    expect(countOf(await near.metrics(), "upgrade", "/upgrade/http1_requests")).toBe(before + 1);
    const asked = backend.received.find((req) => pathOf(req) === "/socket");
    expect(JSON.stringify(asked)).not.toMatch(/orig-proto/i);
  });

  it("headers that are longer for HTTP/2 than for HTTP/1.1 go by HTTP/1.1", async () => {
    const many = Array.from({ length: 400 }, (_, i) => `a${i}: b\r\n`).join("");
    const text = `GET /many HTTP/1.1\r\nHost: web\r\n${many}${close}\r\n`;
    const plain = await rawly(near.at("plain"), text);
    const upgraded = await rawly(near.at("upgrade"), text);
    expect(plain).toMatch(/^HTTP\/1.1 200 /);
    expect(heardOf(upgraded)).toEqual(heardOf(plain));
    const [first, second] = backend.received.filter((req) => pathOf(req) === "/many").map(seen);
    expect(second).toEqual(first);
  });

  it("an answer that breaks off does so for the caller", async () => {
    const { ip, port } = near.at("upgrade");
    const text = rawly({ ip, port }, `GET /break HTTP/1.1\r\nHost: web\r\n\r\n`);
    await until(() => waiting.length === 1, "the request at the backend");
    waiting.splice(0)[0]?.();
    expect(await text).toMatch(/\r\n\r\nbegun$/);
  });

  it("callers that leave cost nobody else the connection", async () => {
    const { ip, port } = near.at("upgrade");
    await ask({ to: near.at("upgrade"), path: "/a" });
    const before = connectsOf(await near.metrics(), "upgrade");
    let answered = 0;
    for (let round = 0; round < 20; round++) {
      const sockets = Array.from({ length: 20 }, () => connect(port, ip));
      for (const socket of sockets) {
        socket.on("error", () => {});
        socket.write("GET /wait HTTP/1.1\r\nHost: web\r\n\r\n");
      }
      await until(() => waiting.length === 20, "their requests at the backend");
      waiting.length = 0;
      for (const socket of sockets) socket.resetAndDestroy();
      const others = Array.from({ length: 30 }, () => ask({ to: near.at("upgrade"), path: "/a" }));
      for (const { body } of await Promise.all(others)) answered += body === "ok" ? 1 : 0;
    }
    expect(answered).toBe(600);
    expect(connectsOf(await near.metrics(), "upgrade")).toBe(before);
  });

  it("a slow reader holds up nobody else, and gets all of it", async () => {
    const { ip, port } = near.at("upgrade");
    const socket = connect(port, ip);
    socket.pause();
    socket.write(`GET /big HTTP/1.1\r\nHost: web\r\n${close}\r\n`);
    const before = backend.received.filter((req) => pathOf(req) === "/big").length;
    await until(() => backend.received.filter((req) => pathOf(req) === "/big").length > before - 1, "the request");
    for (let i = 0; i < 20; i++) expect((await ask({ to: near.at("upgrade"), path: "/a" })).body).toBe("ok");
    let length = 0;
    socket.on("data", (bytes: Buffer) => {
      length += bytes.length;
    });
    socket.resume();
    await until(() => socket.closed, "the end of the answer");
    expect(length).toBeGreaterThan(big.length);
  });
});

describe("the header by which proxies know", () => {
  it("is not believed of a caller of HTTP/1.1, nor passed on", async () => {
    for (const label of ["plain", "upgrade", "translated"]) {
      const text = `GET /claims?${label} HTTP/1.1\r\nHost: web\r\nl5d-orig-proto: HTTP/1.0; absolute-form\r\n${close}\r\n`;
      const heard = await rawly(near.at(label), text);
      expect(heard).toMatch(/\r\n\r\nok$/);
      expect(heard).not.toMatch(/orig-proto/i);
      const [asked] = backend.received.filter((req) => req.line.includes(`/claims?${label}`));
      expect(asked?.line).toMatch(/^GET \/claims\?\w+ HTTP\/1\.1$/);
      expect(JSON.stringify(asked)).not.toMatch(/orig-proto/i);
    }
  });

  it("is not passed on from a backend that says it", async () => {
    const text = await rawly(near.at("upgrade"), `GET /liar HTTP/1.1\r\nHost: web\r\n${close}\r\n`);
    expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(text).not.toMatch(/orig-proto/i);
  });

  it.each([
    ["HTTP/1.1", "HTTP/1.1"],
    ["HTTP/1.0", "HTTP/1.1"],
    ["HTTP/1.1; absolute-form", "HTTP/1.1"],
    ["HTTP/1.0; absolute-form", "HTTP/1.1"],
  ])("is answered by what the backend spoke: %s", async (said, spoken) => {
    const client = await H2Client.connect(far.at("far"));
    const answer = await client.ask({ ":path": `/a?said=${encodeURIComponent(said)}`, "l5d-orig-proto": said });
    expect([answer.status, answer.headers["l5d-orig-proto"]]).toEqual([200, spoken]);
    const old = await client.ask({ ":path": "/old", "l5d-orig-proto": said });
    expect(old.headers["l5d-orig-proto"]).toBe("HTTP/1.0");
    client.close();
    expect(backend.received.some((req) => /orig-proto/i.test(JSON.stringify(req.headers)))).toBe(false);
  });

  it.each(["HTTP/2", "http/1.1", "HTTP/1.1;absolute-form", "HTTP/1.1, HTTP/1.0", "HTTP/1.15", ""])(
    "is of no account when it says anything else: %j",
    async (said) => {
      const client = await H2Client.connect(far.at("far"));
      const answer = await client.ask({ ":path": "/a?else", "l5d-orig-proto": said });
      expect([answer.status, answer.headers["l5d-orig-proto"]]).toEqual([200, undefined]);
      client.close();
      expect(backend.received.some((req) => /orig-proto/i.test(JSON.stringify(req.headers)))).toBe(false);
    },
  );

  it("comes to a server that knows it with the version, and is taken off its answer", async () => {
    stray.received.length = 0;
    for (const version of ["1.1", "1.0"]) {
      const text = await rawly(near.at("stray"), `GET /a HTTP/${version}\r\nHost: web\r\n${close}\r\n`);
      expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n/);
      expect(text).not.toMatch(/orig-proto/i);
    }
    await rawly(near.at("stray"), `GET http://web/a HTTP/1.1\r\nHost: web\r\n${close}\r\n`);
    expect(stray.received.map((headers) => headers["l5d-orig-proto"])).toEqual([
      "HTTP/1.1",
      "HTTP/1.0",
      "HTTP/1.1; absolute-form",
    ]);
    for (const headers of stray.received)
      for (const name of ["host", "connection", "transfer-encoding", "te"]) expect(headers[name]).toBeUndefined();
  });

  it("does not go with a request that came by HTTP/2", async () => {
    const both = await RunningProxy.start(
      `admin: { port: 0 }\nrouters:\n- { protocol: http, dtab: "/svc/* => /$/inet/127.1/${stray.port}", servers: [{ port: 0, protocols: [http1, h2] }], client: { protocol: upgrade } }\n`,
    );
    const client = await H2Client.connect(both.at());
    stray.received.length = 0;
    const { status } = await client.ask({ ":path": "/a" });
    expect([status, stray.received[0]?.["l5d-orig-proto"]]).toEqual([200, undefined]);
    client.close();
    await both.stop();
  });
});

describe("a stream that is reset", () => {
  it.each([2, 8, 11])("with code %i is 502 to a caller of HTTP/1.1", async (code) => {
    const { status, headers } = await ask({ to: near.at("stray"), path: `/reset-${code}`, method: "POST" });
    expect(status).toBe(502);
    expect(headers["l5d-err"]).toMatch(/reset|stream/i);
  });
});

describe("an h2 router behind an upgrade", () => {
  it("takes requests as those of HTTP/1.1, and answers those that fail as it answers them", async () => {
    let next = 1;
    const to = (label: string, port: number, more = ""): string =>
      `- { protocol: h2, label: ${label}, dtab: "/svc/* => /$/inet/127.1/${port}", servers: [{ port: 0, ip: 127.0.0.${next++}, protocols: [h2, http1] }], client: { protocol: http1${more} } }\n`;
    const inner = await RunningProxy.start(
      `admin: { port: 0 }\nrouters:\n${to("good", backend.port)}${to("slow", backend.port, ", requestAttemptTimeoutMs: 200")}`,
    );
    const routers = ["good", "slow"].flatMap((label) =>
      ["http1", "upgrade"].map((protocol) =>
        router(
          `${label}-${protocol}`,
          `127.0.0.${next++}`,
          `/svc/* => /$/inet/${inner.at(label).ip}/${inner.at(label).port}`,
          `, client: { protocol: ${protocol} }`,
        ),
      ),
    );
    const outer = await RunningProxy.start(`admin: { port: 0 }\nrouters:\n${routers.join("")}`);
    for (const [label, path] of [
      ["good", "/a"],
      ["good", "/chunked"],
      ["slow", "/wait"],
    ] as const) {
      const text = `GET ${path} HTTP/1.1\r\nHost: web\r\n${close}\r\n`;
      const before = backend.received.length;
      const direct = heardOf(await rawly(outer.at(`${label}-http1`), text));
      expect(heardOf(await rawly(outer.at(`${label}-upgrade`), text))).toEqual(direct);
      const [first, second] = backend.received.slice(before).map(seen);
      expect(second).toEqual(first);
    }
    waiting.length = 0;
    await outer.stop();
    await inner.stop();
  });
});

describe("between two proxies with TLS", () => {
  it("one port takes what is upgraded and what is not, each by its ALPN", async () => {
    const pair = await (await CertificateAuthority.create()).issue({ dns: ["linkerd"] });
    const tls = `tls: { certPath: ${dir.write("own.pem", pair.cert)}, keyPath: ${dir.write("own.key", pair.key)} }`;
    const inner = await RunningProxy.start(
      `admin: { port: 0 }\nrouters:\n- { protocol: http, dtab: "/svc/* => /$/inet/127.1/${backend.port}", tunnels: { upgrade: [websocket] }, servers: [{ port: 0, protocols: [http1, h2], ${tls} }] }\n`,
    );
    const outer = await RunningProxy.start(
      `admin: { port: 0 }\nrouters:\n${router("out", "127.0.0.1", `/svc/* => /$/inet/127.1/${inner.at().port}`, ", client: { protocol: upgrade, tls: { disableValidation: true } }")}`,
    );
    expect(await webSocketThrough(outer.at("out"))).toBe("one two");
    const all = Array.from({ length: 20 }, () => ask({ to: outer.at("out"), path: "/a" }));
    expect((await Promise.all(all)).map(({ body }) => body)).toEqual(Array(20).fill("ok"));
    // One of each.
    expect(connectsOf(await outer.metrics(), "out")).toBe(2);
    await outer.stop();
    await inner.stop();
  });
});

describe("a stream that is refused", () => {
  it.each(["GET", "POST"])("is opened again, upgraded as before: %s", async (method) => {
    stray.received.length = 0;
    const { status, headers } = await ask({ to: near.at("stray"), path: `/refuse-once?${method}`, method });
    expect([status, headers["x-one"]]).toEqual([200, "1"]);
    expect(stray.received.map((each) => each["l5d-orig-proto"])).toEqual(["HTTP/1.1", "HTTP/1.1"]);
  });
});

describe("a proxy that goes", () => {
  it("loses no request that runs, nor one that comes meanwhile", async () => {
    const leaving = await RunningProxy.start(
      `admin: { port: 0 }\nrouters:\n${router("far", "127.0.0.1", `/svc/* => /$/inet/127.1/${backend.port}`, "")}`,
    );
    const staying = far.at("far").port;
    const going = leaving.at("far").port;
    const names = `web: [{ host: 127.0.0.1, port: ${going}, protocolHint: h2 }, { host: 127.0.0.1, port: ${staying}, protocolHint: h2 }]`;
    const front = await RunningProxy.start(
      `admin: { port: 0 }
namers:
- { kind: dev.weftmesh.static, prefix: /two, names: { ${names} } }
routers:
${router("front", "127.0.0.1", "/svc/* => /#/two/web", "")}`,
    );
    const running = Array.from({ length: 40 }, () => ask({ to: front.at("front"), path: "/wait" }));
    await until(() => waiting.length === 40, "40 requests at the backend");
    const ended = leaving.program.stop();
    const statuses: number[] = [];
    const load = (async () => {
      while (leaving.program.running) statuses.push((await ask({ to: front.at("front"), path: "/a" })).status);
    })();
    await until(() => statuses.length > 20, "requests while it goes");
    for (const go of waiting.splice(0)) go();
    expect((await Promise.all(running)).map(({ status, body }) => `${status} ${body}`)).toEqual(
      Array(40).fill("200 waited"),
    );
    await ended;
    await load;
    expect(new Set(statuses)).toEqual(new Set([200]));
    await front.stop();
  });
});
