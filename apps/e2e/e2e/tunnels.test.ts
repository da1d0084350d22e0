import { createServer as createHttpServer, type Server as HttpServer, request } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { type Baseline, baselineOf, expectHealthy, patience } from "../src/after-each-case.ts";
import { RunningProxy } from "../src/proxy.ts";
import { ask, sendRaw } from "../src/raw-http.ts";

let http: HttpServer;
let sockets: WebSocketServer;
/** Echoes, and sees each end of its connections. */
let raw: Server;
/** What a raw backend does with a connection that asks for an upgrade; by the path. */
const upgraded: Socket[] = [];
const heads: string[] = [];
let proxy: RunningProxy;
let before: Baseline;
const server = "rt/http/server/127.0.0.1/0";

function listen(on: Server | HttpServer): Promise<number> {
  return new Promise((resolve) => on.listen(0, "127.0.0.1", () => resolve((on.address() as AddressInfo).port)));
}

beforeAll(async () => {
  http = createHttpServer((req, res) => {
    res.setHeader("x-saw", [req.headers.upgrade ?? "", req.headers.connection ?? ""].join("|"));
    res.end("plain");
  });
  http.keepAliveTimeout = 60_000;
  sockets = new WebSocketServer({ noServer: true });
  sockets.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  http.on("upgrade", (req, socket: Socket, head) => {
    socket.on("error", () => {});
    heads.push(JSON.stringify(req.headers));
    if (req.url === "/refused") {
      socket.end("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 4\r\nConnection: close\r\n\r\nno!\n");
      return;
    }
    if (req.url === "/other") {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n");
      return;
    }
    if (req.url === "/early") {
      // The first bytes of the new protocol come in one write with the head.
      upgraded.push(socket);
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello ");
      socket.on("data", (bytes) => socket.write(bytes));
      socket.on("end", () => socket.end("bye"));
      return;
    }
    sockets.handleUpgrade(req, socket, head, (ws) => sockets.emit("connection", ws));
  });
  raw = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      if (!socket.write(bytes)) {
        socket.pause();
        socket.once("drain", () => socket.resume());
      }
    });
    socket.on("end", () => socket.end("!"));
  });
  const [httpPort, rawPort] = [await listen(http), await listen(raw)];
  proxy = await RunningProxy.start(
    `
admin: { port: 0 }
routers:
- protocol: http
  label: http
  dtab: |
    /svc/web => /$/inet/127.0.0.1/${httpPort};
    /svc/raw:443 => /$/inet/127.0.0.1/${rawPort};
    /svc/dead:443 => /$/inet/127.0.0.1/1;
  servers: [{ port: 0 }]
  tunnels: { connect: true, upgrade: [websocket] }
- protocol: http
  label: off
  dtab: /svc/* => /$/inet/127.0.0.1/${httpPort}
  servers: [{ port: 0, ip: 127.0.0.2 }]
- protocol: http
  label: whole
  dtab: /svc/* => /$/inet/127.0.0.1/${rawPort}
  streamingEnabled: false
  servers: [{ port: 0, ip: 127.0.0.4 }]
  tunnels: { connect: true }
- protocol: http
  label: short
  dtab: /svc/* => /$/inet/127.0.0.1/${rawPort}
  servers: [{ port: 0, ip: 127.0.0.3 }]
  tunnels: { connect: true, idleTimeMs: 300 }
`,
    { maxHeapMb: 256 },
  );
});

beforeEach(async () => {
  before = await baselineOf(proxy);
});

afterEach(async () => {
  for (const socket of upgraded.splice(0)) socket.destroy();
  if (proxy.program.running) await expectHealthy(proxy, before);
});

afterAll(async () => {
  if (proxy?.program.running) await proxy.stop();
  sockets?.close();
  http?.closeAllConnections();
  http?.close();
  raw?.close();
});

function socketTo(path = "/"): WebSocket {
  const { ip, port } = proxy.at();
  return new WebSocket(`ws://${ip}:${port}${path}`, { headers: { host: "web" } });
}

/** A raw connection, and all that came over it so far. */
function dial(label = "http"): { socket: Socket; text: () => string; ended: () => boolean; closed: Promise<boolean> } {
  const { ip, port } = proxy.at(label);
  const socket = connect({ port, host: ip, allowHalfOpen: true });
  let text = "";
  let ended = false;
  socket.on("data", (bytes) => {
    text += bytes.toString("latin1");
  });
  socket.on("end", () => {
    ended = true;
  });
  let failed = false;
  socket.on("error", () => {
    failed = true;
  });
  const closed = new Promise<boolean>((resolve) => socket.once("close", () => resolve(failed)));
  return { socket, text: () => text, ended: () => ended, closed };
}

const connectTo = (name: string): string => `CONNECT ${name} HTTP/1.1\r\nHost: ${name}\r\n\r\n`;
const upgrade = (path: string, protocol = "websocket"): string =>
  `GET ${path} HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

describe("tunnels", () => {
  it("F20: pass a WebSocket on, text and binary and a large message, and are counted", async () => {
    const socket = socketTo("/chat");
    const got: Buffer[] = [];
    socket.on("message", (data: Buffer) => got.push(data));
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const large = Buffer.alloc(3_000_000, 7);
    socket.send("hi");
    socket.send(large);
    await vi.waitFor(() => expect(got.length).toBe(2), patience);
    expect(got[0]?.toString()).toBe("hi");
    expect(got[1]?.equals(large)).toBe(true);
    const during = await proxy.metrics();
    expect(during[`${server}/tunnels/open`]).toBe(1);
    expect(during[`${server}/tunnels/opened`]).toBeGreaterThanOrEqual(1);
    expect(during[`${server}/tunnels/received_bytes`]).toBeGreaterThan(large.length);
    expect(during[`${server}/tunnels/sent_bytes`]).toBeGreaterThan(large.length);
    const saw = JSON.parse(heads.at(-1) ?? "{}") as Record<string, string>;
    expect([saw["connection"], saw["upgrade"]]).toEqual(["upgrade", "websocket"]);
    expect(saw["l5d-dst-service"]).toBe("/svc/web");
    expect(saw["via"]).toContain("linkerd");
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    socket.close(4001, "done");
    expect(await closed).toBe(4001);
    await vi.waitFor(async () => {
      const after = await proxy.metrics();
      expect(after[`${server}/tunnels/open`]).toBe(0);
      expect(after["rt/http/service/svc/web/success"]).toBeGreaterThan(0);
      expect(after["rt/http/service/svc/web/failures"] ?? 0).toBe(0);
    }, patience);
  });

  it("F20: pass on a WebSocket's end from the server's side", async () => {
    const socket = socketTo();
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    for (const each of sockets.clients) each.close(4002);
    expect(await closed).toBe(4002);
  });

  it("F20: tell the one side when the other is cut off, both ways", async () => {
    const first = socketTo();
    await new Promise((resolve, reject) => first.once("open", resolve).once("error", reject));
    const [served] = sockets.clients;
    const gone = new Promise((resolve) => served?.once("close", resolve));
    first.terminate();
    await gone;
    const second = socketTo();
    await new Promise((resolve, reject) => second.once("open", resolve).once("error", reject));
    second.on("error", () => {});
    const lost = new Promise((resolve) => second.once("close", resolve));
    for (const each of sockets.clients) each.terminate();
    await lost;
  });

  it("lose no byte that came along with either head, and carry each half's end by itself", async () => {
    const { socket, text, ended, closed } = dial();
    socket.write(`${upgrade("/early")}eager`);
    await vi.waitFor(() => expect(text()).toMatch(/\r\n\r\nhello eager$/), patience);
    expect(text()).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    expect(text()).toMatch(/\r\nConnection: upgrade\r\nUpgrade: websocket\r\n/);
    socket.end("last");
    await vi.waitFor(() => expect([text().endsWith("lastbye"), ended()]).toEqual([true, true]), patience);
    expect(await closed).toBe(false);
  });

  it("are not made when the server declines, which is an answer as any other", async () => {
    const answer = await sendRaw(proxy.at(), upgrade("/refused"));
    expect(answer).toMatch(/^HTTP\/1\.1 426 /);
    expect(answer).toContain("no!\n");
    // What might have been meant for a tunnel is not taken for a request.
    const smuggled = await sendRaw(proxy.at(), `${upgrade("/refused")}GET /x HTTP/1.1\r\nHost: web\r\n\r\n`);
    expect(smuggled.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it("are not made of a switch to what nobody asked for: that is a 502", async () => {
    expect(await sendRaw(proxy.at(), upgrade("/other"))).toMatch(/^HTTP\/1\.1 502 [\s\S]*\r\nl5d-err: /i);
  });

  it("A50: are made of no protocol but those of the config, and of h2c never", async () => {
    for (const [label, protocol] of [
      ["http", "h2c"],
      ["http", "irc/6.9"],
      ["off", "websocket"],
    ] as const) {
      const { ip, port } = proxy.at(label);
      const saw = await new Promise((resolve, reject) => {
        const req = request({
          host: ip,
          port,
          path: "/",
          headers: { host: "web", connection: "Upgrade, HTTP2-Settings", upgrade: protocol, "http2-settings": "AA" },
        });
        req.on("response", (res) => {
          res.resume();
          resolve([res.statusCode, res.headers["x-saw"]]);
          res.on("end", () => req.socket?.destroy());
        });
        req.on("error", reject);
        req.end();
      });
      expect([label, saw]).toEqual([label, [200, expect.stringMatching(/^\|(keep-alive|close)?$/)]]);
    }
  });

  it("of CONNECT go where the dtab says, with half-closes both ways", async () => {
    const { socket, text, ended, closed } = dial();
    socket.write(`${connectTo("raw:443")}eager `);
    await vi.waitFor(() => expect(text()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\neager $/), patience);
    expect(text()).not.toMatch(/content-length|transfer-encoding/i);
    socket.end("more");
    await vi.waitFor(() => expect([text().endsWith("eager more!"), ended()]).toEqual([true, true]), patience);
    expect(await closed).toBe(false);
  });

  it("of CONNECT carry 64 MB both ways through a slow reader within the memory of a few buffers", async () => {
    const { socket, text } = dial();
    socket.write(connectTo("raw:443"));
    await vi.waitFor(() => expect(text()).toMatch(/\r\n\r\n$/), patience);
    socket.removeAllListeners("data");
    const rssBefore = proxy.program.rssBytes;
    const total = 64 * 1024 * 1024;
    const chunk = Buffer.alloc(256 * 1024, 1);
    let back = 0;
    let peak = rssBefore;
    socket.on("data", (bytes) => {
      back += bytes.length;
      // Stops from time to time, so that the echo has to wait in the other sockets.
      if (Math.floor(back / 4e6) !== Math.floor((back - bytes.length) / 4e6)) {
        socket.pause();
        setTimeout(() => socket.resume(), 30);
      }
      peak = Math.max(peak, proxy.program.rssBytes);
    });
    for (let sent = 0; sent < total; sent += chunk.length) {
      if (!socket.write(chunk)) await new Promise((resolve) => socket.once("drain", resolve));
    }
    await vi.waitFor(() => expect(back).toBe(total), { timeout: 60_000, interval: 50 });
    expect((peak - rssBefore) / 1024 / 1024).toBeLessThan(40);
    socket.destroy();
  });

  it("of CONNECT to what has no name, or no one there, are refused as any request, and the connection closes", async () => {
    const unknown = await sendRaw(proxy.at(), `${connectTo("169.254.169.254:80")}GET / HTTP/1.1\r\nHost: web\r\n\r\n`);
    expect(unknown).toMatch(/^HTTP\/1\.1 502 [\s\S]*\r\nl5d-err: /i);
    expect(unknown.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(await sendRaw(proxy.at(), connectTo("dead:443"), 3000)).toMatch(/^HTTP\/1\.1 502 [\s\S]*\r\nl5d-err: /i);
    for (const bad of ["raw", "raw:", "http://raw:443", "/x", "user@raw:443", "raw:99999"]) {
      expect([bad, await sendRaw(proxy.at(), `CONNECT ${bad} HTTP/1.1\r\nHost: raw:443\r\n\r\n`)]).toEqual([
        bad,
        expect.stringMatching(/^HTTP\/1\.1 400 /),
      ]);
    }
    const withBody = "CONNECT raw:443 HTTP/1.1\r\nHost: raw:443\r\nContent-Length: 3\r\n\r\nabc";
    expect(await sendRaw(proxy.at(), withBody)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("A49: of CONNECT are refused by a router that is not told to serve them", async () => {
    expect(await sendRaw(proxy.at("off"), connectTo("web:80"))).toMatch(/^HTTP\/1\.1 405 /);
  });

  it("F20: in which nothing moves are closed after the idle limit", async () => {
    const { socket, text, closed } = dial("short");
    socket.write(connectTo("raw:443"));
    await vi.waitFor(() => expect(text()).toMatch(/\r\n\r\n$/), patience);
    await closed;
    await vi.waitFor(async () => {
      expect((await proxy.metrics())["rt/short/server/127.0.0.3/0/tunnels/idle"]).toBe(1);
    }, patience);
  });

  it("are made by a router that holds bodies in memory, too", async () => {
    const { socket, text } = dial("whole");
    socket.write(`${connectTo("raw:443")}through`);
    await vi.waitFor(() => expect(text()).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nthrough$/), patience);
    socket.destroy();
  });

  it("leave no connection in the pool, and are made over none that was used", async () => {
    for (let i = 0; i < 3; i++) {
      expect((await ask({ to: proxy.at() })).status).toBe(200);
      const { socket, text } = dial();
      socket.write(connectTo("web:80").replace("web:80", "raw:443"));
      await vi.waitFor(() => expect(text()).toMatch(/^HTTP\/1\.1 200 /), patience);
      socket.destroy();
    }
    await vi.waitFor(async () => {
      const metrics = await proxy.metrics();
      const [name] = Object.keys(metrics).filter((each) =>
        /client\/\$\/inet\/127\.0\.0\.1\/\d+\/connections$/.test(each),
      );
      expect(name).toBeDefined();
      const port = (raw.address() as AddressInfo).port;
      expect(metrics[`rt/http/client/$/inet/127.0.0.1/${port}/connections`]).toBe(0);
    }, patience);
  });

  it("that are open when the process is asked to end are cut after the grace", async () => {
    const other = await RunningProxy.start(`
admin: { port: 0, shutdownGraceMs: 700 }
routers:
- protocol: http
  dtab: /svc/* => /$/inet/127.0.0.1/${(raw.address() as AddressInfo).port}
  servers: [{ port: 0 }]
  tunnels: { connect: true }
`);
    const { ip, port } = other.at();
    const socket = connect(port, ip);
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
    });
    socket.write(connectTo("raw:443"));
    await vi.waitFor(() => expect(text).toMatch(/^HTTP\/1\.1 200 /), patience);
    const began = Date.now();
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const exit = other.stop();
    socket.write("still here");
    await vi.waitFor(() => expect(text).toContain("still here"), patience);
    await closed;
    expect(Date.now() - began).toBeGreaterThanOrEqual(600);
    expect(await exit).toBe(0);
  });
});
