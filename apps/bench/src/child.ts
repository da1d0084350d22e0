import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";

/** A process that the rig started, and will end by its id alone. */
export class Child {
  readonly name: string;
  readonly process: ChildProcess;
  #output = "";

  constructor(name: string, command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.name = name;
    this.process = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-4000);
    };
    this.process.stdout?.on("data", keep);
    this.process.stderr?.on("data", keep);
    this.process.on("error", (error) => keep(Buffer.from(String(error))));
  }

  get pid(): number {
    return this.process.pid ?? -1;
  }

  /** What it printed last. */
  get output(): string {
    return this.#output;
  }

  /** Resolves when the port accepts; fails with what the process printed. */
  async ready(port: number, withinMs = 10_000): Promise<void> {
    const end = Date.now() + withinMs;
    while (Date.now() < end) {
      if (this.process.exitCode !== null) break;
      if (await accepts(port)) return;
      await sleep(20);
    }
    await this.stop();
    throw new Error(`${this.name} did not listen on ${port}:\n${this.#output}`);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => this.process.once("exit", () => resolve()));
    this.process.kill("SIGTERM");
    const forced = setTimeout(() => this.process.kill("SIGKILL"), 3000);
    await gone;
    clearTimeout(forced);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
