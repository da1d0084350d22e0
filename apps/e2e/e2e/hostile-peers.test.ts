import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type Baseline, baselineOf, expectHealthy, patience } from "../src/after-each-case.ts";
import { RunningProxy } from "../src/proxy.ts";
import { ask, sendRaw, type Target } from "../src/raw-http.ts";

const mb = 1024 * 1024;
/** Sizes as reliability.md has them, which take minutes, instead of those for every run. */
const isFull = process.env["WEFT_FULL"] === "1";

let backend: Server;
let proxy: RunningProxy;
let before: Baseline;
/** Bytes of `/endless` that left the backend. */
let poured = 0;

function pour(res: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, 120);
  const more = (): void => {
    while (!res.destroyed) {
      poured += chunk.length;
      if (!res.write(chunk)) {
        res.once("drain", more);
        return;
      }
    }
  };
  more();
}

function configOf(port: number, more = ""): string {
  return `
admin: { port: 0 }
routers:
- { protocol: http, label: http, dtab: /svc/* => /$/inet/127.0.0.1/${port}, servers: [{ port: 0 }] }
${more}`;
}

beforeAll(async () => {
  backend = createServer((req, res) => {
    res.on("error", () => {});
    if (req.url === "/endless") pour(res);
    else if (req.url === "/hang") req.resume();
    else if (req.url === "/events") {
      res.write("data: 1\n\n");
      const timer = setTimeout(() => res.end("data: 2\n\n"), 26_000);
      res.on("close", () => clearTimeout(timer));
    } else if (req.method === "POST") {
      req.resume();
      req.on("end", () => res.end("read"));
      req.on("error", () => {});
    } else res.end(`ok ${req.url}`);
  });
  backend.keepAliveTimeout = 60_000;
  backend.requestTimeout = 0;
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  const { port } = backend.address() as AddressInfo;
  const dtab = `dtab: /svc/* => /$/inet/127.0.0.1/${port}`;
  proxy = await RunningProxy.start(
    configOf(
      port,
      `- { protocol: http, label: few, ${dtab}, servers: [{ port: 0, ip: 127.0.0.2, maxConnections: 3 }] }
- protocol: http
  label: strict
  ${dtab}
  servers:
  - port: 0
    ip: 127.0.0.3
    slowClients: { headerTimeoutMs: 400, bodyWindowMs: 600, minBodyBytesPerSec: 1000, responseWindowMs: 800, minResponseBytesPerSec: 1000 }
`,
    ),
    { maxHeapMb: 256 },
  );
});

beforeEach(async () => {
  before = await baselineOf(proxy);
});

afterEach(async () => {
  await expectHealthy(proxy, before);
}, 30_000);

afterAll(async () => {
  if (proxy?.program.running) await proxy.stop();
  backend?.closeAllConnections();
  backend?.close();
});

interface Peer {
  readonly socket: Socket;
  text(): string;
  readonly closed: Promise<number>;
}

/** A connection that keeps what comes, and tells how many ms it took until it was closed. */
function dial({ ip, port }: Target): Peer {
  const began = performance.now();
  const socket = connect(port, ip);
  let text = "";
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    text = (text + bytes.toString("latin1")).slice(-100_000);
  });
  const closed = new Promise<number>((resolve) => socket.once("close", () => resolve(performance.now() - began)));
  return { socket, text: () => text, closed };
}

/** Writes a character now and then until the connection closes. */
function drip(peer: Peer, everyMs: number, bytes = "a"): Peer {
  const timer = setInterval(() => peer.socket.write(bytes), everyMs);
  peer.socket.once("close", () => clearInterval(timer));
  return peer;
}

const head = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nHost: web\r\n${more}\r\n`;
const post = "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 100000\r\n\r\n";

/** Asks again and again until it is over, and counts what went wrong. */
async function serveMeanwhile(until: Promise<unknown>): Promise<number> {
  let over = false;
  let bad = 0;
  void until.finally(() => {
    over = true;
  });
  while (!over) {
    const answer = await ask({ to: proxy.at() }).catch(() => undefined);
    if (answer?.status !== 200) bad++;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return bad;
}

describe("hostile peers", () => {
  it("F1, F2: slow heads are all closed within 12 s, slow bodies within 30 s, and who else asks is answered; a stream that rests lives", async () => {
    const heads = Array.from({ length: 50 }, () => {
      const peer = drip(dial(proxy.at()), 500);
      peer.socket.write("GET / HTTP/1.1\r\nHost: web\r\nX-Slow: ");
      return peer;
    });
    const bodies = Array.from({ length: 50 }, () => {
      const peer = drip(dial(proxy.at()), 1000);
      peer.socket.write(post);
      return peer;
    });
    // Server-sent events, between two of which there is more time than any body is given.
    const events = dial(proxy.at());
    events.socket.write(head("/events", "Connection: close\r\n"));
    const headTimes = Promise.all(heads.map(({ closed }) => closed));
    const bodyTimes = Promise.all(bodies.map(({ closed }) => closed));
    const bad = await serveMeanwhile(Promise.all([headTimes, bodyTimes, events.closed]));
    expect(bad).toBe(0);
    expect(Math.max(...(await headTimes))).toBeLessThan(12_000);
    expect(Math.max(...(await bodyTimes))).toBeLessThan(30_000);
    for (const { text } of [...heads, ...bodies]) expect(text()).toMatch(/^HTTP\/1\.1 408 /);
    expect(events.text()).toContain("data: 2");
  }, 60_000);

  it("F1, F2, F3: are given as long as the config says, both ways", async () => {
    const slowHead = drip(dial(proxy.at("strict")), 50);
    slowHead.socket.write("GET / HTTP/1.1\r\nHost: web\r\nX-Slow: ");
    const slowBody = drip(dial(proxy.at("strict")), 50, "aaaaa");
    slowBody.socket.write(post);
    const goodBody = dial(proxy.at("strict"));
    goodBody.socket.write(post);
    drip(goodBody, 50, "a".repeat(2500));
    const reader = dial(proxy.at("strict"));
    reader.socket.write(head("/endless"));
    await vi.waitFor(() => expect(reader.text()).not.toBe(""), patience);
    reader.socket.pause();
    await Promise.all([slowHead.closed, slowBody.closed]);
    expect(slowHead.text()).toMatch(/^HTTP\/1\.1 408 /);
    expect(slowBody.text()).toMatch(/^HTTP\/1\.1 408 /);
    await vi.waitFor(() => expect(goodBody.text()).toMatch(/^HTTP\/1\.1 200 /), patience);
    goodBody.socket.destroy();
    await vi.waitFor(async () => {
      expect((await proxy.metrics())["rt/strict/server/127.0.0.3/0/write_timeout"]).toBe(1);
    }, patience);
    reader.socket.destroy();
  });

  it("F3: that read nothing hold the backend up, at less than 1 MB each", async () => {
    const rss = proxy.program.rssBytes;
    const readers = Array.from({ length: 10 }, () => dial(proxy.at()));
    for (const { socket } of readers) {
      socket.pause();
      socket.write(head("/endless"));
    }
    // Until nothing leaves the backend any more: all buffers on the way are full.
    let last = -1;
    await vi.waitFor(
      () => {
        const moved = poured - last;
        last = poured;
        expect(moved).toBe(0);
      },
      { timeout: 15_000, interval: 500 },
    );
    expect((proxy.program.rssBytes - rss) / readers.length / mb).toBeLessThan(1);
    expect((await ask({ to: proxy.at() })).status).toBe(200);
    for (const { socket } of readers) socket.destroy();
  });

  it("F6: that send chunks without end take no memory, and are cut off with their reader", async () => {
    const peer = dial(proxy.at());
    let received = 0;
    peer.socket.on("data", (bytes) => {
      received += bytes.length;
    });
    peer.socket.write(head("/endless"));
    await vi.waitFor(() => expect(received).toBeGreaterThan(50 * mb), patience);
    const rss = proxy.program.rssBytes;
    const seconds = isFull ? 60 : 3;
    let most = 0;
    for (let i = 0; i < seconds * 10; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      most = Math.max(most, proxy.program.rssBytes - rss);
    }
    expect(received).toBeGreaterThan(60 * mb);
    expect(most / mb).toBeLessThan(32);
    peer.socket.destroy();
  }, 90_000);

  it("F13: that stay idle cost at most 16 KB each", async () => {
    const open = async (count: number): Promise<Socket[]> => {
      const sockets: Socket[] = [];
      for (let i = 0; i < count; i += 100) {
        sockets.push(
          ...(await Promise.all(
            Array.from(
              { length: 100 },
              () =>
                new Promise<Socket>((resolve, reject) => {
                  const { ip, port } = proxy.at();
                  const socket = connect(port, ip, () => socket.write(head("/")));
                  socket.once("error", reject);
                  socket.once("data", () => resolve(socket));
                }),
            ),
          )),
        );
      }
      return sockets;
    };
    const count = isFull ? 8000 : 1500;
    const warm = await open(500);
    const rss = proxy.program.rssBytes;
    const idle = await open(count);
    const kb = (proxy.program.rssBytes - rss) / 1024 / count;
    process.stdout.write(`F13: ${count} idle connections, ${kb.toFixed(1)} KB each\n`);
    expect(kb).toBeLessThan(16);
    for (const socket of [...warm, ...idle]) socket.destroy();
  }, 60_000);

  it("F18: that come and go by the thousand leave nothing behind, and share a few connections to the backend", async () => {
    const total = isFull ? 100_000 : 4000;
    const name = `rt/http/client/$/inet/127.0.0.1/${(backend.address() as AddressInfo).port}/connects`;
    const connectsBefore = (await proxy.metrics())[name] ?? 0;
    let bad = 0;
    let begun = 0;
    const one = async (): Promise<void> => {
      while (begun++ < total) {
        const peer = dial(proxy.at());
        peer.socket.write(head("/", "Connection: close\r\n"));
        await peer.closed;
        if (!peer.text().startsWith("HTTP/1.1 200 ")) bad++;
      }
    };
    await Promise.all(Array.from({ length: 20 }, one));
    expect(bad).toBe(0);
    expect(((await proxy.metrics())[name] ?? 0) - connectsBefore).toBeLessThanOrEqual(40);
  }, 180_000);

  it("F19: that send 10,000 requests at once are answered one by one, in order", async () => {
    const total = 10_000;
    const rss = proxy.program.rssBytes;
    const { ip, port } = proxy.at();
    const socket = connect(port, ip);
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
    });
    let all = "";
    for (let i = 0; i < total; i++) all += `GET /${i} HTTP/1.1\r\nHost: web\r\n\r\n`;
    socket.write(all);
    await vi.waitFor(() => expect(text.endsWith(`ok /${total - 1}`)).toBe(true), { timeout: 60_000, interval: 100 });
    expect([...text.matchAll(/ok \/(\d+)/g)].map(([, n]) => Number(n))).toEqual(
      Array.from({ length: total }, (_, i) => i),
    );
    expect((proxy.program.rssBytes - rss) / mb).toBeLessThan(64);
    socket.destroy();
  }, 90_000);

  it("F19: that send requests and read no answer are not read any further", async () => {
    const { ip, port } = proxy.at();
    const socket = connect(port, ip);
    socket.on("error", () => {});
    socket.pause();
    const rss = proxy.program.rssBytes;
    const many = head(`/${"x".repeat(1000)}`).repeat(100);
    let written = 0;
    let isStuck = false;
    // 100 MB at most: long before that the proxy must have stopped to read.
    for (let i = 0; i < 1000 && !isStuck; i++) {
      written += many.length;
      if (socket.write(many)) continue;
      isStuck = await Promise.race([
        new Promise<boolean>((resolve) => socket.once("drain", () => resolve(false))),
        new Promise<boolean>((resolve) => setTimeout(resolve, 2000, true)),
      ]);
    }
    expect(isStuck).toBe(true);
    expect((proxy.program.rssBytes - rss) / mb).toBeLessThan(48);
    expect(written).toBeGreaterThan(0);
    socket.destroy();
  }, 60_000);

  it("beyond the number that a server takes are closed at once, and taken again when others have left", async () => {
    const open = Array.from({ length: 3 }, () => dial(proxy.at("few")));
    for (const { socket } of open) socket.write(head("/"));
    await vi.waitFor(() => expect(open.every(({ text }) => text().includes(" 200 OK"))).toBe(true), patience);
    const fourth = dial(proxy.at("few"));
    fourth.socket.write(head("/"));
    await fourth.closed;
    expect(fourth.text()).toBe("");
    expect((await proxy.metrics())["rt/few/server/127.0.0.2/0/refused_connections"]).toBe(1);
    open[0]?.socket.destroy();
    await vi.waitFor(async () => expect(await sendRaw(proxy.at("few"), head("/"))).toContain(" 200 OK"), patience);
    for (const { socket } of open) socket.destroy();
  });

  it("A58, A60: that answer with what cannot be told apart reach no client as a good answer", async () => {
    // The codec's own tests go through every form; this is the way through the whole process.
    const answers = [
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc",
      "HTTP/1.1 99999 OK\r\nContent-Length: 3\r\n\r\nabc",
      `${"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(21)}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`,
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nabc",
    ];
    const { createServer: createNetServer } = await import("node:net");
    let next = "";
    const bad = createNetServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => socket.write(next, "latin1"));
    });
    await new Promise<void>((resolve) => bad.listen(0, "127.0.0.1", resolve));
    const other = await RunningProxy.start(configOf((bad.address() as AddressInfo).port));
    for (const answer of answers) {
      next = answer;
      expect([answer, (await ask({ to: other.at() })).status]).toEqual([answer, 502]);
    }
    next = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for (let i = 0; i < 3; i++) expect((await ask({ to: other.at() })).body).toBe("abc");
    await other.stop();
    bad.close();
  });
});

describe("a process that is short of something", () => {
  const port = (): number => (backend.address() as AddressInfo).port;

  it("F14: of descriptors takes no more connections, keeps those that it has, answers its admin, and recovers", async () => {
    const small = await RunningProxy.start(configOf(port()), { through: ["prlimit", "--nofile=256"] });
    const kept = dial(small.at());
    kept.socket.write(head("/first"));
    await vi.waitFor(() => expect(kept.text()).toContain("ok /first"), patience);
    const crowd = Array.from({ length: 400 }, () => dial(small.at()));
    await vi.waitFor(async () => {
      expect((await small.metrics())["overload/refused_connections"]).toBeGreaterThan(100);
    }, patience);
    for (let i = 0; i < 20; i++) {
      kept.socket.write(head(`/${i}`));
      await vi.waitFor(() => expect(kept.text()).toContain(`ok /${i}`), patience);
    }
    expect((await fetch(`http://127.0.0.1:${small.adminPort}/admin/ping`)).status).toBe(200);
    for (const { socket } of crowd) socket.destroy();
    await vi.waitFor(async () => expect((await ask({ to: small.at() })).status).toBe(200), patience);
    kept.socket.destroy();
    await vi.waitFor(async () => {
      expect((await small.metrics())["rt/http/server/127.0.0.1/0/connections"]).toBe(0);
    }, patience);
    expect(small.program.output).not.toMatch(/uncaught|unhandled/i);
    await small.stop();
  });

  it("F15: of memory refuses requests before it dies, answers its admin, and recovers", async () => {
    const small = await RunningProxy.start(
      `overload: { memorySoftPercent: 50, memoryHardPercent: 65 }\n${configOf(port())}`,
      { maxHeapMb: 96 },
    );
    expect((await ask({ to: small.at() })).status).toBe(200);
    const long = `X-Long: ${"x".repeat(7500)}\r\n`;
    const crowd: Peer[] = [];
    let refused: Peer | undefined;
    // What is asked for is never answered, so that each takes memory until the client leaves.
    for (let i = 0; i < 6000 && refused === undefined; i++) {
      const peer = dial(small.at());
      peer.socket.write(head("/hang", long));
      crowd.push(peer);
      if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      refused = crowd.find(({ text }) => text().startsWith("HTTP/1.1 503 "));
    }
    // It takes connections as fast as it can, which on a busy machine is slower than they come.
    await vi.waitFor(
      () => {
        refused = crowd.find(({ text }) => text().startsWith("HTTP/1.1 503 "));
        expect(refused).toBeDefined();
      },
      { timeout: 60_000, interval: 100 },
    );
    expect(refused?.text()).toMatch(/\r\nl5d-err: .+\r\n[\s\S]*\r\nConnection: close\r\n/i);
    expect((await fetch(`http://127.0.0.1:${small.adminPort}/admin/ping`)).status).toBe(200);
    expect((await small.metrics())["overload/refused_requests"]).toBeGreaterThan(0);
    for (const { socket } of crowd) socket.destroy();
    await vi.waitFor(async () => expect((await ask({ to: small.at() })).status).toBe(200), {
      timeout: 30_000,
      interval: 200,
    });
    expect(small.program.running).toBe(true);
    await small.stop();
  }, 150_000);
});
