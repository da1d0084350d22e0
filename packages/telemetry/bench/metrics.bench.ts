// Run: node --import tsx --conditions=@weftmesh/source packages/telemetry/bench/metrics.bench.ts
import { type Counter, MetricsRegistry, type MetricsTree, metricsJson, type Stat } from "../src/index.ts";

const rounds = 15;
const count = 2_000_000;

/** The best of 15 rounds, in ns per call. */
function best(call: (i: number) => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const from = performance.now();
    for (let i = 0; i < count; i++) call(i);
    least = Math.min(least, ((performance.now() - from) * 1e6) / count);
  }
  return Math.round(least * 10) / 10;
}

function bytes(make: () => unknown): number {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const made = Array.from({ length: 10_000 }, make);
  globalThis.gc?.();
  const after = process.memoryUsage();
  if (made.length === 0) throw new Error("nothing was made");
  return Math.round((after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / made.length);
}

const metrics = new MetricsRegistry();
const counters = Array.from({ length: 64 }, (_, i): Counter => metrics.counter("c", String(i)));
const stats = Array.from({ length: 64 }, (_, i): Stat => metrics.stat("s", String(i)));
const latencies = Array.from({ length: 1024 }, (_, i) => (i * 37) % 1000);

console.table({
  "counter.inc": { ns: best((i) => counters[i & 63]?.inc()) },
  "stat.add": { ns: best((i) => stats[i & 63]?.add(latencies[i & 1023] as number)) },
});

function scrape(tree: MetricsTree): number {
  const from = performance.now();
  metricsJson(tree, new URLSearchParams());
  return performance.now() - from;
}

const large = new MetricsRegistry({ maxNames: 200_000 });
for (let i = 0; i < 1_000; i++) {
  const scope = large.scope("rt", "http", "client", `#/io.l5d.fs/s${i}`);
  for (let k = 0; k < 40; k++) scope.counter(`c${k}`).inc(i);
  for (let k = 0; k < 10; k++) for (let ms = 1; ms < 200; ms += 7) scope.stat(`s${k}`).add(ms);
}
const snapshotFrom = performance.now();
large.snapshot();
console.table({
  "snapshot of 10 000 stats, ms": { value: Math.round((performance.now() - snapshotFrom) * 10) / 10 },
  "metrics.json of 50 000 metrics, first, ms": { value: Math.round(scrape(large)) },
  "metrics.json of 50 000 metrics, again, ms": { value: Math.round(scrape(large)) },
});

if (globalThis.gc !== undefined) {
  let n = 0;
  const many = new MetricsRegistry({ maxNames: 1_000_000 });
  console.table({
    "a counter in the tree": { bytes: bytes(() => many.counter("scope", `counter${n++}`)) },
    "a stat in the tree, 5 to 500 ms seen": {
      bytes: bytes(() => {
        const stat = many.stat("scope", `stat${n++}`);
        stat.add(5);
        stat.add(500);
        return stat;
      }),
    },
  });
}
