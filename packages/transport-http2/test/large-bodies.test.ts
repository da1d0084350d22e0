import { createHash } from "node:crypto";
import { Ctx, service, systemClock } from "@weftmesh/core";
import {
  type Body,
  type BodySink,
  emptyBody,
  type Flow,
  Full,
  Headers,
  HttpRequest,
  HttpResponse,
} from "@weftmesh/http";
import { type ClientSession, Http2Connector, type Http2Server, listenHttp2 } from "@weftmesh/transport-http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** The full sizes take a minute or so, and are for runs by hand. */
const isFull = process.env["WEFT_FULL"] === "1";
const streamBytes = isFull ? 2 ** 30 : 2 ** 26;
const manyStreams = isFull ? 100 : 40;
const manyBytes = isFull ? 10 * 2 ** 20 : 2 ** 20;
/** What may be in buffers of sockets, windows and chunks together, and what garbage there may be between two looks. */
const maxGrowthBytes = 96 * 2 ** 20;

const chunk = Buffer.alloc(65_536);
for (let i = 0; i < chunk.length; i++) chunk[i] = (i * 31) & 0xff;

/** So many bytes, no faster than they are taken. */
class Source implements Body, Flow {
  readonly length: number;
  private left: number;
  private sink: BodySink | undefined;
  private pumping = false;
  private isFull = false;

  constructor(bytes: number) {
    this.length = bytes;
    this.left = bytes;
  }

  pipe(sink: BodySink): Flow {
    this.sink = sink;
    this.pump();
    return this;
  }

  resume(): void {
    this.isFull = false;
    this.pump();
  }

  stop(): void {
    this.sink = undefined;
  }

  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    while (this.sink !== undefined && !this.isFull && this.left > 0) {
      const bytes = Math.min(this.left, chunk.length);
      this.left -= bytes;
      this.isFull = (this.sink.onData(chunk.subarray(0, bytes)) & Full) !== 0;
    }
    this.pumping = false;
    if (this.left > 0 || this.isFull || this.sink === undefined) return;
    const { sink } = this;
    this.sink = undefined;
    sink.onEnd(undefined);
  }
}

let peakBytes = 0;

/** The checksum of a body, which is taken slowly now and then. */
function checksum(body: Body, slow: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const hash = createHash("md5");
    let chunks = 0;
    const flow = body.pipe({
      onData(bytes) {
        hash.update(bytes);
        const { arrayBuffers, heapUsed } = process.memoryUsage();
        peakBytes = Math.max(peakBytes, arrayBuffers + heapUsed);
        if (!slow || ++chunks % 16 !== 0) return 0;
        setImmediate(() => flow.resume());
        return Full;
      },
      onEnd: () => resolve(hash.digest("hex")),
      onError: reject,
    });
  });
}

function expected(bytes: number): string {
  const hash = createHash("md5");
  for (let left = bytes; left > 0; left -= chunk.length) hash.update(chunk.subarray(0, Math.min(left, chunk.length)));
  return hash.digest("hex");
}

function request(method: string, body: Body): HttpRequest {
  return new HttpRequest("1.1", method, "http", "test.example", "/", new Headers(), body);
}

describe("long bodies through a proxy of ours", () => {
  const servers: Http2Server[] = [];
  let client: ClientSession;

  beforeAll(async () => {
    const backend = await listenHttp2({
      service: service(async (req) => {
        if (req.method === "GET") return new HttpResponse(200, new Headers(), new Source(manyBytes));
        return new HttpResponse(200, new Headers(), req.body);
      }),
      port: 0,
      clock: systemClock,
    });
    servers.push(backend);
    const clock = systemClock;
    const connect = (port: number) =>
      new Http2Connector({ host: "127.0.0.1", port, clock, connectTimeoutMs: 10_000 }).open(new Ctx());
    const upstream = await connect(backend.address.port);
    const proxy = await listenHttp2({ service: service((req, ctx) => upstream.call(req, ctx.fork())), port: 0, clock });
    servers.push(proxy);
    client = await connect(proxy.address.port);
  });

  afterAll(async () => {
    await client.close();
    for (const server of servers) await server.close(1_000);
  });

  it(`takes ${streamBytes / 2 ** 20} MiB there and back on one stream, whole, in bounded memory`, async () => {
    const before = process.memoryUsage();
    peakBytes = 0;
    const rep = await client.call(request("POST", new Source(streamBytes)), new Ctx());
    expect(await checksum(rep.body, true)).toBe(expected(streamBytes));
    expect(peakBytes - before.arrayBuffers - before.heapUsed).toBeLessThan(maxGrowthBytes);
  }, 600_000);

  it(`takes ${manyStreams} bodies of ${manyBytes / 2 ** 20} MiB at once, each whole, in bounded memory`, async () => {
    const before = process.memoryUsage();
    peakBytes = 0;
    const sums = await Promise.all(
      Array.from({ length: manyStreams }, async (_, i) =>
        checksum((await client.call(request("GET", emptyBody), new Ctx())).body, i % 2 === 0),
      ),
    );
    expect(new Set(sums)).toEqual(new Set([expected(manyBytes)]));
    expect(peakBytes - before.arrayBuffers - before.heapUsed).toBeLessThan(maxGrowthBytes);
  }, 600_000);
});
