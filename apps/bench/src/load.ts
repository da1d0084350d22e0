// The load rig: every proxy that is to be had, side by side in interleaved rounds.
// node --import tsx src/load.ts [--tls] [--rounds N] [--seconds N] [--warmup S] [--only a,b] [--dir DIR]
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Child, sleep } from "./child.ts";
import { openLoop } from "./open-loop.ts";
import { peers, type Rig, startBackends } from "./peers.ts";
import { usageOf } from "./process-usage.ts";
import { chart, type Row, ratio, table } from "./report.ts";
import { startTlsBackends, tlsPeers } from "./tls-peers.ts";
import { wrk } from "./wrk.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    connections: { type: "string", default: "50" },
    rest: { type: "string", default: "30" },
    warmup: { type: "string", default: "5" },
    rate: { type: "string", default: "1500" },
    only: { type: "string" },
    dir: { type: "string" },
    tls: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const mb = 1024 * 1024;
/** Below the ephemeral range, where a client's own port could be in the way. */
const firstPort = 21_000;

interface Running {
  readonly name: string;
  readonly child: Child;
  readonly port: number;
  readonly cpuUs: number[];
  readonly requestsPerSecond: number[];
  errors: number;
  rssIdleMb: number;
  rssLoadMb: number;
  p50Us: number;
  p99Us: number;
}

function urlOf({ port }: Running): string {
  return `${values.tls ? "https" : "http"}://127.0.0.1:${port}/`;
}

async function measure(each: Running): Promise<void> {
  const url = urlOf(each);
  await wrk(url, Number(values.connections), 1);
  const before = usageOf(each.child.pid);
  const result = await wrk(url, Number(values.connections), seconds);
  const after = usageOf(each.child.pid);
  each.cpuUs.push(((after.cpuSeconds - before.cpuSeconds) * 1e6) / result.requests);
  each.requestsPerSecond.push(result.requests / result.seconds);
  each.errors += result.errors;
  each.rssLoadMb = Math.max(each.rssLoadMb, after.rssBytes / mb);
}

async function main(): Promise<void> {
  const dir = values.dir ?? mkdtempSync(join(tmpdir(), "weft-bench-"));
  mkdirSync(dir, { recursive: true });
  const rig: Rig = { dir, upstreams: [firstPort, firstPort + 1, firstPort + 2] };
  const wanted = values.only?.split(",");
  const children: Child[] = [await (values.tls ? startTlsBackends(rig) : startBackends(rig))];
  const running: Running[] = [];
  try {
    for (const [i, peer] of (values.tls ? tlsPeers : peers).entries()) {
      if (wanted !== undefined && !wanted.includes(peer.name) && peer.name !== "nginx") continue;
      const port = firstPort + 10 + i * 10;
      const child = await peer.start(rig, port).catch((error: Error) => error.message);
      if (typeof child === "string") {
        console.error(`${peer.name}: left out: ${child}`);
        continue;
      }
      children.push(child);
      running.push({
        name: peer.name,
        child,
        port,
        cpuUs: [],
        requestsPerSecond: [],
        errors: 0,
        rssIdleMb: 0,
        rssLoadMb: 0,
        p50Us: 0,
        p99Us: 0,
      });
    }
    console.error(`at rest for ${values.rest} s`);
    await sleep(Number(values.rest) * 1000);
    for (const each of running) each.rssIdleMb = usageOf(each.child.pid).rssBytes / mb;
    // Nobody is measured while its code is still being compiled.
    for (const each of running) {
      console.error(`warming up: ${each.name}`);
      await wrk(urlOf(each), Number(values.connections), Number(values.warmup));
    }
    for (let round = 0; round < rounds; round++) {
      for (const each of running) {
        console.error(`round ${round + 1} of ${rounds}: ${each.name}`);
        await measure(each);
      }
    }
    for (const each of running) {
      const result = await openLoop(each.port, Number(values.rate), Math.max(seconds, 3), { tls: values.tls });
      each.p50Us = result.p50Us;
      each.p99Us = result.p99Us;
      each.errors += result.failed;
    }
    show(running);
  } finally {
    for (const child of children) await child.stop();
  }
}

function show(rows: readonly Row[]): void {
  const base = rows.find((row) => row.name === "nginx");
  if (base === undefined) throw new Error("nginx is what the others are compared with, and it did not run");
  const what = values.tls ? "HTTP/1.1 over TLS 1.3 on both sides" : "HTTP/1.1";
  const title = `${what}, GET 1 KiB, keep-alive: CPU per request, x nginx`;
  const file = values.tls ? "http1-tls-get" : "http1-get";
  console.log(`${title}\n\n${table(rows, base)}`);
  if (!values.save) return;
  const results = join(dirname(fileURLToPath(import.meta.url)), "../results");
  mkdirSync(results, { recursive: true });
  const kept = {
    title,
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    rounds,
    seconds,
    ratePerSecond: Number(values.rate),
    rows: rows.map(({ name, cpuUs, requestsPerSecond, errors, rssIdleMb, rssLoadMb, p50Us, p99Us }) => ({
      name,
      timesNginx: ratio({ name, cpuUs, requestsPerSecond, errors, rssIdleMb, rssLoadMb, p50Us, p99Us }, base),
      cpuUs,
      requestsPerSecond,
      errors,
      rssIdleMb,
      rssLoadMb,
      p50Us,
      p99Us,
    })),
  };
  writeFileSync(join(results, `${file}.json`), `${JSON.stringify(kept, null, 2)}\n`);
  writeFileSync(join(results, `${file}.svg`), chart(title, rows, base));
}

await main();
