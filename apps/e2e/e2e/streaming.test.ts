import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFiles } from "../src/listening-ports.ts";
import { RunningProxy } from "../src/proxy.ts";
import { ask } from "../src/raw-http.ts";

const mb = 1024 * 1024;
let proxy: RunningProxy;
let backend: Server;
let uploaded = 0;

/** Writes `bytes` zeroes at a rate, and waits where the other side is slow. */
async function pour(socket: Socket, bytes: number, mbPerSecond: number): Promise<void> {
  const chunk = Buffer.alloc(256 * 1024);
  const began = Date.now();
  for (let sent = 0; sent < bytes; sent += chunk.length) {
    if (!socket.write(chunk)) await new Promise((resolve) => socket.once("drain", resolve));
    const due = began + (sent / mb / mbPerSecond) * 1000;
    if (due > Date.now() + 5) await new Promise((resolve) => setTimeout(resolve, due - Date.now()));
  }
}

/** Answers `/sink` when it has read the whole body, and `/source?<bytes>` with that many. */
function answer(socket: Socket): void {
  let head = "";
  let left = -1;
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    let body = chunk.length;
    if (left < 0) {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      body = head.length - end - 4;
      const source = /^GET \/source\?(\d+)/.exec(head);
      if (source !== null) {
        const bytes = Number(source[1]);
        head = "";
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
        void pour(socket, bytes, 20);
        return;
      }
      left = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      head = "";
    }
    uploaded += body;
    left -= body;
    if (left > 0) return;
    left = -1;
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
  });
}

beforeAll(async () => {
  backend = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => backend.once("listening", resolve));
  const { port } = backend.address() as AddressInfo;
  proxy = await RunningProxy.start(
    `admin: { port: 0 }\nrouters:\n- protocol: http\n  dtab: /svc/* => /$/inet/127.1/${port}\n  servers: [{ port: 0 }]\n`,
    { maxHeapMb: 256 },
  );
});

afterAll(async () => {
  await proxy?.stop();
  backend?.close();
});

async function watchRss<T>(work: Promise<T>): Promise<{ result: T; growthBytes: number }> {
  const before = proxy.program.rssBytes;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, proxy.program.rssBytes);
  }, 100);
  const result = await work;
  clearInterval(timer);
  return { result, growthBytes: most - before };
}

function transfer(head: string, upload: number): Promise<{ received: number; text: string }> {
  return new Promise((resolve, reject) => {
    const { ip, port } = proxy.at();
    let received = 0;
    let text = "";
    let wanted = -1;
    const socket = connect(port, ip, () => {
      socket.write(head);
      if (upload > 0) void pour(socket, upload, 20);
    });
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (wanted < 0) {
        text += chunk.toString("latin1");
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        wanted = end + 4 + Number(/content-length: *(\d+)/i.exec(text)?.[1] ?? 0);
      }
      if (received < wanted) return;
      socket.destroy();
      resolve({ received: received - (text.indexOf("\r\n\r\n") + 4), text });
    });
  });
}

describe("streaming", () => {
  it("F5: carries 1 GiB down and 1 GiB up at 20 MB/s within 64 MB of memory", async () => {
    // Warm first: what the process needs once is no growth by the body.
    await Promise.all([
      transfer("GET /source?20000000 HTTP/1.1\r\nHost: a\r\n\r\n", 0),
      ask({ to: proxy.at(), path: "/sink" }),
    ]);
    uploaded = 0;
    const bytes = 1024 * mb;
    const both = Promise.all([
      transfer(`GET /source?${bytes} HTTP/1.1\r\nHost: a\r\n\r\n`, 0),
      transfer(`POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`, bytes),
    ]);
    const { result, growthBytes } = await watchRss(both);
    expect(result[0].received).toBe(bytes);
    expect(result[1].text).toContain(" 200 OK");
    expect(uploaded).toBe(bytes);
    expect(growthBytes / mb).toBeLessThan(64);
  }, 200_000);

  it("F3: pauses a backend whose client does not read, within 8 MB", async () => {
    const { ip, port } = proxy.at();
    const socket = connect(port, ip, () => socket.write("GET /source?100000000 HTTP/1.1\r\nHost: a\r\n\r\n"));
    socket.pause();
    const { growthBytes } = await watchRss(new Promise((resolve) => setTimeout(resolve, 3000)));
    expect(growthBytes / mb).toBeLessThan(8);
    socket.destroy();
  });

  it("F13: keeps 8,000 idle connections, answers beside them, and gives everything back", async () => {
    const { ip, port } = proxy.at();
    const filesBefore = openFiles(proxy.program.pid);
    const sockets: Socket[] = [];
    for (let batch = 0; batch < 80; batch++) {
      await Promise.all(
        Array.from(
          { length: 100 },
          () =>
            new Promise<void>((resolve, reject) => {
              const socket = connect(port, ip, resolve);
              socket.on("error", reject);
              sockets.push(socket);
            }),
        ),
      );
    }
    const accepted = async (): Promise<number> =>
      (await proxy.metrics())["rt/http/server/127.0.0.1/0/connections"] ?? 0;
    const patience = Date.now() + 5000;
    while ((await accepted()) < 8000 && Date.now() < patience) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await accepted()).toBeGreaterThanOrEqual(8000);
    expect((await ask({ to: proxy.at(), path: "/sink" })).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    const end = Date.now() + 5000;
    while (openFiles(proxy.program.pid) > filesBefore + 10 && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(openFiles(proxy.program.pid)).toBeLessThanOrEqual(filesBefore + 10);
  });
});
