import { type ChildProcess, spawn } from "node:child_process";
import { ClockParam, type Timer } from "@weftmesh/core";
import { inheritanceOf } from "@weftmesh/listeners";
import type { ProxyServer } from "./proxy-server.ts";

/** What a process says to the one that it follows once it serves. */
const serving = "weftmesh: serving";
/** One that does not serve by then is given up. */
const startLimitMs = 60_000;

/** Says to the process that started this one in its own place that it may go. */
export function tellPredecessor(): void {
  if (process.send === undefined) return;
  process.send(serving, () => process.disconnect());
}

/**
 * The process that takes the place of this one: the same program and arguments, with the listening sockets, so that
 * none is closed in between. This process drains when that one serves, and stays if it does not come to that.
 */
export class Successor {
  readonly #proxy: ProxyServer;
  #child: ChildProcess | undefined = undefined;
  #limit: Timer | undefined = undefined;

  constructor(proxy: ProxyServer) {
    this.#proxy = proxy;
  }

  /** Does nothing while one is on its way. */
  start(): void {
    if (this.#child !== undefined || this.#proxy.phase !== "ready") return;
    const { listeners, logs, params } = this.#proxy.built;
    const { sockets } = listeners;
    const log = logs.root;
    log.info(`Starting another process in the place of this one, with ${sockets.length} listening sockets`);
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      stdio: ["ignore", "inherit", "inherit", ...sockets.map(({ fd }) => fd), "ipc"],
      env: { ...process.env, ...inheritanceOf(sockets) },
    });
    this.#child = child;
    child.on("message", (message) => {
      if (message !== serving) return;
      this.#limit?.cancel();
      log.info(`Process ${child.pid} serves. Shutting down ...`);
      this.#proxy.tell(undefined);
      child.unref();
      child.channel?.unref();
      this.#proxy.close().catch((error: Error) => log.error(`while closing: ${error.message}`));
    });
    child.on("error", (error) => this.#failed(error.message));
    child.on("exit", (code, signal) => this.#failed(`it ended with ${signal ?? code}`));
    this.#limit = params.get(ClockParam).after(startLimitMs, () => {
      child.kill("SIGKILL");
      this.#failed(`it did not serve within ${startLimitMs} ms`);
    });
  }

  #failed(why: string): void {
    if (this.#child === undefined || this.#proxy.phase !== "ready") return;
    this.#limit?.cancel();
    this.#child = undefined;
    this.#proxy.built.logs.root.error(
      `The process that was to take the place of this one failed, and this one stays: ${why}`,
    );
  }
}
