// The load rig: every proxy that is to be had, side by side in interleaved rounds.
// node --import tsx src/load.ts [--http1] [--tls] [--http2] [--grpc] [--http2-to-http1] [--http1-to-http2] [--rounds N] [--seconds N] [--warmup S] [--only a,b] [--dir DIR]
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Child, sleep } from "./child.ts";
import { usageOf } from "./process-usage.ts";
import { chart, type Row, ratio, table } from "./report.ts";
import type { Rig } from "./rig.ts";
import { type Scenario, scenarios } from "./scenarios.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    connections: { type: "string", default: "50" },
    streams: { type: "string", default: "1" },
    rest: { type: "string", default: "30" },
    warmup: { type: "string", default: "5" },
    rate: { type: "string", default: "1500" },
    only: { type: "string" },
    dir: { type: "string" },
    http1: { type: "boolean", default: false },
    tls: { type: "boolean", default: false },
    http2: { type: "boolean", default: false },
    grpc: { type: "boolean", default: false },
    "http2-to-http1": { type: "boolean", default: false },
    "http1-to-http2": { type: "boolean", default: false },
    save: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const scenarioNames = Object.keys(scenarios) as (keyof typeof scenarios)[];
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

async function measure(scenario: Scenario, each: Running): Promise<void> {
  await scenario.load(each.port, 1);
  const before = usageOf(each.child.pid);
  const result = await scenario.load(each.port, seconds);
  const after = usageOf(each.child.pid);
  each.cpuUs.push(((after.cpuSeconds - before.cpuSeconds) * 1e6) / result.requests);
  each.requestsPerSecond.push(result.requests / result.seconds);
  each.errors += result.errors;
  each.rssLoadMb = Math.max(each.rssLoadMb, after.rssBytes / mb);
}

/** Those that were asked for, one after the other; the first of all where none was. */
async function main(): Promise<void> {
  const dir = values.dir ?? mkdtempSync(join(tmpdir(), "weft-bench-"));
  mkdirSync(dir, { recursive: true });
  const rig: Rig = { dir, upstreams: [firstPort, firstPort + 1, firstPort + 2] };
  const shape = { connections: Number(values.connections), streams: Number(values.streams) };
  const asked = scenarioNames.filter((name) => values[name]);
  for (const name of asked.length === 0 ? (["http1"] as const) : asked) await run(scenarios[name](rig, shape), rig);
}

async function run(scenario: Scenario, rig: Rig): Promise<void> {
  const wanted = values.only?.split(",");
  const children: Child[] = [await scenario.startBackends()];
  const running: Running[] = [];
  try {
    for (const [i, peer] of scenario.peers.entries()) {
      if (wanted !== undefined && !wanted.includes(peer.name) && peer.name !== scenario.base) continue;
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
      await scenario.load(each.port, Number(values.warmup));
    }
    for (let round = 0; round < rounds; round++) {
      for (const each of running) {
        console.error(`round ${round + 1} of ${rounds}: ${each.name}`);
        await measure(scenario, each);
      }
    }
    for (const each of running) {
      const result = await scenario.openLoop(each.port, Number(values.rate), Math.max(seconds, 3));
      each.p50Us = result.p50Us;
      each.p99Us = result.p99Us;
      each.errors += result.failed;
    }
    show(scenario, running);
  } finally {
    for (const child of children) await child.stop();
  }
}

function show({ title, file, base: baseName }: Scenario, rows: readonly Row[]): void {
  const base = rows.find((row) => row.name === baseName);
  if (base === undefined) throw new Error(`${baseName} is what the others are compared with, and it did not run`);
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
      [timesKey(base.name)]: ratio(
        { name, cpuUs, requestsPerSecond, errors, rssIdleMb, rssLoadMb, p50Us, p99Us },
        base,
      ),
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

function timesKey(name: string): string {
  return `times${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

await main();
