import { ManualClock } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { ServiceManager } from "../src/service-manager.ts";

function newManager(env: NodeJS.ProcessEnv, why?: string) {
  const clock = new ManualClock();
  const told: (readonly string[])[] = [];
  const lines: string[] = [];
  const manager = new ServiceManager({
    env,
    pid: 42,
    clock,
    log: (line) => lines.push(line),
    monotonicUsec: () => 7n,
    notify: (args, failed) => {
      told.push(args);
      if (why !== undefined) failed(why);
    },
  });
  return { clock, told, lines, manager };
}

describe("the service manager", () => {
  it("is told of the start, of a reload and of the end", () => {
    const { manager, told } = newManager({ NOTIFY_SOCKET: "/run/notify" });
    manager.ready();
    manager.reloading();
    manager.reloaded("serving");
    manager.stopping();
    expect(told).toEqual([
      ["MAINPID=42", "READY=1", "STATUS=serving"],
      ["RELOADING=1", "MONOTONIC_USEC=7", "STATUS=reading the config again"],
      ["READY=1", "STATUS=serving"],
      ["STOPPING=1", "STATUS=finishing requests"],
    ]);
  });

  it("is told nothing when there is none", async () => {
    const { clock, manager, told } = newManager({ WATCHDOG_USEC: "2000000" });
    manager.ready();
    manager.reloading();
    manager.stopping();
    await clock.advance(10_000);
    expect(told).toEqual([]);
  });

  it("hears twice in the time of its watchdog that the process lives, until that ends", async () => {
    const { clock, manager, told } = newManager({ NOTIFY_SOCKET: "@n", WATCHDOG_USEC: "2000000", WATCHDOG_PID: "42" });
    manager.ready();
    await clock.advance(3_500);
    expect(told.slice(1)).toEqual([["WATCHDOG=1"], ["WATCHDOG=1"], ["WATCHDOG=1"]]);
    manager.close();
    await clock.advance(10_000);
    expect(told.length).toBe(4);
  });

  it("does not guard a process that the watchdog is not for", async () => {
    const { clock, manager, told } = newManager({ NOTIFY_SOCKET: "@n", WATCHDOG_USEC: "2000000", WATCHDOG_PID: "1" });
    manager.ready();
    await clock.advance(10_000);
    expect(told.length).toBe(1);
  });

  it("that cannot be told is mentioned in the log once", () => {
    const { manager, lines } = newManager({ NOTIFY_SOCKET: "@n" }, "ENOENT");
    manager.ready();
    manager.stopping();
    expect(lines).toEqual(["systemd cannot be told where the process stands: ENOENT"]);
  });
});
