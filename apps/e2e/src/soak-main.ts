// node --import tsx --conditions=@weftmesh/source src/soak-main.ts [minutes] [requests per second]
import { soak } from "./soak.ts";

const [minutes = "20", perSecond = "500"] = process.argv.slice(2);
const seconds = Math.round(Number(minutes) * 60);
const result = await soak({
  seconds,
  perSecond: Number(perSecond),
  warmUpSeconds: Math.min(180, seconds / 3),
  sampleEveryMs: 5000,
  log: (line) => process.stdout.write(`${line}\n`),
});
for (const { atSeconds, heapMb, rssMb } of result.samples.filter((_, i) => i % 12 === 11)) {
  process.stdout.write(`${atSeconds} s: heap ${heapMb.toFixed(2)} MB, rss ${rssMb.toFixed(1)} MB\n`);
}
process.stdout.write(`${JSON.stringify({ ...result, samples: result.samples.length }, undefined, 2)}\n`);
process.exitCode = result.failures === 0 && result.heapMbPerMinute < 1 ? 0 : 1;
