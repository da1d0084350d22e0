import { spawn } from "node:child_process";
import type { Clock, Timer } from "@weftmesh/core";

/** Runs `systemd-notify` with these arguments. */
export type Notify = (args: readonly string[], failed: (why: string) => void) => void;

/** Node has no datagrams on Unix sockets; systemd's own program sends them. */
const bySystemd: Notify = (args, failed) => {
  const child = spawn("systemd-notify", args, { stdio: "ignore" });
  child.on("error", (error) => failed(error.message));
  child.on("exit", (code) => {
    if (code !== 0 && code !== null) failed(`systemd-notify ended with ${code}`);
  });
};

export interface ServiceManagerOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly pid: number;
  readonly clock: Clock;
  readonly log: (message: string) => void;
  /** Microseconds of the machine's monotonic clock. */
  readonly monotonicUsec?: () => bigint;
  readonly notify?: Notify;
}

/**
 * Tells systemd where the process stands, when it was started with `NOTIFY_SOCKET`: a unit with `Type=notify`, or
 * `notify-reload`, and `NotifyAccess=all`. With `WATCHDOG_USEC` it says twice in that time that it lives.
 *
 * Errors: none. When systemd cannot be told, one line of the log says why.
 */
export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  readonly #active: boolean;
  #failed = false;
  #watchdog: Timer | undefined = undefined;

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
    this.#active = (options.env["NOTIFY_SOCKET"] ?? "") !== "";
  }

  /** It serves; from now on this is the process of the unit. */
  ready(): void {
    this.#tell(`MAINPID=${this.#options.pid}`, "READY=1", "STATUS=serving");
    this.#watchdog ??= this.#guard();
  }

  reloading(): void {
    const monotonic = this.#options.monotonicUsec ?? ((): bigint => process.hrtime.bigint() / 1000n);
    this.#tell("RELOADING=1", `MONOTONIC_USEC=${monotonic()}`, "STATUS=reading the config again");
  }

  /** After a reload, which went well or changed nothing. */
  reloaded(status: string): void {
    this.#tell("READY=1", `STATUS=${status}`);
  }

  stopping(): void {
    this.#tell("STOPPING=1", "STATUS=finishing requests");
  }

  /** No more is said: the process ends, or another took its place. */
  close(): void {
    this.#watchdog?.cancel();
  }

  #guard(): Timer | undefined {
    const { env, pid, clock } = this.#options;
    const { WATCHDOG_USEC: usec, WATCHDOG_PID: forPid } = env;
    const everyMs = Number(usec) / 1000 / 2;
    if (!this.#active || !(everyMs > 0) || (forPid !== undefined && forPid !== String(pid))) return undefined;
    return clock.after(everyMs, () => {
      this.#tell("WATCHDOG=1");
      this.#watchdog = this.#guard();
    });
  }

  #tell(...assignments: readonly string[]): void {
    if (!this.#active) return;
    const { notify = bySystemd, log } = this.#options;
    notify(assignments, (why) => {
      if (this.#failed) return;
      this.#failed = true;
      log(`systemd cannot be told where the process stands: ${why}`);
    });
  }
}
