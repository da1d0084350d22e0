import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { root } from "./workspace.ts";

const tsx = ["--import", "tsx"];
/** The slow ones first, so that the quick ones fill the other cores. */
const steps: readonly (readonly [string, string, ...string[]])[] = [
  ["types of the sources", "node", "node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--noEmit"],
  ["types of tests and scripts", "node", "node_modules/typescript/bin/tsc", "-p", "tsconfig.tests.json", "--noEmit"],
  ["unused code (knip)", "node", "node_modules/knip/bin/knip.js", "--no-progress"],
  ["imports", "node", ...tsx, "scripts/check-imports.ts"],
  ["format and lint", "node", "node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."],
  ["layers", "node", ...tsx, "scripts/check-layers.ts"],
  ["changesets", "node", ...tsx, "scripts/check-changesets.ts"],
];

interface Done {
  readonly name: string;
  readonly ok: boolean;
}

/** Runs one step and prints what it said only when it failed. */
function run([name, command, ...args]: readonly [string, string, ...string[]]): Promise<Done> {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const said: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
    child.on("error", (error) => said.push(Buffer.from(`${error.message}\n`)));
    child.on("close", (code) => {
      const secs = ((performance.now() - started) / 1000).toFixed(1);
      console.log(`${code === 0 ? "ok  " : "FAIL"} ${name} (${secs} s)`);
      if (code !== 0) process.stdout.write(Buffer.concat(said));
      resolve({ name, ok: code === 0 });
    });
  });
}

const waiting = [...steps];
const done: Done[] = [];
async function work(): Promise<void> {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) done.push(await run(step));
}
await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
const failed = done.filter((each) => !each.ok).map((each) => each.name);
if (failed.length > 0) console.log(`failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
