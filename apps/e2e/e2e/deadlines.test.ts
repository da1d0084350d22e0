import { spawn } from "node:child_process";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Backend } from "../src/backend.ts";
import { RunningProxy } from "../src/proxy.ts";
import { ask } from "../src/raw-http.ts";

/** Takes connections and answers nothing. */
class SilentBackend {
  readonly open: Set<Socket> = new Set();
  readonly server: Server = createServer((socket) => {
    this.open.add(socket);
    socket.on("data", () => {});
    socket.on("error", () => {});
    socket.on("close", () => this.open.delete(socket));
  });

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return (this.server.address() as AddressInfo).port;
  }

  stop(): void {
    for (const socket of this.open) socket.destroy();
    this.server.close();
  }
}

/** A listener of which the system takes no more connections: its process stands still, and its queue is full. */
async function blackHole(): Promise<{ port: number; stop(): void }> {
  const code = `require("node:net").createServer().listen({port:0,host:"127.0.0.1",backlog:1},function(){console.log(this.address().port)})`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  const port = Number(await new Promise<Buffer>((resolve) => child.stdout.once("data", resolve)));
  child.kill("SIGSTOP");
  const held = Array.from({ length: 8 }, () => connect(port, "127.0.0.1").on("error", () => {}));
  await new Promise((resolve) => setTimeout(resolve, 300));
  return {
    port,
    stop: () => {
      for (const socket of held) socket.destroy();
      child.kill("SIGKILL");
    },
  };
}

const silent = new SilentBackend();
let backend: Backend;
let proxy: RunningProxy;
let hole: Awaited<ReturnType<typeof blackHole>>;

beforeAll(async () => {
  const silentPort = await silent.start();
  hole = await blackHole();
  backend = await Backend.start((req, res) => {
    if (req.url === "/drip") {
      const timer = setInterval(() => res.write("x"), 40);
      res.on("close", () => clearInterval(timer));
    } else if (req.url === "/stall") res.write("x");
    else res.end(String(req.headers["l5d-ctx-deadline"] ?? ""));
  });
  const to = (port: number): string => `/svc/* => /$/inet/127.1/${port}`;
  proxy = await RunningProxy.start(`
admin: { port: 0 }
routers:
- { protocol: http, label: silent, dtab: "${to(silentPort)}", servers: [{ port: 0 }] }
- { protocol: http, label: attempt, dtab: "${to(silentPort)}", servers: [{ port: 0, ip: 127.0.0.2 }], client: { requestAttemptTimeoutMs: 150 } }
- { protocol: http, label: total, dtab: "${to(backend.port)}", servers: [{ port: 0, ip: 127.0.0.3 }], service: { totalTimeoutMs: 5000 } }
- protocol: http
  label: observe
  dtab: "${to(backend.port)}"
  servers: [{ port: 0, ip: 127.0.0.4 }]
  stack: { server: [{ set: deadline, params: { deadlineMode: observe } }] }
- protocol: http
  label: streams
  dtab: "${to(backend.port)}"
  servers: [{ port: 0, ip: 127.0.0.5 }]
  stack:
    path:
    - { set: streamIdleTimeout, params: { streamIdleTimeoutMs: 200 } }
    - { set: streamTimeout, params: { streamTimeoutMs: 1500 } }
- { protocol: http, label: hole, dtab: "${to(hole.port)}", servers: [{ port: 0, ip: 127.0.0.6 }] }
`);
});

afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
  silent.stop();
  hole?.stop();
});

const ns = (ms: number): string => `${Date.now()}000000 ${Date.now() + ms}000000`;
const patience = { timeout: 5000, interval: 20 };

async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const began = performance.now();
  return { value: await work, ms: performance.now() - began };
}

async function counted(label: string, name: string): Promise<number> {
  const metrics = await proxy.metrics();
  const key = Object.keys(metrics).find((each) => each.startsWith(`rt/${label}/server/`) && each.endsWith(name));
  return key === undefined ? Number.NaN : (metrics[key] as number);
}

describe("a deadline that comes with a request", () => {
  it("C21: has the request refused at once when it has passed, before anything is sent", async () => {
    const before = backend.received.length;
    const { value, ms } = await timed(ask({ to: proxy.at("total"), headers: { "l5d-ctx-deadline": ns(-100) } }));
    expect([value.status, ms < 1000, backend.received.length]).toEqual([503, true, before]);
    expect(value.headers["l5d-err"]).toContain("deadline");
    expect(await counted("total", "admission_control/deadline/rejected")).toBe(1);
    expect([await counted("total", "status/503"), await counted("total", "/requests")]).toEqual([1, 1]);
  });

  it("C21: is ignored and counted when it cannot be read", async () => {
    for (const bad of ["NaN NaN", "-1 -1", `1 ${10n ** 19n}`, "1"]) {
      const rep = await ask({ to: proxy.at("silent"), path: "/", headers: { "l5d-ctx-deadline": [bad, ns(50)] } });
      expect(rep.status).toBe(503);
    }
    expect(await counted("silent", "admission_control/deadline/ignored")).toBe(4);
  });

  it("cancels the work down to the backend's connection when it passes", async () => {
    await vi.waitFor(() => expect(silent.open.size).toBe(0), patience);
    const call = timed(ask({ to: proxy.at("silent"), headers: { "l5d-ctx-deadline": ns(400) } }));
    await vi.waitFor(() => expect(silent.open.size).toBe(1), patience);
    const { value, ms } = await call;
    expect([value.status, ms > 350, ms < 2000]).toEqual([503, true, true]);
    await vi.waitFor(() => expect(silent.open.size).toBe(0), patience);
    expect(await counted("silent", "admission_control/deadline/cancelled")).toBeGreaterThan(0);
  });

  it("C22: is passed on, or our own when that ends first", async () => {
    const near = ns(2000);
    const first = await ask({ to: proxy.at("total"), headers: { "l5d-ctx-deadline": near } });
    expect(first.body.split(" ")[1]).toBe(near.split(" ")[1]);
    const second = await ask({ to: proxy.at("total"), headers: { "l5d-ctx-deadline": ns(60_000) } });
    const leftMs = Number(BigInt(second.body.split(" ")[1] ?? 0) / 1_000_000n) - Date.now();
    expect(leftMs).toBeLessThanOrEqual(5000);
    expect(leftMs).toBeGreaterThan(3000);
  });

  it("is only counted, and passed on as it came, where it is observed", async () => {
    const past = ns(-500);
    const rep = await ask({ to: proxy.at("observe"), headers: { "l5d-ctx-deadline": past } });
    expect([rep.status, rep.body]).toEqual([200, past]);
    expect(await counted("observe", "admission_control/deadline/exceeded")).toBe(1);
  });
});

describe("timeouts", () => {
  it("F11: an attempt ends in its time though the backend takes the connection and never answers", async () => {
    const { value, ms } = await timed(ask({ to: proxy.at("attempt") }));
    expect([value.status, ms > 140, ms < 2000]).toEqual([503, true, true]);
    await vi.waitFor(() => expect(silent.open.size).toBe(0), patience);
  });

  it("F12: a connection that is not answered at all is given up a second after each attempt", async () => {
    const { value, ms } = await timed(ask({ to: proxy.at("hole") }));
    expect([value.status, ms > 950]).toEqual([502, true]);
    expect(ms).toBeLessThan(15_000);
  });

  it("a stream that stands still is broken off, and one that goes on for too long as well", async () => {
    const stalled = await timed(ask({ to: proxy.at("streams"), path: "/stall" }).catch((error) => error.code));
    expect([stalled.value, stalled.ms > 190, stalled.ms < 1300]).toEqual(["ECONNRESET", true, true]);
    const long = await timed(ask({ to: proxy.at("streams"), path: "/drip" }).catch((error) => error.code));
    expect([long.value, long.ms > 1490, long.ms < 4000]).toEqual(["ECONNRESET", true, true]);
  });
});
