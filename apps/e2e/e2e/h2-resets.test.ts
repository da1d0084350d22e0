import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Rst } from "../src/h2.ts";
import { RunningProxy } from "../src/proxy.ts";
import { Flag, FrameType, frame, literals, type RawEnd, RawH2, RawH2Backend, resetFrame } from "../src/raw-h2.ts";
import { until } from "../src/until.ts";

/** How long a reset takes through the real process, between frames that are written by hand. */

const rounds = 50;
/** Those before do not count: code is still being compiled. */
const warmUps = 5;
const limitMs = 100;
const windowBytes = 65_535;
const initialWindowSize = 4;

let backend: RawH2Backend;
/** Takes no content. */
let closed: RawH2Backend;
let old: Server;
let proxy: RunningProxy;
const oldSockets: Socket[] = [];
const callers: { close(): void }[] = [];

beforeAll(async () => {
  backend = await RawH2Backend.start();
  closed = await RawH2Backend.start([initialWindowSize, 0]);
  old = createServer((socket) => {
    oldSockets.push(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => old.listen(0, "127.0.0.1", resolve));
  const router = (label: string, n: number, port: number, more = ""): string =>
    `- protocol: h2
  label: ${label}
  dtab: /svc/* => /$/inet/127.1/${port}
  servers: [{ port: 0, ip: 127.0.0.${n}, protocols: [h2, http1] }]
${more}`;
  proxy = await RunningProxy.start(
    `admin: { port: 0 }\nrouters:\n${router("h2", 2, backend.port)}${router("closed", 3, closed.port)}${router("old", 4, (old.address() as AddressInfo).port, "  client: { protocol: http1, failureAccrual: { kind: none } }\n")}`,
  );
}, 60_000);

afterAll(async () => {
  for (const each of callers) each.close();
  for (const each of oldSockets) each.destroy();
  await proxy?.stop();
  await backend?.stop();
  await closed?.stop();
  old?.close();
});

/** Resets that many times, each with what `round` resolves with in ms, and holds the median to the limit. */
async function measure(name: string, round: () => Promise<number>): Promise<void> {
  const tookMs: number[] = [];
  for (let i = 0; i < warmUps + rounds; i++) {
    const ms = await round();
    if (i >= warmUps) tookMs.push(ms);
  }
  tookMs.sort((a, b) => a - b);
  const at = (share: number): number => tookMs[Math.min(rounds - 1, Math.floor(share * rounds))] as number;
  const [median, p99, most] = [at(0.5), at(0.99), at(1)].map((ms) => ms.toFixed(1));
  console.log(`B34, ${name}: median ${median} ms, p99 ${p99} ms, longest ${most} ms of ${rounds} resets`);
  // A machine that is busy with other tests may hold up one or another.
  expect(at(0.5)).toBeLessThan(limitMs);
}

function request(method: string): Buffer {
  return literals(":method", method, ":scheme", "http", ":authority", "web", ":path", "/");
}

/** Resolves with the time of the first frame of a kind on a stream. */
function comes(end: RawEnd, type: number, stream: number): Promise<number> {
  return new Promise<number>((resolve) => {
    end.onFrame = (found) => {
      if (found.type === type && found.stream === stream) resolve(performance.now());
    };
  });
}

/** The next request that reaches a backend. */
function arrival(at: RawH2Backend): Promise<{ readonly there: RawEnd; readonly stream: number }> {
  return new Promise((resolve) => {
    at.onFrame = (there, { type, stream }) => {
      if (type === FrameType.headers) resolve({ there, stream });
    };
  });
}

function resetAt(at: RawH2Backend, stream: number): Promise<number> {
  return new Promise((resolve) => {
    at.onFrame = (_there, found) => {
      if (found.type === FrameType.reset && found.stream === stream) resolve(performance.now());
    };
  });
}

const okHead = (stream: number): Buffer => frame(FrameType.headers, Flag.endHeaders, stream, Buffer.from([0x88]));

/** DATA that fills a window. */
function windowful(stream: number): Buffer {
  const frames: Buffer[] = [];
  for (let left = windowBytes; left > 0; left -= 16_384) {
    frames.push(frame(0, 0, stream, Buffer.alloc(Math.min(left, 16_384), "x")));
  }
  return Buffer.concat(frames);
}

/** Where content waits for a window when the reset comes. */
type Held = "nothing" | "the request" | "the response";

/** A stream that is there from end to end, and in the state that is wanted. */
async function opened(
  caller: RawH2,
  id: number,
  held: Held,
): Promise<{ there: RawEnd; stream: number; at: RawH2Backend }> {
  const at = held === "the request" ? closed : backend;
  const arrives = arrival(at);
  caller.send(frame(FrameType.headers, Flag.endHeaders, id, request("POST")));
  const { there, stream } = await arrives;
  if (held === "the request") {
    // What waits in the proxy has been read there when it answers what came behind.
    const ponged = comes(caller, 6, 0);
    caller.send(windowful(id), frame(6, 0, 0, Buffer.alloc(8)));
    await ponged;
    expect(there.of(FrameType.data, stream)).toEqual([]);
  } else if (held === "the response") {
    const begins = comes(caller, FrameType.headers, id);
    const ponged = new Promise<void>((resolve) => {
      at.onFrame = (_there, { type }) => {
        if (type === 6) resolve();
      };
    });
    there.send(okHead(stream), windowful(stream), frame(6, 0, 0, Buffer.alloc(8)));
    await Promise.all([begins, ponged]);
    expect(caller.of(FrameType.data, id)).toEqual([]);
  }
  return { there, stream, at };
}

describe("B34: a reset crosses the proxy within 100 ms", () => {
  describe.each(["nothing", "the request", "the response"] as const)("while %s waits for a window", (held) => {
    it("from the caller to the backend", async () => {
      const caller = new RawH2(proxy.at(held === "the request" ? "closed" : "h2"), [initialWindowSize, 0]);
      callers.push(caller);
      let id = -1;
      await measure(`caller to backend, ${held} held`, async () => {
        id += 2;
        const { there, stream, at } = await opened(caller, id, held);
        const reset = resetAt(at, stream);
        const sinceMs = performance.now();
        caller.send(resetFrame(id, Rst.cancel));
        const tookMs = (await reset) - sinceMs;
        expect(there.resetOf(stream)).toBe(Rst.cancel);
        return tookMs;
      });
    });

    it("from the backend to the caller, with its code", async () => {
      const caller = new RawH2(proxy.at(held === "the request" ? "closed" : "h2"), [initialWindowSize, 0]);
      callers.push(caller);
      let id = -1;
      await measure(`backend to caller, ${held} held`, async () => {
        id += 2;
        const { there, stream } = await opened(caller, id, held);
        const reset = comes(caller, FrameType.reset, id);
        const sinceMs = performance.now();
        there.send(resetFrame(stream, Rst.cancel));
        const tookMs = (await reset) - sinceMs;
        expect(caller.resetOf(id)).toBe(Rst.cancel);
        return tookMs;
      });
    });
  });

  it("from a caller of HTTP/2 to a backend of HTTP/1.1, whose connection ends", async () => {
    const caller = new RawH2(proxy.at("old"));
    callers.push(caller);
    let id = -1;
    await measure("caller of HTTP/2 to backend of HTTP/1.1", async () => {
      id += 2;
      const before = oldSockets.length;
      caller.send(frame(FrameType.headers, Flag.endHeaders | Flag.endStream, id, request("GET")));
      await until(() => oldSockets.length > before, "the request");
      const socket = oldSockets[before] as Socket;
      if (socket.bytesRead === 0) await new Promise((resolve) => socket.once("data", resolve));
      const left = new Promise<number>((resolve) => socket.once("close", () => resolve(performance.now())));
      const sinceMs = performance.now();
      caller.send(resetFrame(id, Rst.cancel));
      return (await left) - sinceMs;
    });
  });

  it("from a backend of HTTP/1.1 that breaks off to a caller of HTTP/2", async () => {
    const caller = new RawH2(proxy.at("old"));
    callers.push(caller);
    let id = -1;
    await measure("backend of HTTP/1.1 to caller of HTTP/2", async () => {
      id += 2;
      const before = oldSockets.length;
      caller.send(frame(FrameType.headers, Flag.endHeaders | Flag.endStream, id, request("GET")));
      await until(() => oldSockets.length > before, "the request");
      const socket = oldSockets[before] as Socket;
      const begins = comes(caller, FrameType.data, id);
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      await begins;
      const reset = comes(caller, FrameType.reset, id);
      const sinceMs = performance.now();
      socket.resetAndDestroy();
      return (await reset) - sinceMs;
    });
  });

  it("from a caller of HTTP/1.1 that leaves to a backend of HTTP/2", async () => {
    await measure("caller of HTTP/1.1 to backend of HTTP/2", async () => {
      const { ip, port } = proxy.at("h2");
      const socket = connect(port, ip);
      callers.push({ close: () => socket.destroy() });
      socket.on("error", () => {});
      const arrives = arrival(backend);
      socket.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
      const { stream } = await arrives;
      const reset = resetAt(backend, stream);
      const sinceMs = performance.now();
      socket.resetAndDestroy();
      return (await reset) - sinceMs;
    });
  });

  it("from a backend of HTTP/2 to a caller of HTTP/1.1, who is cut off", async () => {
    await measure("backend of HTTP/2 to caller of HTTP/1.1", async () => {
      const { ip, port } = proxy.at("h2");
      const socket = connect(port, ip);
      callers.push({ close: () => socket.destroy() });
      socket.on("error", () => {});
      const arrives = arrival(backend);
      socket.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
      const { there, stream } = await arrives;
      const begins = new Promise((resolve) => socket.once("data", resolve));
      there.send(okHead(stream), frame(FrameType.data, 0, stream, Buffer.from("begun")));
      await begins;
      const left = new Promise<number>((resolve) => socket.once("close", () => resolve(performance.now())));
      const sinceMs = performance.now();
      there.send(resetFrame(stream, Rst.cancel));
      return (await left) - sinceMs;
    });
  });
});
