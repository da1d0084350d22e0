// Run: node --expose-gc --min-semi-space-size=128 --max-semi-space-size=128 --import tsx \
//   --conditions=@weftmesh/source packages/balancer/bench/balancer.bench.ts
import { type BalancerKind, BalancerParam, balancer, DestParam, leastLoaded, P2c, peakEwma } from "@weftmesh/balancer";
import { ClockParam, Ctx, ok, Params, RngParam, Stack, service, systemClock, systemRng, Var } from "@weftmesh/core";
import { address, boundAddr } from "@weftmesh/naming";

const rounds = 9;

/** ns per step, the best round; bytes of heap per step, the median. */
function measure(step: () => void, count: number): { ns: number; bytes: number } {
  for (let i = 0; i < count; i++) step();
  const ns: number[] = [];
  const bytes: number[] = [];
  for (let round = 0; round < rounds; round++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    const from = performance.now();
    for (let i = 0; i < count; i++) step();
    ns.push(((performance.now() - from) * 1e6) / count);
    bytes.push((process.memoryUsage().heapUsed - before) / count);
  }
  return { ns: Math.round(Math.min(...ns)), bytes: Math.round(bytes.sort((a, b) => a - b)[rounds >> 1] ?? 0) };
}

const rows: Record<string, { ns: number; bytes: number }> = {};
const answer = Promise.resolve("rep");
const kinds: readonly BalancerKind[] = [leastLoaded(), peakEwma()];

for (const size of [10, 1000]) {
  const addresses = Array.from({ length: size }, (_, i) => address(`10.0.${i >> 8}.${i & 255}`, 80));
  const p2c = new P2c(systemRng, undefined);
  p2c.rebuild(addresses.map((_, i) => ({ status: "open", load: () => i })));
  rows[`pick of ${size}`] = measure(() => void p2c.pick(), 100_000);
  for (const kind of kinds) {
    const params = Params.empty
      .with(ClockParam, systemClock)
      .with(RngParam, systemRng)
      .with(BalancerParam, kind)
      .with(DestParam, Var.of(boundAddr(addresses)));
    const svc = new Stack([balancer<string, string>()], () => service<string, string>(() => answer)).make(params);
    rows[`${kind.algorithm}, call and end, ${size}`] = measure(() => {
      const ctx = new Ctx();
      void svc.call("req", ctx);
      ctx.respond("rep");
      ctx.end(ok);
    }, 50_000);
  }
}
rows["the ctx alone"] = measure(() => {
  const ctx = new Ctx();
  ctx.respond("rep");
  ctx.end(ok);
}, 50_000);
console.table(rows);
