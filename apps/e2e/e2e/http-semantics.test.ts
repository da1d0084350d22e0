import { execFile } from "node:child_process";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { root } from "../src/process.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { ask, sendRaw } from "../src/raw-http.ts";
import { until } from "../src/until.ts";

const dir = new TempDir();
let backend: Backend;
let proxy: RunningProxy;
/** What the byte-for-byte backend was sent. */
let rawReceived = "";
let raw: Server;

/** Request authorizers of somebody else's: one that refuses, one that only looks. */
const plugin = `
import { definePlugin } from "${pathToFileURL(join(root, "packages/config/src/index.ts")).href}";
import { ForbiddenError } from "${pathToFileURL(join(root, "packages/http/src/index.ts")).href}";
import { StatsParam } from "${pathToFileURL(join(root, "packages/telemetry/src/index.ts")).href}";
import { z } from "${pathToFileURL(join(root, "node_modules/zod/index.js")).href}";
export const plugins = [
  definePlugin({
    type: "requestAuthorizer",
    kind: "com.acme.token",
    schema: z.strictObject({ token: z.string() }),
    make: ({ token }) => (req, ctx, next) =>
      req.headers.get("x-token") === token ? next.call(req, ctx) : Promise.reject(new ForbiddenError("no token of ours")),
  }),
  definePlugin({
    type: "requestAuthorizer",
    kind: "com.acme.log",
    schema: z.strictObject({}),
    make: (_config, params) => {
      const seen = params.get(StatsParam).counter("acme", "seen");
      return (req, ctx, next) => {
        seen.inc();
        req.headers.set("x-seen", "yes");
        return next.call(req, ctx);
      };
    },
  }),
];
`;

beforeAll(async () => {
  backend = await Backend.start((req, res) => {
    const { pathname } = new URL(req.url ?? "/", "http://web");
    if (pathname === "/chunked") {
      res.write("Chunked");
      setImmediate(() => res.end("Response"));
      return;
    }
    if (pathname === "/long") return void res.end("x".repeat(100_000));
    if (pathname === "/slow") {
      res.writeHead(200);
      res.write("x");
      setTimeout(() => res.end("y"), 600);
      return;
    }
    res.end(req.method === "TRACE" ? "response from downstream" : "ok");
  });
  // Answers as soon as a head is there, so that what it got by then shows.
  raw = createServer((socket) => {
    let got = "";
    socket.on("data", (chunk) => {
      got += chunk.toString("latin1");
      rawReceived = got;
      if (got.includes("\r\n0\r\n\r\n") || /content-length: (\d+)\r\n/i.test(got)) {
        const length = Number(/content-length: (\d+)\r\n/i.exec(got)?.[1] ?? 0);
        const body = got.slice(got.indexOf("\r\n\r\n") + 4);
        if (body.length >= length) socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
      }
    });
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => raw.listen(0, "127.0.0.1", resolve));
  const rawPort = (raw.address() as { port: number }).port;
  dir.write("acme.mjs", plugin);
  const to = `/$/inet/127.1/${backend.port}`;
  proxy = await RunningProxy.start(
    `
admin: { port: 0 }
plugins: [./acme.mjs]
routers:
- protocol: http
  dtab: |
    /srv => ${to} ;
    /svc => /srv ;
    /svc/raw => /$/inet/127.1/${rawPort} ;
    /svc/nobody => ! ;
  servers: [{ port: 0 }]
- protocol: http
  label: upper
  dtab: /svc/* => ${to}
  client:
    requestAuthorizers:
    - kind: com.acme.log
    - { kind: com.acme.token, token: sesame }
  servers: [{ port: 0, ip: 127.0.0.2 }]
- protocol: http
  label: whole
  streamingEnabled: false
  maxAggregateKB: 64
  client: { requestAttemptTimeoutMs: 300 }
  dtab: /svc/* => ${to} ; /svc/raw => /$/inet/127.1/${rawPort}
  servers: [{ port: 0, ip: 127.0.0.3 }]
- protocol: http
  label: zipkin
  tracePropagator: { kind: io.l5d.zipkin }
  dtab: /svc/* => ${to}
  servers: [{ port: 0, ip: 127.0.0.8 }]
- protocol: http
  label: forwarded
  dtab: /svc/* => ${to}
  servers:
  - { port: 0, ip: 127.0.0.4, addForwardedHeader: {} , timestampHeader: x-request-start }
  - { port: 0, ip: 127.0.0.5, addForwardedHeader: { by: { kind: router }, for: { kind: ip } } }
  - { port: 0, ip: 127.0.0.6, addForwardedHeader: { by: { kind: "ip:port" }, for: { kind: connectionRandom } } }
  - { port: 0, ip: 127.0.0.7, addForwardedHeader: { by: { kind: static, label: "a b" }, for: { kind: requestRandom } } }
`,
    { cwd: dir.path },
  );
});

afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
  await new Promise((resolve) => raw?.close(resolve));
  dir.remove();
});

const last = () => backend.received.at(-1)?.headers ?? {};

describe("a client of http_proxy", () => {
  it("needs a config of five lines, and is served as by any proxy: curl -x", async () => {
    const host = await RunningProxy.start(`
admin: { port: 0 }
routers:
- protocol: http
  dtab: /ph => /$/io.buoyant.rinet ; /svc => /ph/80 ; /svc => /$/io.buoyant.porthostPfx/ph
  servers: [{ port: 0 }]
`);
    const { port } = host.at();
    const url = `http://127.0.0.1:${backend.port}/hello?a=b`;
    for (const args of [["-x", `http://127.0.0.1:${port}`], []]) {
      const env = args.length === 0 ? { ...process.env, http_proxy: `http://127.0.0.1:${port}` } : process.env;
      const { stdout } = await promisify(execFile)("curl", ["-sS", "-m", "20", ...args, "-w", "%{http_code}", url], {
        env,
      });
      expect(stdout).toBe("ok200");
      expect(backend.received.at(-1)).toMatchObject({
        url: "/hello?a=b",
        headers: { host: `127.0.0.1:${backend.port}`, via: "1.1 linkerd" },
      });
      expect(last()["proxy-connection"]).toBeUndefined();
    }
    await host.stop();
  });

  it("A43: is routed by the authority of its target, whatever its Host says", async () => {
    const answer = await sendRaw(
      proxy.at(),
      "GET http://web/x?y HTTP/1.1\r\nHost: nobody\r\nConnection: close\r\n\r\n",
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(backend.received.at(-1)).toMatchObject({ url: "/x?y", headers: { host: "web" } });
  });
});

describe("TRACE", () => {
  const report = (router: string, service: string) =>
    `--- Router: ${router} ---\nrequest duration: N ms\nservice name: ${service}\nclient name: /$/inet/127.1/${backend.port}\n` +
    `addresses: [127.0.0.1:${backend.port}]\nselected address: 127.0.0.1:${backend.port}\ndtab resolution:\n` +
    `  /svc/dog\n  /srv/dog (/svc=>/srv)\n  /$/inet/127.1/${backend.port}/dog (/srv=>/$/inet/127.1/${backend.port})\n`;
  const trace = (headers: Record<string, string>, path = "/") =>
    ask({ to: proxy.at(), host: "dog", method: "TRACE", path, headers });
  const masked = (body: string) => body.replace(/request duration: \d+ ms/g, "request duration: N ms");
  const context = { "l5d-add-context": "true" };

  it("with Max-Forwards and l5d-add-context is sent downstream, and its answer says how: a readable dtab resolution", async () => {
    const answer = await trace({ ...context, "max-forwards": "5" });
    expect(answer.status).toBe(200);
    expect(masked(answer.body)).toBe(`response from downstream\n\n${report("http", "/svc/dog")}`);
    expect(answer.headers["content-length"]).toBe(String(Buffer.byteLength(answer.body)));
    expect(backend.received.at(-1)).toMatchObject({
      method: "TRACE",
      headers: { "max-forwards": "4", "l5d-add-context": "true" },
    });
  });

  it("is answered here at Max-Forwards: 0, with the report or without a word", async () => {
    const before = backend.received.length;
    expect(masked((await trace({ ...context, "max-forwards": "0" })).body)).toBe(`\n\n${report("http", "/svc/dog")}`);
    expect(await trace({ "max-forwards": "0" })).toMatchObject({ status: 200, body: "" });
    expect(backend.received.length).toBe(before);
  });

  it("counts Max-Forwards down, or passes as it is", async () => {
    expect((await trace({ "max-forwards": "2" })).body).toBe("response from downstream");
    expect(last()["max-forwards"]).toBe("1");
    expect((await trace({})).body).toBe("response from downstream");
    expect(last()["max-forwards"]).toBeUndefined();
    expect(masked((await trace(context)).body)).toContain("--- Router: http ---");
  });

  it("with a Max-Forwards that is no number is 400", async () => {
    for (const bad of ["x", "-1", "1.5", "99999999999"]) {
      const answer = await trace({ "max-forwards": bad });
      expect([bad, answer.status, answer.body]).toEqual([bad, 400, "Invalid value for Max-Forwards header"]);
    }
  });

  it("discards content from a chunked response, and says so", async () => {
    const answer = await trace({ ...context, "max-forwards": "5" }, "/chunked");
    expect(answer.body).toMatch(
      /\nHTTP 200 - OK\nDiagnostic trace encountered chunked response\. Response content discarded\.\n\n--- Router: http ---\n/,
    );
    expect(answer.body).not.toContain("ChunkedResponse");
    expect((await trace({ ...context }, "/long")).body).not.toContain("xxx");
  });

  it("explains by the request's own delegations too, and leaves other methods alone", async () => {
    const answer = await trace({ ...context, "l5d-dtab": "/svc/dog => /srv/cat" });
    expect(answer.body).toContain("  /srv/cat (/svc/dog=>/srv/cat)\n");
    expect((await ask({ to: proxy.at(), headers: { ...context, "max-forwards": "0" } })).body).toBe("ok");
  });
});

describe("what a server adds to a request", () => {
  it("is Forwarded, by any of the labels", async () => {
    await ask({ to: proxy.at("forwarded", 0), headers: { forwarded: "for=before" } });
    expect(last()["forwarded"]).toMatch(/^for=before, by=_[A-Za-z0-9]{6};for=_[A-Za-z0-9]{6};host=web;proto=http$/);
    await ask({ to: proxy.at("forwarded", 1) });
    expect(last()["forwarded"]).toBe("by=forwarded;for=127.0.0.1;host=web;proto=http");
    const { ip, port } = proxy.at("forwarded", 2);
    const two = "GET / HTTP/1.1\r\nHost: web\r\n\r\nGET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n";
    await sendRaw(proxy.at("forwarded", 2), two);
    const [a, b] = backend.received.slice(-2).map(({ headers }) => headers["forwarded"]);
    expect(a).toMatch(new RegExp(`^by="${ip}:${port}";for=_[A-Za-z0-9]{6};host=web;proto=http$`));
    expect(b).toBe(a);
    await sendRaw(proxy.at("forwarded", 3), two);
    const [c, d] = backend.received.slice(-2).map(({ headers }) => headers["forwarded"]);
    expect(c).toMatch(/^by="a b";for=_[A-Za-z0-9]{6};host=web;proto=http$/);
    expect(d).not.toBe(c);
  });

  it("is the time of receipt in the timestampHeader, and nowhere where none is named", async () => {
    const before = Date.now();
    await ask({ to: proxy.at("forwarded", 0), headers: { "x-request-start": "forged" } });
    expect(Number(last()["x-request-start"])).toBeGreaterThanOrEqual(before - 1);
    expect(Number(last()["x-request-start"])).toBeLessThanOrEqual(Date.now() + 1);
    await ask({ to: proxy.at("forwarded", 1) });
    expect(last()["x-request-start"]).toBeUndefined();
  });
});

describe("the trace of a request", () => {
  it("is carried by Linkerd's headers, or by Zipkin's where the config says so", async () => {
    const b3 = { "x-b3-traceid": "00000000000000aa", "x-b3-spanid": "00000000000000bb", "x-b3-sampled": "1" };
    await ask({ to: proxy.at("zipkin"), headers: { ...b3, "l5d-ctx-trace": "forged" } });
    expect(last()).toMatchObject({
      "x-b3-traceid": "00000000000000aa",
      "x-b3-parentspanid": "00000000000000bb",
      "x-b3-sampled": "1",
      "l5d-reqid": "00000000000000aa",
    });
    expect(last()["x-b3-spanid"]).not.toBe("00000000000000bb");
    expect(last()["l5d-ctx-trace"]).toBeUndefined();
    await ask({ to: proxy.at(), headers: b3 });
    expect(last()).toMatchObject({ ...b3, "l5d-ctx-trace": expect.stringMatching(/=$/) });
  });
});

describe("request authorizers", () => {
  it("are asked in their order, and refuse with 403 and the reason", async () => {
    const before = backend.received.length;
    const refused = await ask({ to: proxy.at("upper") });
    expect([refused.status, refused.body]).toEqual([403, "no token of ours"]);
    expect(refused.headers["l5d-err"]).toBe("no+token+of+ours");
    expect(backend.received.length).toBe(before);
    expect((await ask({ to: proxy.at("upper"), headers: { "x-token": "sesame" } })).status).toBe(200);
    expect(last()["x-seen"]).toBe("yes");
    const metrics = await proxy.metrics();
    const seen = Object.entries(metrics).filter(([name]) => name.endsWith("/acme/seen"));
    expect(seen.map(([, value]) => value)).toEqual([2]);
    // What is refused is neither sent again nor held against the endpoint.
    const requests = Object.entries(metrics).filter(([name]) =>
      /^rt\/upper\/client\/[^/]+\/[^/]+\/[^/]+\/[^/]+\/requests$/.test(name),
    );
    for (const [, value] of requests) expect(value).toBe(1);
  });
});

describe("streaming", () => {
  const chunked = (host: string, body: string) =>
    `POST / HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${body}`;

  it("passes every message on as it comes: with a length or in chunks, below and above streamAfterContentLengthKB", async () => {
    for (const length of [11, 20_000]) {
      const body = "x".repeat(length);
      const answer = await sendRaw(
        proxy.at(),
        `POST / HTTP/1.1\r\nHost: raw\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(rawReceived).toMatch(new RegExp(`\r\nContent-Length: ${length}\r\n`, "i"));
      expect(rawReceived.endsWith(body)).toBe(true);
    }
    expect(await sendRaw(proxy.at(), chunked("raw", "b\r\nmust-stream\r\n0\r\n\r\n"))).toMatch(/^HTTP\/1\.1 200 /);
    expect(rawReceived).toMatch(/transfer-encoding: chunked/i);
    expect(rawReceived.endsWith("\r\n\r\nb\r\nmust-stream\r\n0\r\n\r\n")).toBe(true);
    // Both framings in one request are refused: they are how requests are smuggled (A1).
    const both = `POST / HTTP/1.1\r\nHost: raw\r\nContent-Length: 11\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nmust-stream\r\n0\r\n\r\n`;
    expect(await sendRaw(proxy.at(), both)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("streams the first part of a request before the rest is there", async () => {
    rawReceived = "";
    const sending = sendRaw(proxy.at(), chunked("raw", "5\r\nfirst\r\n"), 400);
    await until(() => rawReceived.includes("first"), "the first part");
    await sending;
  });

  it("that is off holds a request until it is whole, and gives it a length", async () => {
    rawReceived = "";
    const answer = await sendRaw(proxy.at("whole"), chunked("raw", "5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n"));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(rawReceived).toMatch(/\r\ncontent-length: 11\r\n/i);
    expect(rawReceived.endsWith("firstsecond")).toBe(true);
    expect(rawReceived).not.toMatch(/transfer-encoding/i);
    rawReceived = "";
    await sendRaw(proxy.at("whole"), chunked("raw", "5\r\nfirst\r\n"), 100);
    expect(rawReceived).toBe("");
  });

  it("that is off holds a response until it is whole, within the attempt's time", async () => {
    const answer = await ask({ to: proxy.at("whole"), path: "/chunked" });
    expect([answer.body, answer.headers["content-length"]]).toEqual(["ChunkedResponse", "15"]);
    expect((await ask({ to: proxy.at("whole"), path: "/slow" })).status).toBe(503);
  });

  it("that is off refuses what is longer than it holds: 413, and 502 from a backend", async () => {
    const before = backend.received.length;
    const long = "x".repeat(70_000);
    const told = await sendRaw(
      proxy.at("whole"),
      "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 70000\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
    );
    // It is refused by its length alone: nobody is asked to send it.
    expect(told).toMatch(/^HTTP\/1\.1 413 /);
    expect(told).toMatch(/l5d-err: the\+body\+of\+the\+request\+is\+longer\+than\+65536\+bytes/);
    const sent = await sendRaw(
      proxy.at("whole"),
      chunked("web", `${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`),
    );
    expect(sent).toMatch(/^HTTP\/1\.1 413 /);
    expect(backend.received.length).toBe(before);
    expect((await ask({ to: proxy.at("whole"), path: "/long" })).status).toBe(502);
    expect((await ask({ to: proxy.at("whole") })).status).toBe(200);
  });

  it("cannot be off and have a threshold", async () => {
    await expect(
      RunningProxy.start(`
routers:
- protocol: http
  streamingEnabled: false
  streamAfterContentLengthKB: 5
  servers: [{ port: 0 }]
`),
    ).rejects.toThrow(/streamAfterContentLengthKB has no meaning with streamingEnabled: false/);
  });
});
