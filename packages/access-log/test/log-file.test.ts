import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { AccessLog } from "../src/access-log.ts";
import { LogFile, type LogFileOptions } from "../src/log-file.ts";
import { readRollPolicy } from "../src/roll-policy.ts";
import { MemoryDisk } from "./memory-disk.ts";

const hourMs = 3_600_000;

function made(options: Partial<LogFileOptions> = {}) {
  const clock = new ManualClock();
  const disk = new MemoryDisk();
  disk.nowMs = () => clock.epochMs();
  const stats = new MemoryStats();
  const problems: string[] = [];
  const log = new LogFile({
    path: "/log/a.log",
    clock,
    disk,
    stats,
    onProblem: (each) => problems.push(each),
    ...options,
  });
  const text = (path = "/log/a.log") => disk.files.get(path)?.text;
  return { clock, disk, stats, problems, log, text };
}

describe("LogFile", () => {
  it("writes together what comes within its time, and nothing before", async () => {
    const { clock, disk, log, text } = made();
    let writes = 0;
    disk.onWrite = (bytes) => {
      writes++;
      return bytes;
    };
    await log.open();
    for (let i = 0; i < 10; i++) log.write(`line ${i}`);
    await clock.advance(99);
    expect([writes, text()]).toEqual([0, ""]);
    await clock.advance(1);
    expect([writes, text()?.split("\n").length]).toEqual([1, 11]);
    expect([log.waitingBytes, clock.armed]).toEqual([0, 0]);
  });

  it("F16: drops and counts what there is no room for, tells of it once a minute, and goes on when the disk does", async () => {
    const { clock, disk, stats, problems, log, text } = made({ maxWaitingBytes: 70 });
    await log.open();
    disk.onWrite = () => Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    const took = Array.from({ length: 10 }, (_, i) => log.write(`line ${i} `.padEnd(9)));
    expect(took).toEqual([...Array(7).fill(true), ...Array(3).fill(false)]);
    await clock.advance(59_000);
    expect(stats.readCounter("dropped")).toBe(3);
    expect(stats.readCounter("errors")).toBeGreaterThan(50);
    expect(problems).toEqual(["access log /log/a.log: no space left on device"]);
    await clock.advance(2000);
    expect(problems).toHaveLength(2);
    disk.onWrite = (bytes) => bytes;
    await clock.advance(1000);
    expect(text()?.split("\n")).toHaveLength(8);
    expect([stats.readCounter("lines"), log.waitingBytes]).toEqual([7, 0]);
  });

  it("ends in its time on a disk that hangs, and counts what it could not write", async () => {
    const { clock, disk, stats, log } = made();
    await log.open();
    const handle = await disk.open("/log/b.log", false);
    disk.open = async () => ({ ...handle, write: () => new Promise(() => {}) });
    log.reopen();
    log.write("never");
    await clock.advance(200);
    let closed = false;
    void log.close().then(() => {
      closed = true;
    });
    await clock.advance(1999);
    expect(closed).toBe(false);
    await clock.advance(1);
    expect([closed, stats.readCounter("dropped")]).toEqual([true, 1]);
    expect(log.write("late")).toBe(false);
  });

  it("rolls by the hour of its last line when it goes on with a file from before", async () => {
    const { clock, disk, log } = made({ policy: readRollPolicy("hourly") });
    disk.files.set("/log/a.log", { id: "old", text: "old\n", modifiedMs: clock.epochMs() - 2 * hourMs });
    await log.open();
    log.write("new");
    await log.flush();
    const names = [...disk.files.keys()].sort();
    expect(names).toHaveLength(2);
    expect(disk.files.get("/log/a.log")?.text).toBe("new\n");
    expect(disk.files.get(names[0] as string)?.text).toBe("old\n");
  });

  it("counts what is in a file already towards its size", async () => {
    const { clock, disk, log } = made({ policy: readRollPolicy("100.bytes") });
    disk.files.set("/log/a.log", { id: "old", text: `${"x".repeat(94)}\n`, modifiedMs: clock.epochMs() });
    await log.open();
    log.write("too long");
    await log.flush();
    expect(disk.files.size).toBe(2);
    expect(disk.files.get("/log/a.log")?.text).toBe("too long\n");
  });

  it("F16: ends a line that the disk took part of before it rolls, and begins it again only in another file", async () => {
    for (const moved of [false, true]) {
      const { clock, disk, log, text } = made({ policy: readRollPolicy("hourly") });
      await log.open();
      let writes = 0;
      disk.onWrite = (bytes) => (writes++ === 0 ? bytes - 4 : new Error("no space left on device"));
      log.write("one");
      log.write("two");
      await clock.advance(100);
      expect(text()).toBe("one\n");
      writes = 0;
      disk.onWrite = (bytes) => (writes++ === 0 ? bytes - 2 : new Error("no space left on device"));
      await clock.advance(1000);
      expect(text()).toBe("one\ntw");
      if (moved) {
        disk.files.set("/away/a.log", disk.files.get("/log/a.log") as never);
        disk.files.delete("/log/a.log");
      }
      await clock.advance(hourMs - 1100);
      disk.onWrite = (bytes) => bytes;
      log.write("three");
      await clock.advance(2000);
      await log.flush();
      const texts = [...disk.files.values()].map((file) => file.text).sort();
      expect(texts).toEqual(moved ? ["one\ntw", "two\nthree\n"] : ["one\ntwo\n", "three\n"]);
    }
  });

  it("leaves the file to whoever rolled it first", async () => {
    const { clock, disk, log, text } = made({ policy: readRollPolicy("hourly") });
    await log.open();
    log.write("one");
    await log.flush();
    await clock.advance(hourMs);
    // Another process rolls the file, and begins the new one.
    const file = disk.files.get("/log/a.log");
    if (file !== undefined) disk.files.set("/log/rolled-by-other", file);
    disk.files.set("/log/a.log", { id: "other", text: "theirs\n", modifiedMs: clock.epochMs() });
    log.write("two");
    await log.flush();
    expect(text()).toBe("theirs\ntwo\n");
    expect(disk.files.size).toBe(2);
  });

  it("neither rolls nor looks for a device, and begins anew when it is told not to append", async () => {
    const device = made({ policy: readRollPolicy("10.bytes") });
    device.disk.isRegular = false;
    await device.log.open();
    for (let i = 0; i < 5; i++) device.log.write(`line number ${i}`);
    await device.clock.advance(5000);
    expect([device.disk.files.size, device.text()?.split("\n").length]).toEqual([1, 6]);
    const fresh = made({ append: false });
    fresh.disk.files.set("/log/a.log", { id: "old", text: "old\n", modifiedMs: 0 });
    await fresh.log.open();
    expect(fresh.text()).toBe("");
    fresh.log.write("one");
    await fresh.log.flush();
    // Opening it again empties nothing.
    fresh.log.reopen();
    await fresh.clock.advance(10);
    expect(fresh.text()).toBe("one\n");
  });

  it("says why it cannot be opened", async () => {
    const { disk, log } = made();
    disk.onCall = () => new Error("permission denied");
    await expect(log.open()).rejects.toMatchObject({
      code: "WEFT_ACCESS_LOG",
      message: "the access log /log/a.log cannot be opened: permission denied",
    });
  });
});

describe("AccessLog", () => {
  const entry = {
    host: "web",
    remoteHost: "::1",
    method: "GET",
    uri: "/",
    version: "1.1",
    status: 200,
    contentLength: undefined,
    referer: undefined,
    userAgent: "",
    durationMs: 1.23456,
    router: "http",
    service: "/svc/web",
    client: undefined,
    traceId: undefined,
  };

  it("writes Linkerd's line, or JSON", async () => {
    for (const [format, wanted] of [
      ["line", /^web ::1 - - \[\d\d\/\d\d\/\d{4}:\d\d:\d\d:\d\d \S+\] "GET \/ HTTP\/1\.1" 200 - "-" ""\n$/],
      [
        "json",
        /^\{"time":"2020-01-01T00:00:00\.000Z","router":"http",.*"durationMs":1\.235,"service":"\/svc\/web"\}\n$/,
      ],
    ] as const) {
      const clock = new ManualClock();
      const disk = new MemoryDisk();
      const log = new AccessLog({ path: "/log/a.log", clock, disk, format });
      await log.file.open();
      log.write({ ...entry, epochMs: clock.epochMs() });
      await log.file.close();
      await settle();
      expect(disk.files.get("/log/a.log")?.text).toMatch(wanted);
    }
  });
});
