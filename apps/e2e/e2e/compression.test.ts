import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { request } from "node:http";
import { connect } from "node:net";
import { createGunzip, gunzipSync, inflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { openFiles } from "../src/listening-ports.ts";
import { RunningProxy } from "../src/proxy.ts";
import { sendRaw, type Target } from "../src/raw-http.ts";
import { until } from "../src/until.ts";

const text = "all work and no play makes a dull proxy\n".repeat(500);
const bigBytes = 64 * 1024 * 1024;
let backend: Backend;
let proxy: RunningProxy;
let feed: { write(chunk: string): void; end(): void } | undefined;
let sentBytes = 0;
let backendClosed = 0;

/** Sends as fast as it is taken. */
function flood(res: import("node:http").ServerResponse, bytes: number): void {
  const chunk = Buffer.from(randomBytes(24_576).toString("base64"));
  sentBytes = 0;
  const more = (): void => {
    while (sentBytes < bytes) {
      sentBytes += chunk.length;
      if (!res.write(chunk)) {
        res.once("drain", more);
        return;
      }
    }
    res.end();
  };
  res.on("close", () => backendClosed++);
  more();
}

beforeAll(async () => {
  backend = await Backend.start((req, res) => {
    const url = new URL(req.url ?? "/", "http://web");
    for (const [name, value] of url.searchParams) res.setHeader(name, value);
    if (!url.searchParams.has("content-type")) res.setHeader("content-type", "text/plain; charset=utf-8");
    switch (url.pathname) {
      case "/feed":
        feed = res;
        res.flushHeaders();
        return;
      case "/flood":
        return flood(res, bigBytes);
      case "/chunked":
        res.write(text.slice(0, 1000));
        setImmediate(() => res.end(text.slice(1000)));
        return;
      case "/short":
        res.end("short");
        return;
      case "/none":
        res.statusCode = 204;
        res.end();
        return;
      case "/same":
        res.statusCode = 304;
        res.end();
        return;
      case "/broken":
        res.write(text);
        setTimeout(() => res.destroy(), 50);
        return;
      default:
        res.setHeader("content-length", String(text.length));
        res.end(text);
    }
  });
  proxy = await RunningProxy.start(
    `
admin: { port: 0 }
routers:
- protocol: http
  dtab: /svc/* => /$/inet/127.1/${backend.port} ; /svc/nobody => !
  servers: [{ port: 0 }]
- protocol: http
  label: never
  compressionLevel: 0
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers: [{ port: 0, ip: 127.0.0.2 }]
- protocol: http
  label: nine
  compressionLevel: 9
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers: [{ port: 0, ip: 127.0.0.3 }]
`,
    { maxHeapMb: 256 },
  );
});

afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
});

interface Got {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

function get(
  to: Target,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
  host = "web",
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const req = request(
      { host: to.ip, port: to.port, path, method, headers: { host, ...headers }, agent: false },
      (res) => {
        const chunks: Buffer[] = [];
        res.on("data", (chunk: Buffer) => chunks.push(chunk));
        res.on("error", reject);
        res.on("end", () =>
          resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks) }),
        );
      },
    );
    req.on("error", reject);
    req.end();
  });
}

const gzip = { "accept-encoding": "gzip" };

describe("compression", () => {
  it("of text is on for a client that takes gzip or deflate, and for no other", async () => {
    for (const path of ["/", "/chunked"]) {
      const zipped = await get(proxy.at(), path, { "accept-encoding": "br, gzip;q=0.8, deflate;q=0.5" });
      expect(zipped.headers["content-encoding"]).toBe("gzip");
      expect(zipped.headers["content-length"]).toBeUndefined();
      expect(zipped.headers.vary).toBe("Accept-Encoding");
      expect(zipped.body.length).toBeLessThan(text.length / 10);
      expect(gunzipSync(zipped.body).toString()).toBe(text);
      const deflated = await get(proxy.at(), path, { "accept-encoding": "deflate" });
      expect(deflated.headers["content-encoding"]).toBe("deflate");
      expect(inflateSync(deflated.body).toString()).toBe(text);
      for (const accepted of ["identity", "br", "gzip;q=0", "*;q=0"]) {
        const plain = await get(proxy.at(), path, { "accept-encoding": accepted });
        expect([accepted, plain.headers["content-encoding"], plain.headers.vary]).toEqual([
          accepted,
          undefined,
          "Accept-Encoding",
        ]);
        expect(plain.body.toString()).toBe(text);
      }
      const silent = await get(proxy.at(), path);
      expect([silent.headers["content-encoding"], silent.headers.vary]).toEqual([undefined, undefined]);
      expect(silent.body.toString()).toBe(text);
    }
  });

  it("is never at level 0, of text alone at -1, and of anything at 1 to 9", async () => {
    expect((await get(proxy.at("never"), "/", gzip)).headers["content-encoding"]).toBeUndefined();
    for (const [type, isText] of [
      ["text/html", true],
      ["application/json;charset=utf-8", true],
      ["IMAGE/SVG+XML", true],
      ["image/png", false],
      ["application/octet-stream", false],
    ] as const) {
      const path = `/?content-type=${encodeURIComponent(type)}`;
      expect([type, (await get(proxy.at(), path, gzip)).headers["content-encoding"]]).toEqual([
        type,
        isText ? "gzip" : undefined,
      ]);
      const any = await get(proxy.at("nine"), path, gzip);
      expect(any.headers["content-encoding"]).toBe("gzip");
      expect(gunzipSync(any.body).toString()).toBe(text);
    }
  });

  it("leaves alone what has no content, is short, encoded, a part, or not to be changed", async () => {
    for (const path of [
      "/short",
      "/none",
      "/same",
      "/?content-encoding=br",
      "/?content-range=bytes%200-9/100",
      "/?cache-control=no-transform",
      "/?digest=x",
    ]) {
      const answer = await get(proxy.at(), path, gzip);
      const named = path.includes("content-encoding") ? "br" : undefined;
      expect([path, answer.headers["content-encoding"]]).toEqual([path, named]);
    }
    const unwanted = await get(proxy.at(), "/", { ...gzip, "cache-control": "no-transform" });
    expect(unwanted.headers["content-encoding"]).toBeUndefined();
    const old = await sendRaw(proxy.at(), "GET / HTTP/1.0\r\nHost: web\r\nAccept-Encoding: gzip\r\n\r\n");
    expect(old).toMatch(/content-length: 20000/i);
  });

  it("weakens the tag, takes no ranges, adds to Vary, and says the same of a HEAD", async () => {
    const path = "/?etag=%22a%22&vary=Origin&accept-ranges=bytes";
    const zipped = await get(proxy.at(), path, gzip);
    expect(zipped.headers).toMatchObject({
      etag: 'W/"a"',
      vary: "Origin, Accept-Encoding",
      "content-encoding": "gzip",
    });
    expect(zipped.headers["accept-ranges"]).toBeUndefined();
    const head = await get(proxy.at(), path, gzip, "HEAD");
    expect([head.status, head.body.length]).toEqual([200, 0]);
    expect(head.headers).toMatchObject({ etag: 'W/"a"', vary: "Origin, Accept-Encoding", "content-encoding": "gzip" });
    expect(head.headers["content-length"]).toBeUndefined();
    expect((await get(proxy.at(), "/?vary=*", gzip)).headers.vary).toBe("*");
    const error = await get(proxy.at(), "/", gzip, "GET", `nobody`);
    expect([error.status, error.headers["l5d-err"] !== undefined]).toEqual([502, true]);
  });

  it("passes events of a stream on as they come", async () => {
    const to = proxy.at();
    const unzip = createGunzip();
    let seen = "";
    unzip.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
    });
    const req = request({
      host: to.ip,
      port: to.port,
      path: "/feed?content-type=text/event-stream",
      headers: { host: "web", ...gzip },
    });
    req.on("response", (res) => res.pipe(unzip));
    req.end();
    await until(() => feed !== undefined, "the request");
    for (const event of ["data: one\n\n", "data: two\n\n", "data: three\n\n"]) {
      feed?.write(event);
      await until(() => seen.endsWith(event), event);
    }
    feed?.end();
    await until(() => unzip.readableEnded, "the end");
  });

  it("breaks off where the backend does, so that nobody takes it for whole", async () => {
    await expect(get(proxy.at(), "/broken", gzip)).rejects.toThrow(/aborted|hang up|reset/i);
    expect((await get(proxy.at(), "/")).status).toBe(200);
  });

  it("of 64 MB holds little, and pauses the backend when the client does not read", async () => {
    const files = openFiles(proxy.program.pid);
    const before = proxy.program.rssBytes;
    const socket = connect(proxy.at().port, proxy.at().ip);
    socket.write("GET /flood HTTP/1.1\r\nHost: web\r\nAccept-Encoding: gzip\r\n\r\n");
    socket.pause();
    let last = -1;
    await until(async () => {
      const stands = sentBytes > 0 && sentBytes === last;
      last = sentBytes;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return stands;
    }, "the backend to pause");
    expect(sentBytes).toBeLessThan(bigBytes / 2);
    expect(proxy.program.rssBytes - before).toBeLessThan(32 * 1024 * 1024);
    // A client that leaves in the middle costs nothing that stays.
    const closed = backendClosed;
    socket.destroy();
    await until(() => backendClosed > closed, "the backend to be let go");
    await until(() => openFiles(proxy.program.pid) <= files + 2, "descriptors");
    const whole = await get(proxy.at(), "/flood", gzip);
    expect(whole.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(whole.body).length).toBeGreaterThanOrEqual(bigBytes);
    expect(proxy.program.rssBytes - before).toBeLessThan(96 * 1024 * 1024);
  });

  it("is counted", async () => {
    const metrics = await proxy.metrics();
    const scope = Object.keys(metrics).find(
      (name) => name.endsWith("/compression/responses") && name.startsWith("rt/http/"),
    );
    expect(metrics[scope ?? ""]).toBeGreaterThan(5);
    expect(metrics[(scope ?? "").replace("responses", "bytes_in")]).toBeGreaterThan(bigBytes);
  });
});
