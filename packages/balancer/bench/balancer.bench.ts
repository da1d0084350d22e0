// Run: node --expose-gc --min-semi-space-size=128 --max-semi-space-size=128 --import tsx \
//   --conditions=@weftmesh/source packages/balancer/bench/balancer.bench.ts
import {
  aperture,
  aperturePeakEwma,
  type BalancerKind,
  BalancerParam,
  balancer,
  DestParam,
  heap,
  leastLoaded,
  maglev,
  P2c,
  peakEwma,
  ringHash,
  roundRobin,
  weightedRoundRobin,
} from "@weftmesh/balancer";
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
  return { ns: Math.round(Math.min(...ns)), bytes: Math.round(median(bytes)) };
}

function median(all: number[]): number {
  return all.sort((a, b) => a - b)[all.length >> 1] ?? Number.NaN;
}

const rows: Record<string, { ns: number; bytes: number }> = {};
const answer = Promise.resolve("rep");
const keys = Array.from({ length: 1024 }, (_, i) => `user-${i}`);
let at = 0;
const key = (): string | undefined => keys[at++ & 1023];
const kinds: readonly BalancerKind[] = [
  leastLoaded(),
  peakEwma(),
  aperture(),
  aperturePeakEwma(),
  heap(),
  roundRobin(),
  weightedRoundRobin(),
  ringHash({ key }),
  maglev({ key }),
];

for (const size of [10, 1000]) {
  const addresses = Array.from({ length: size }, (_, i) => address(`10.0.${i >> 8}.${i & 255}`, 80));
  const p2c = new P2c(systemRng, undefined);
  p2c.rebuild(addresses.map((_, i) => ({ status: "open", sinceMs: 0, load: () => i })));
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

// A set of 10,000, from one endpoint and back, and with one endpoint more; bytes per endpoint and client.
const updates: Record<string, { tenThousandMs: number; oneMoreMs: number; oneMs: number; bytes: number }> = {};
const many = Array.from({ length: 10_001 }, (_, i) => address(`10.0.${i >> 8}.${i & 255}`, 80));
for (const kind of kinds) {
  const dest = Var.source(boundAddr(many.slice(0, 1)));
  const params = Params.empty
    .with(ClockParam, systemClock)
    .with(RngParam, systemRng)
    .with(BalancerParam, kind)
    .with(DestParam, dest);
  const svc = new Stack([balancer<string, string>()], () => service<string, string>(() => answer)).make(params);
  const took: number[][] = [[], [], []];
  const bytes: number[] = [];
  for (let round = 0; round < rounds; round++) {
    globalThis.gc?.();
    const before = process.memoryUsage();
    for (const [i, size] of [10_000, 10_001, 1].entries()) {
      const addr = boundAddr(many.slice(0, size));
      const from = performance.now();
      dest.set(addr);
      took[i]?.push(performance.now() - from);
      if (i > 0) continue;
      globalThis.gc?.();
      const after = process.memoryUsage();
      bytes.push((after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / size);
    }
  }
  const [tenThousandMs = 0, oneMoreMs = 0, oneMs = 0] = took.map((all) => Math.round(Math.min(...all) * 10) / 10);
  updates[kind.algorithm] = { tenThousandMs, oneMoreMs, oneMs, bytes: Math.round(median(bytes)) };
  await svc.close();
}
console.table(updates);
