import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface WrkResult {
  readonly requests: number;
  readonly seconds: number;
  readonly errors: number;
}

/** Closed-loop load: as many requests as `connections` keep-alive connections carry. */
export async function wrk(
  url: string,
  connections: number,
  seconds: number,
  headers: readonly string[] = [],
): Promise<WrkResult> {
  const args = ["-t", "1", "-c", String(connections), "-d", `${seconds}s`];
  for (const header of ["Host: web", ...headers]) args.push("-H", header);
  const { stdout } = await run("wrk", [...args, url]);
  const total = /(\d+) requests in ([\d.]+)(ms|s|m)/.exec(stdout);
  if (total === null) throw new Error(`wrk said nothing of requests:\n${stdout}`);
  const unit = { ms: 0.001, s: 1, m: 60 }[total[3] as "ms" | "s" | "m"];
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout);
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(stdout);
  const errors = (socket === null ? 0 : sum(socket.slice(1))) + Number(bad?.[1] ?? 0);
  return { requests: Number(total[1]), seconds: Number(total[2]) * unit, errors };
}

function sum(texts: readonly string[]): number {
  return texts.reduce((total, text) => total + Number(text), 0);
}
