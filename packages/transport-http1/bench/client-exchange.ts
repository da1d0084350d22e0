// What an exchange costs on the client's side without a kernel: the codec alone, and under its pool. Run from the root:
// node --expose-gc --import tsx --conditions=@weftmesh/source packages/transport-http1/bench/client-exchange.ts
import { Ctx, ok, systemClock } from "@weftmesh/core";
import { discard, emptyBody, Headers, HttpRequest, type HttpResponse, Taken } from "@weftmesh/http";
import { Pool } from "@weftmesh/pool";
import { nullStats } from "@weftmesh/telemetry";
import { ClientConnection } from "@weftmesh/transport-http1";
import type { Wire } from "@weftmesh/wire";
import { ClientStats } from "@weftmesh/wire";

const shared = Buffer.alloc(16_384);
const response = Buffer.from(
  "HTTP/1.1 200 OK\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n" +
    `ETag: "abcdef"\r\nServer: bench\r\n\r\n${"x".repeat(1024)}`,
);

/** A wire that takes everything, and copies from the shared buffer as the real one does. */
const wire: Wire = {
  received: 0,
  sent: 0,
  pending: 0,
  full: false,
  closed: false,
  bulk: false,
  readBy: () => {},
  writeText: () => Taken,
  writeBytes: () => Taken,
  writeAround: () => Taken,
  chunk: (bytes, start, end) => {
    const copy = Buffer.allocUnsafe(end - start);
    bytes.copy(copy, 0, start, end);
    return copy;
  },
  retain: () => {},
  probe: () => {},
  pause: () => {},
  resume: () => {},
  end: () => {},
  destroy: () => {},
  reset: () => {},
};

function newClient(): ClientConnection {
  return new ClientConnection(wire, {
    clock: systemClock,
    stats: ClientStats.of(nullStats),
    limits: { maxInitialLineBytes: 4_096, maxHeaderBytes: 8_192, maxHeaderLines: 1_000 },
    continueTimeoutMs: 1_000,
    peer: "bench:80",
  });
}

function request(): HttpRequest {
  return new HttpRequest("1.1", "GET", "http", "bench", "/path?query=1", headers.clone(), emptyBody);
}

const headers = Headers.of("host", "bench", "user-agent", "bench", "accept", "*/*", "x-request-id", "0123456789abcdef");

async function measure(name: string, call: (req: HttpRequest, ctx: Ctx) => Promise<HttpResponse>, feed: () => void) {
  const calls = 200_000;
  let best = { ns: Number.POSITIVE_INFINITY, bytes: 0 };
  for (let round = 0; round < 6; round++) {
    globalThis.gc?.();
    const heap = process.memoryUsage().heapUsed;
    let bytes = 0;
    const started = process.hrtime.bigint();
    for (let i = 0; i < calls; i++) {
      const ctx = new Ctx();
      const promise = call(request(), ctx);
      feed();
      const rep = await promise;
      rep.body.pipe(discard);
      ctx.end(ok);
      if (i === 2_000) bytes = (process.memoryUsage().heapUsed - heap) / i;
    }
    const ns = Number(process.hrtime.bigint() - started) / calls;
    if (ns < best.ns) best = { ns, bytes };
  }
  console.log(
    `${name.padEnd(24)} ${best.ns.toFixed(0).padStart(6)} ns ${best.bytes.toFixed(0).padStart(6)} B per exchange`,
  );
}

const client = newClient();
const feedTo = (to: ClientConnection) => (): void => {
  response.copy(shared);
  to.onBytes(shared, response.length);
};
await measure(
  "request alone",
  async () => ({ body: emptyBody }) as HttpResponse,
  () => {},
);
await measure("connection", (req, ctx) => client.call(req, ctx), feedTo(client));
const pooled = newClient();
const pool = new Pool<HttpRequest, HttpResponse>(
  { open: () => Promise.resolve(pooled), status: "open", close: () => Promise.resolve() },
  { clock: systemClock },
);
const first = new Ctx();
const warm = pool.call(request(), first);
await Promise.resolve();
await Promise.resolve();
feedTo(pooled)();
await warm;
first.end(ok);
await measure("connection in a pool", (req, ctx) => pool.call(req, ctx), feedTo(pooled));
