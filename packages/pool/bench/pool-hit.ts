// The cost of a call on an idle session, above that of the session itself. Run from the root with
// node --expose-gc --import tsx --conditions=@weftmesh/source packages/pool/bench/pool-hit.ts
import { Ctx, ok, type Service, type ServiceFactory, service, systemClock } from "@weftmesh/core";
import { BalancingPool, Pool, type PoolOptions, SingletonPool } from "@weftmesh/pool";

const calls = 1_000_000;
const rounds = 7;
const rep = Promise.resolve("rep");
const session: Service<string, string> = service(() => rep);
const factory: ServiceFactory<string, string> = {
  open: () => Promise.resolve(session),
  status: "open",
  close: () => Promise.resolve(),
};

function poolOf(options: Partial<PoolOptions> = {}): Pool<string, string> {
  return new Pool<string, string>(factory, { clock: systemClock, ...options });
}

interface Figures {
  readonly ns: number;
  readonly bytes: number;
}

/** The best of some rounds: the others had the machine's other work in them. */
function measure(svc: Service<string, string>): Figures {
  let best: Figures = { ns: Number.POSITIVE_INFINITY, bytes: 0 };
  for (let round = 0; round < rounds; round++) {
    globalThis.gc?.();
    const heap = process.memoryUsage().heapUsed;
    const started = process.hrtime.bigint();
    let n = 0;
    for (; n < 10_000; n++) once(svc);
    const bytes = (process.memoryUsage().heapUsed - heap) / n;
    for (; n < calls; n++) once(svc);
    const ns = Number(process.hrtime.bigint() - started) / calls;
    if (ns < best.ns) best = { ns, bytes };
  }
  return best;
}

function once(svc: Service<string, string>): void {
  const ctx = new Ctx();
  void svc.call("req", ctx);
  ctx.end(ok);
}

async function warm(pool: Service<string, string>, sessions: number): Promise<Service<string, string>> {
  const ctxs = Array.from({ length: sessions }, () => new Ctx());
  await Promise.all(ctxs.map((ctx) => pool.call("req", ctx)));
  for (const ctx of ctxs) ctx.end(ok);
  return pool;
}

const rows: readonly [string, Service<string, string>][] = [
  ["the session alone", session],
  ["a pool of one", await warm(poolOf(), 1)],
  ["a pool of a thousand idle", await warm(poolOf(), 1_000)],
  ["a pool with an idle time", await warm(poolOf({ idleTimeMs: 60_000 }), 10)],
  ["a shared session", await warm(new SingletonPool(factory, { clock: systemClock }), 1)],
  ["the least of four shared", await warm(new BalancingPool(factory, { clock: systemClock, sessions: 4 }), 4)],
];
for (const [, svc] of rows) measure(svc);
for (const [name, svc] of rows) {
  const { ns, bytes } = measure(svc);
  console.log(`${name.padEnd(28)} ${ns.toFixed(0).padStart(5)} ns/call ${bytes.toFixed(0).padStart(5)} B/call`);
}
for (const [, svc] of rows.slice(1)) void svc.close();
