import { connect, type Socket } from "node:net";
import { type Http2Flood, http2Floods } from "@weftmesh/testkit/http2-floods";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { H2Backend, H2Client } from "../src/h2.ts";
import { RunningProxy } from "../src/proxy.ts";
import { FrameType, frame } from "../src/raw-h2.ts";
import { until } from "../src/until.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const enhanceYourCalm = 11;
const maxGrowth = 32 * 1024 * 1024;

let backend: H2Backend;
let proxy: RunningProxy;
let good: H2Client;

beforeAll(async () => {
  backend = await H2Backend.start((stream, headers) => {
    const path = String(headers[":path"]);
    if (path === "/never") return;
    stream.resume();
    const answer = (): void => {
      if (stream.destroyed) return;
      stream.respond({ ":status": 200 });
      stream.end(path.startsWith("/big/") ? Buffer.alloc(Number(path.slice(5))) : "ok");
    };
    if (headers[":method"] === "POST") stream.on("end", answer);
    else answer();
  });
  proxy = await RunningProxy.start(`admin: { port: 0 }
routers:
- protocol: h2
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers: [{ port: 0 }]
`);
  good = await H2Client.connect(proxy.at("h2"));
  // What is compiled, opened and kept once is there before anything is measured.
  for (let i = 0; i < 200; i++) expect((await good.ask()).status).toBe(200);
}, 60_000);
afterAll(async () => {
  good?.close();
  await proxy?.stop();
  await backend?.stop();
});

/** A client that floods, and the code of the GOAWAY that it got. */
class Attacker {
  goawayCode: number | undefined;
  closed = false;
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);

  constructor({ settings, first }: Http2Flood) {
    const { ip, port } = proxy.at("h2");
    this.#socket = connect(port, ip);
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.closed = true;
    });
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.write(Buffer.concat([preface, frame(FrameType.settings, 0, 0, settings), first]));
  }

  /** How often it wrote before the connection closed. */
  async send({ make, count }: Http2Flood): Promise<number> {
    for (let i = 0; i < count; i++) {
      if (this.closed || this.#socket.destroyed) return i;
      const isFull = !this.#socket.write(make(i));
      // Reads what comes, too.
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (isFull) await until(() => this.closed || !this.#socket.writableNeedDrain, "the proxy reads on", 30_000);
    }
    return count;
  }

  leave(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      if (bytes[3] === FrameType.goaway) this.goawayCode = bytes.readUInt32BE(13);
      bytes = bytes.subarray(9 + bytes.readUIntBE(0, 3));
    }
    this.#rest = Buffer.from(bytes);
  }
}

// Each of them at the codec alone: packages/transport-http2/test/list-b.test.ts.
describe("list B over the real process", () => {
  for (const each of http2Floods) {
    it(`${each.id}: ${each.what}: a good request is answered meanwhile, and memory grows by less than 32 MB`, async () => {
      const before = proxy.program.rssBytes;
      const attacker = new Attacker(each);
      let over = false;
      let answered = 0;
      let peak = before;
      const beside = (async () => {
        while (!over || answered < 3) {
          expect((await good.ask()).status).toBe(200);
          answered++;
          peak = Math.max(peak, proxy.program.rssBytes);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      })();
      try {
        const sent = await attacker.send(each);
        if (each.ends) {
          expect(sent).toBeLessThan(each.count);
          await until(() => attacker.closed, "the connection closes", 30_000);
          expect(attacker.goawayCode).toBe(enhanceYourCalm);
        }
      } finally {
        over = true;
        attacker.leave();
        await beside;
      }
      expect(peak - before).toBeLessThan(maxGrowth);
      expect(proxy.program.running).toBe(true);
      expect(proxy.program.output).not.toMatch(/uncaught|unhandled/i);
      // Whatever was passed on is over.
      await until(
        () => backend.streams.filter(({ closed }) => !closed).length === 0,
        "the backend's streams end",
        30_000,
      );
      backend.streams.length = 0;
      backend.received.length = 0;
    });
  }
});
