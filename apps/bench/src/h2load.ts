import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import type { OpenLoopResult } from "./open-loop.ts";
import type { WrkResult } from "./wrk.ts";

const run = promisify(execFile);

/** What a load of HTTP/2 sends, beside the path. */
export interface H2Request {
  readonly headers: readonly string[];
  /** A file whose bytes are the body of a POST; a GET if not given. */
  readonly bodyFile?: string;
}

/** How many connections there are, and how many requests are under way on each of them. */
export interface H2Shape {
  readonly connections: number;
  readonly streams: number;
}

function argsFor(port: number, request: H2Request, { connections, streams }: H2Shape, seconds: number): string[] {
  const shape = ["-t", "1", "-c", String(connections), "-m", String(streams), "-D", String(seconds)];
  const args = request.headers.flatMap((header) => ["-H", header]);
  if (request.bodyFile !== undefined) args.push("-d", request.bodyFile);
  return [...shape, ...args, `http://127.0.0.1:${port}/bench`];
}

function readTotals(said: string, seconds: number): WrkResult {
  const counts = /(\d+) total, .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(said);
  const statuses = /status codes: (\d+) 2xx/.exec(said);
  if (counts === null || statuses === null) throw new Error(`h2load said nothing of requests:\n${said}`);
  const [succeeded, bad] = [Number(counts[2]), Number(counts[3]) + Number(counts[4]) + Number(counts[5])];
  return { requests: succeeded, seconds, errors: bad + Math.max(0, succeeded - Number(statuses[1])) };
}

/** Closed-loop load by HTTP/2 with prior knowledge: as many requests as the streams carry. */
export async function h2load(port: number, request: H2Request, shape: H2Shape, seconds: number): Promise<WrkResult> {
  const { stdout } = await run("h2load", argsFor(port, request, shape, seconds), { maxBuffer: 1 << 24 });
  return readTotals(stdout, seconds);
}

/** Requests at a fixed rate, each timed on its own. */
export async function h2OpenLoop(
  port: number,
  request: H2Request,
  shape: H2Shape,
  ratePerSecond: number,
  seconds: number,
  logFile: string,
): Promise<OpenLoopResult> {
  const perClient = Math.max(1, Math.round(ratePerSecond / shape.connections));
  const paced = [`--rps=${perClient}`, `--log-file=${logFile}`];
  await run("h2load", [...paced, ...argsFor(port, request, shape, seconds)], { maxBuffer: 1 << 24 });
  const lines = readFileSync(logFile, "latin1").trim().split("\n");
  const rows = lines.map((line) => line.split("\t").map(Number));
  const times = rows.map((row) => row[2] ?? Number.NaN).sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  const failed = rows.filter((row) => row[1] !== 200).length;
  return { sent: rows.length, failed, p50Us: at(0.5), p99Us: at(0.99) };
}
