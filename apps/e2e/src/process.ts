import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The folder of the repository. */
export const root: string = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/** How Node is to run our sources, in whatever folder it is started. */
export const fromSource: readonly string[] = [
  "--import",
  pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href,
  "--conditions=@weftmesh/source",
];

export interface StartOptions {
  readonly cwd?: string;
  /** Arguments of the proxy, before its config. */
  readonly args?: readonly string[];
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Descriptors that it inherits, as its own from 3 on. */
  readonly descriptors?: readonly number[];
  /** A bound of the heap in MB, for what is under attack. */
  readonly maxHeapMb?: number;
  /** Options of Node. */
  readonly nodeArgs?: readonly string[];
  /** A program that starts it in its own place, such as `prlimit --nofile=256`. */
  readonly through?: readonly [string, ...string[]];
}

/** A process of ours, ended by its id alone. */
export class Program {
  readonly child: ChildProcess;
  #output = "";
  #waiting: (() => void)[] = [];
  readonly exited: Promise<number | null>;

  constructor(command: string, args: readonly string[], options: StartOptions = {}) {
    this.child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe", ...(options.descriptors ?? [])],
    });
    const keep = (chunk: Buffer): void => {
      this.#output += chunk.toString();
      for (const wake of this.#waiting.splice(0)) wake();
    };
    this.child.stdout?.on("data", keep);
    this.child.stderr?.on("data", keep);
    this.exited = new Promise((resolve) => this.child.once("close", (code) => resolve(code)));
    void this.exited.then(() => keep(Buffer.alloc(0)));
    if (options.stdin !== undefined) this.child.stdin?.end(options.stdin);
  }

  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves with the first match in what it prints; fails with all of that when it ends first. */
  async prints(pattern: RegExp, withinMs = 20_000): Promise<RegExpExecArray> {
    const end = Date.now() + withinMs;
    for (;;) {
      const found = pattern.exec(this.#output);
      if (found !== null) return found;
      if (!this.running || Date.now() > end) throw new Error(`it did not print ${pattern}:\n${this.#output}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (this.running) this.child.kill(signal);
    const forced = setTimeout(() => this.child.kill("SIGKILL"), 15_000);
    const code = await this.exited;
    clearTimeout(forced);
    return code;
  }

  /** Bytes of memory that the process holds. */
  get rssBytes(): number {
    const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, "latin1"));
    return Number(found?.[1] ?? Number.NaN) * 1024;
  }
}
