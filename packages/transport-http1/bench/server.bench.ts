/**
 * CPU per request of the bare server against `node:http`, by wrk over loopback: user and system time of the server's
 * process from /proc, divided by the requests. Rounds are interleaved, for the machine is shared: compare ratios.
 *
 * Run: node --import tsx --conditions=@weftmesh/source packages/transport-http1/bench/server.bench.ts [rounds] [seconds]
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const kinds = ["onread", "data", "node:http"] as const;
const [rounds = "3", seconds = "3"] = process.argv.slice(2);
const program = fileURLToPath(new URL("./server-process.ts", import.meta.url));
const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

interface Work {
  readonly name: string;
  readonly size: number;
  readonly wrk: readonly string[];
}

const script = join(tmpdir(), "weft-server-bench.lua");
writeFileSync(script, `wrk.method = "POST"\nwrk.body = string.rep("x", 10240)\n`);
const works: readonly Work[] = [
  { name: "GET 1 KiB", size: 1_024, wrk: ["-c", "32"] },
  { name: "GET 100 KiB", size: 102_400, wrk: ["-c", "16"] },
  { name: "POST 10 KiB echo", size: 0, wrk: ["-c", "32", "-s", script] },
];

async function start(kind: string, size: number): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "--conditions=@weftmesh/source", program, kind, String(size)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  return { child, port: Number(line.toString()) };
}

/** User and system time so far, in us. */
function cpu(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6;
}

function load(port: number, args: readonly string[], secs: string): Promise<number> {
  return new Promise((resolve) => {
    const wrk = spawn("wrk", ["-t", "1", "-d", `${secs}s`, ...args, `http://127.0.0.1:${port}/bench`]);
    let out = "";
    wrk.stdout.on("data", (bytes) => {
      out += bytes;
    });
    wrk.on("close", () => {
      const errors = /Non-2xx|Socket errors/.exec(out);
      if (errors !== null) throw new Error(out);
      resolve(Number(/(\d+) requests in/.exec(out)?.[1]));
    });
  });
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] as number;
}

for (const work of works) {
  const results = new Map<string, number[]>();
  const running: { kind: string; child: ChildProcess; port: number }[] = [];
  for (const kind of kinds) {
    results.set(kind, []);
    running.push({ kind, ...(await start(kind, work.size)) });
  }
  for (let round = -1; round < Number(rounds); round++) {
    for (const { kind, child, port } of running) {
      const before = cpu(child.pid as number);
      const requests = await load(port, work.wrk, round < 0 ? "1" : seconds);
      // The first round warms up.
      if (round >= 0) results.get(kind)?.push((cpu(child.pid as number) - before) / requests);
    }
  }
  for (const { child } of running) child.kill();
  const base = median(results.get("node:http") as number[]);
  for (const [kind, numbers] of results) {
    const figure = median(numbers);
    console.log(
      `${work.name.padEnd(18)} ${kind.padEnd(10)} ${figure.toFixed(1).padStart(6)} us/request (best ${Math.min(...numbers).toFixed(1)}), ${(base / figure).toFixed(1)} times less than node:http`,
    );
  }
}
