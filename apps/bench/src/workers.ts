// One process beside worker processes, in interleaved rounds: what a request costs in all, and how even the work is.
// node --import tsx src/workers.ts [--rounds N] [--seconds N] [--connections N]
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Child } from "./child.ts";
import { oneProcess, startBackends, withWorkers } from "./http1-peers.ts";
import { childCpuSeconds, usageOf } from "./process-usage.ts";
import { median } from "./report.ts";
import type { Rig } from "./rig.ts";
import { wrk } from "./wrk.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    connections: { type: "string", default: "50" },
  },
});
/** Below the ephemeral range, and apart from the ports of the load rig. */
const firstPort = 21_500;

const rig: Rig = {
  dir: mkdtempSync(join(tmpdir(), "weft-bench-")),
  upstreams: [firstPort, firstPort + 1, firstPort + 2],
};
const children: Child[] = [await startBackends(rig)];
const rows: { name: string; child: Child; port: number; cpuUs: number[]; spreads: number[]; perSecond: number[] }[] =
  [];
try {
  for (const [i, peer] of [oneProcess, withWorkers(1), withWorkers(2)].entries()) {
    const port = firstPort + 10 + i * 10;
    const child = await peer.start(rig, port);
    if (typeof child === "string") throw new Error(`${peer.name}: ${child}`);
    children.push(child);
    rows.push({ name: peer.name, child, port, cpuUs: [], spreads: [], perSecond: [] });
  }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { child, port, cpuUs, spreads, perSecond } of rows) {
      const url = `http://127.0.0.1:${port}/`;
      await wrk(url, Number(values.connections), 1);
      const [before, each] = [usageOf(child.pid), childCpuSeconds(child.pid)];
      const result = await wrk(url, Number(values.connections), Number(values.seconds));
      cpuUs.push(((usageOf(child.pid).cpuSeconds - before.cpuSeconds) * 1e6) / result.requests);
      perSecond.push(result.requests / result.seconds);
      const shares = [...childCpuSeconds(child.pid)].map(([pid, seconds]) => seconds - (each.get(pid) ?? 0));
      if (shares.length > 1) spreads.push(Math.max(...shares) / Math.min(...shares) - 1);
    }
  }
  const base = rows.find(({ name }) => name === "weftmesh-workers-1")?.cpuUs ?? [];
  for (const { name, cpuUs, spreads, perSecond } of rows) {
    const times = median(cpuUs.map((us, round) => us / (base[round] ?? Number.NaN)));
    const spread =
      spreads.length === 0 ? "" : `, the busier worker ${(100 * median(spreads)).toFixed(1)} % above the other`;
    console.log(
      `${name}: ${median(cpuUs).toFixed(1)} us of CPU per request, x ${times.toFixed(2)} of one worker, ${median(perSecond).toFixed(0)} req/s${spread}`,
    );
  }
} finally {
  for (const child of children) await child.stop();
}
