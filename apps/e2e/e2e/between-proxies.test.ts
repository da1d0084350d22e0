import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunningProxy } from "../src/proxy.ts";
import { ask } from "../src/raw-http.ts";
import { until } from "../src/until.ts";

/** HTTP/1.1 in, HTTP/2 between two of our proxies, HTTP/1.1 out: as if there were nothing between. */

let server: Server;
let near: RunningProxy;
let far: RunningProxy;
/** What the backend was asked, without what tells of the way. */
const asked: { readonly line: string; readonly headers: Record<string, unknown>; readonly body: string }[] = [];

const ofTheWay = /^(l5d-|via$|x-forwarded|forwarded$)/;

function onRequest(req: IncomingMessage, res: ServerResponse): void {
  const chunks: Buffer[] = [];
  req.on("data", (chunk: Buffer) => chunks.push(chunk));
  req.on("error", () => {});
  req.on("end", () => {
    const headers = Object.fromEntries(Object.entries(req.headers).filter(([name]) => !ofTheWay.test(name)));
    const body = Buffer.concat(chunks).toString();
    asked.push({ line: `${req.method} ${req.url} HTTP/${req.httpVersion}`, headers, body });
    const path = (req.url as string).split("?")[0];
    if (path === "/slow") setTimeout(() => res.end("slow"), 300);
    else if (path === "/chunked") {
      res.writeHead(200, { Trailer: "X-Sum" });
      res.write("a");
      res.addTrailers({ "X-Sum": "1" });
      res.end("b");
    } else if (path === "/304") res.writeHead(304, { ETag: '"x"' }).end();
    else if (path === "/500") res.writeHead(500, { "Content-Length": 3 }).end("bad");
    else res.writeHead(200, { "Content-Length": 2, "X-One": "1" }).end(req.method === "HEAD" ? undefined : "ok");
  });
}

beforeAll(async () => {
  server = createServer({ keepAliveTimeout: 60_000 }, onRequest);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const router = (to: number, more: string): string =>
    `admin: { port: 0 }\nrouters:\n- protocol: http\n  dtab: /svc/* => /$/inet/127.1/${to}\n${more}`;
  far = await RunningProxy.start(router(port, "  servers: [{ port: 0, protocols: [h2] }]\n"));
  near = await RunningProxy.start(router(far.at().port, "  servers: [{ port: 0 }]\n  client: { protocol: h2 }\n"));
}, 60_000);

afterAll(async () => {
  await near?.stop();
  await far?.stop();
  server?.closeAllConnections();
  server?.close();
});

/** Sends bytes as they are and gives what comes back, once it is over. */
async function rawly(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let heard = "";
  let closed = false;
  socket.on("data", (bytes: Buffer) => {
    heard += bytes.toString("latin1");
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
  });
  socket.write(text);
  await until(() => closed, "the end of the connection");
  return heard;
}

/** Status line, and headers in lower case without what tells of the way or of the time; then the body. */
function plain(text: string): { readonly status: string; readonly headers: readonly string[]; readonly body: string } {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [status = "", ...lines] = head.split("\r\n");
  const headers = lines
    .map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()))
    .filter((line) => !ofTheWay.test(line.split(":")[0] as string) && !/^(date|connection|keep-alive):/.test(line))
    .sort();
  return { status, headers, body: rest.join("\r\n\r\n") };
}

const close = "Connection: close\r\n";

describe("between two proxies over HTTP/2", () => {
  it.each([
    ["GET", `GET /a?b=c HTTP/1.1\r\nHost: web\r\nX-One: 1\r\nCookie: a=1; b=2\r\n${close}\r\n`],
    ["HEAD", `HEAD /a HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["a body with a length", `POST /a HTTP/1.1\r\nHost: web\r\nContent-Length: 3\r\n${close}\r\nabc`],
    ["an empty body", `POST /a HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n${close}\r\n`],
    [
      "a chunked body",
      `POST /a HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n${close}\r\n3\r\nabc\r\n0\r\n\r\n`,
    ],
    [
      "an answer in chunks with trailers",
      `GET /chunked HTTP/1.1\r\nHost: web\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n`,
    ],
    ["304", `GET /304 HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["500", `GET /500 HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
    ["a method of one's own", `PURGE /a HTTP/1.1\r\nHost: web:8080\r\n${close}\r\n`],
    ["OPTIONS *", `OPTIONS * HTTP/1.1\r\nHost: web\r\n${close}\r\n`],
  ])("%s is asked and answered as without them", async (_what, text) => {
    asked.length = 0;
    const { port } = server.address() as AddressInfo;
    const direct = plain(await rawly(port, text));
    const through = plain(await rawly(near.at().port, text));
    expect(through.status).toBe(direct.status);
    expect(through.headers).toEqual(direct.headers);
    // Chunks may be cut anywhere.
    const joined = (body: string): string => body.replace(/(^|\r\n)[0-9a-f]+\r\n/g, "|").replaceAll(/[|\r\n]/g, "");
    expect(joined(through.body).toLowerCase()).toBe(joined(direct.body).toLowerCase());
    const [first, second] = asked;
    expect(second?.line).toBe(first?.line);
    expect(second?.body).toBe(first?.body);
    const kept = ({
      connection: _c,
      te: _t,
      "transfer-encoding": coding,
      "content-length": length,
      ...rest
    }: Record<string, unknown>): unknown => ({ ...rest, framing: coding ?? length ?? "none" });
    expect(kept(second?.headers ?? {})).toEqual(kept(first?.headers ?? {}));
  });

  it("answers a client of HTTP/1.0 in its own way", async () => {
    const text = await rawly(near.at().port, "GET /chunked HTTP/1.0\r\nHost: web\r\n\r\n");
    expect(text).toMatch(/^HTTP\/1\.[01] 200 OK\r\n/);
    expect(text).toMatch(/\r\n\r\nab$/);
  });

  it("goes on one connection, however many callers there are at once", async () => {
    const all = Array.from({ length: 40 }, () => ask({ to: near.at(), path: "/slow" }));
    expect((await Promise.all(all)).map(({ body }) => body)).toEqual(Array(40).fill("slow"));
    const metrics = await near.metrics();
    const connects = Object.entries(metrics).find(([name]) => /^rt\/http\/client\/[^ ]*\/connects$/.test(name));
    expect(connects?.[1]).toBe(1);
    const opened = Object.entries(await far.metrics()).find(([name]) => /\/server\/[^ ]*\/connections$/.test(name));
    expect(opened?.[1]).toBe(1);
  });
});
