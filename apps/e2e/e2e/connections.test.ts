import { createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunningProxy } from "../src/proxy.ts";
import { ask, sendRaw } from "../src/raw-http.ts";

/** A backend that is asked byte for byte, and whose connections a test may close. */
class WireBackend {
  readonly sockets: Socket[] = [];
  /** Request heads, in order. */
  readonly heads: string[] = [];
  answer: (head: string) => string = () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  closesAfter = false;
  readonly server: Server = createServer((socket) => {
    this.sockets.push(socket);
    let held = "";
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      held += chunk.toString("latin1");
      for (let end = held.indexOf("\r\n\r\n"); end >= 0; end = held.indexOf("\r\n\r\n")) {
        const head = held.slice(0, end);
        held = held.slice(end + 4);
        this.heads.push(head);
        const reply = this.answer(head);
        if (this.closesAfter) socket.end(reply, "latin1");
        else socket.write(reply, "latin1");
      }
    });
  });

  async start(): Promise<number> {
    this.server.listen(0, "127.0.0.1");
    await new Promise((resolve) => this.server.once("listening", resolve));
    return (this.server.address() as { port: number }).port;
  }
}

const backend = new WireBackend();
let port: number;
let proxy: RunningProxy;

beforeAll(async () => {
  port = await backend.start();
  proxy = await RunningProxy.start(`admin: { port: 0 }
routers:
- protocol: http
  dtab: /svc/* => /$/inet/127.1/${port}
  servers: [{ port: 0 }]
`);
});

afterAll(async () => {
  await proxy?.stop();
  for (const socket of backend.sockets) socket.destroy();
  backend.server.close();
});

async function connects(): Promise<{ readonly client: number; readonly server: number }> {
  const metrics = await proxy.metrics();
  return {
    client: metrics[`rt/http/client/$/inet/127.1/${port}/connects`] ?? 0,
    server: metrics["rt/http/server/127.0.0.1/0/connects"] ?? 0,
  };
}

const old = () => sendRaw(proxy.at(), "GET / HTTP/1.0\r\nHost: web\r\n\r\n");

describe("connections", () => {
  it("of HTTP/1.1 are used again, on both sides, and a new one is made when the backend has closed", async () => {
    const many = "GET / HTTP/1.1\r\nHost: web\r\n\r\n".repeat(3);
    expect((await sendRaw(proxy.at(), many)).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3);
    expect(await connects()).toEqual({ client: 1, server: 1 });
    backend.sockets[0]?.end();
    const end = Date.now() + 5000;
    while ((await proxy.metrics())[`rt/http/client/$/inet/127.1/${port}/connections`] !== 0 && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect((await ask({ to: proxy.at() })).status).toBe(200);
    expect(await connects()).toEqual({ client: 2, server: 2 });
    expect(backend.heads.every((head) => !/^(connection|keep-alive):/im.test(head))).toBe(true);
  });

  it("that a backend closes just as a request goes out cost a caller of GET nothing", async () => {
    backend.closesAfter = true;
    for (let i = 0; i < 20; i++) {
      const answer = await ask({ to: proxy.at() });
      expect([i, answer.status, answer.body]).toEqual([i, 200, "ok"]);
    }
    backend.closesAfter = false;
  });

  it("of HTTP/1.0 end with the response, unless they are asked to stay", async () => {
    const before = await connects();
    for (let i = 0; i < 2; i++) {
      const answer = await old();
      expect(answer).toMatch(/^HTTP\/1\.[01] 200 OK\r\n/);
      expect(answer).toMatch(/ok$/);
    }
    const after = await connects();
    expect(after.server - before.server).toBe(2);
    // Our own version goes on, as RFC 9112 has it: the connection behind us is kept.
    expect(backend.heads.at(-1)).toMatch(/^GET \/ HTTP\/1\.1\r\n/);
    expect(after.client - before.client).toBeLessThanOrEqual(1);
    const kept = "GET / HTTP/1.0\r\nHost: web\r\nConnection: keep-alive\r\n\r\n".repeat(2);
    expect((await sendRaw(proxy.at(), kept)).match(/200 OK/g)).toHaveLength(2);
  });

  it("of HTTP/1.0 give a response without a length its end by closing", async () => {
    backend.answer = () => "HTTP/1.0 200 OK\r\n\r\nto the end";
    backend.closesAfter = true;
    const answer = await old();
    expect(answer).toMatch(/\r\n\r\nto the end$/);
    expect(answer).not.toMatch(/transfer-encoding/i);
    backend.answer = () => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nto \r\n7\r\nthe end\r\n0\r\n\r\n";
    const chunked = await old();
    expect(chunked).toMatch(/\r\n\r\nto the end$/);
    expect(chunked).not.toMatch(/transfer-encoding/i);
    backend.closesAfter = false;
    backend.answer = () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  });

  it("strip hop-by-hop headers on both ways, and say Via on both", async () => {
    backend.answer = () =>
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x-hop\r\nX-Hop: 1\r\nUpgrade: h2c\r\nVia: 1.0 up\r\n\r\nok";
    const answer = await ask({
      to: proxy.at(),
      headers: { connection: "x-mine", "x-mine": "1", te: "trailers", via: "1.1 front" },
    });
    const head = backend.heads.at(-1) ?? "";
    expect(head).not.toMatch(/^(x-mine|te|connection|upgrade):/im);
    expect(head).toMatch(/^via: 1\.1 front, 1\.1 linkerd$/im);
    expect([answer.headers["x-hop"], answer.headers["upgrade"]]).toEqual([undefined, undefined]);
    expect(answer.headers["via"]).toBe("1.0 up, 1.1 linkerd");
    backend.answer = () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  });

  it("over which a backend says something that is no response end in 502, with the reason", async () => {
    for (const reply of [
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
      "nonsense\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ]) {
      backend.answer = () => reply;
      const answer = await ask({ to: proxy.at() });
      expect([reply, answer.status]).toEqual([reply, 502]);
      expect(answer.headers["l5d-err"]).toMatch(/^[A-Za-z0-9.*_+%-]+$/);
      expect(answer.headers["via"]).toBeUndefined();
      expect(answer.body).not.toBe("");
    }
  });
});
