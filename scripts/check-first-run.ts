import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./workspace.ts";

// What a newcomer does: clones the repository, `npm ci && npm start`, and the curl of the README. The commands are read
// from the README itself. The clone is of what is committed.
const readme = readFileSync(join(root, "README.md"), "utf8");
const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((match) => (match[1] ?? "").trim().split("\n"));
const curls = commands.filter((each) => each.startsWith("curl "));
if (curls.length === 0) throw new Error("the README has no curl");
for (const said of ["npm ci && npm start", "npm ci && npm test"]) {
  if (!commands.includes(said)) throw new Error(`the README does not say: ${said}`);
}
for (const port of [4140, 9990]) {
  if (await accepts(port)) throw new Error(`port ${port} is taken: something else is running there`);
}

const folder = realpathSync(mkdtempSync(join(tmpdir(), "first-run-")));
let proxy: ChildProcess | undefined;
try {
  run("git", ["clone", "--quiet", `file://${root}`, "clone"], folder);
  const clone = join(folder, "clone");
  run("npm", ["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"], clone);
  proxy = spawn("npm", ["start"], { cwd: clone, stdio: ["ignore", "inherit", "inherit"], detached: true });
  for (let tries = 0; !(await accepts(4140)); tries++) {
    if (tries >= 300) throw new Error("nothing listens on port 4140 after 30 s");
    await sleep(100);
  }
  for (const curl of curls) {
    const said = run("bash", ["-c", curl.replace(/^curl /, "curl --silent --show-error --fail --max-time 10 ")], clone);
    if (said.trim() === "") throw new Error(`${curl}: the answer is empty`);
    console.log(`${curl}\n  ${said.trim().split("\n")[0]}`);
  }
  // npm ends at once and leaves the proxy to close in its own time, so it is the ports that tell.
  stop("SIGTERM");
  for (let tries = 0; (await accepts(4140)) || (await accepts(9990)); tries++) {
    if (tries >= 150) throw new Error("the proxy did not close its ports within 15 s of SIGTERM");
    await sleep(100);
  }
  console.log("ok   a clean clone starts, answers and stops");
} finally {
  stop("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

/** The group: npm, and node below it. */
function stop(signal: NodeJS.Signals): void {
  if (proxy?.pid === undefined) return;
  try {
    process.kill(-proxy.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, [...args], {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 26,
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
