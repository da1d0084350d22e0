import { ManualClock, MemoryStats, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LogFile } from "../src/log-file.ts";
import { type RollPolicy, readRollPolicy } from "../src/roll-policy.ts";
import { MemoryDisk } from "./memory-disk.ts";

type Step =
  | { readonly kind: "write"; readonly length: number; readonly times: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "reopen" }
  | { readonly kind: "moveAway" }
  | { readonly kind: "fault"; readonly what: "none" | "short" | "full" | "torn" | "rename" | "open" | "list" };

const arbStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      length: fc.integer({ min: 6, max: 60 }),
      times: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.constantFrom(0, 50, 200, 1500, 3_700_000, 90_000_000),
    }),
  },
  fc.constant<Step>({ kind: "reopen" }),
  fc.constant<Step>({ kind: "moveAway" }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("fault" as const),
      what: fc.constantFrom(
        "none" as const,
        "short" as const,
        "full" as const,
        "torn" as const,
        "rename" as const,
        "open" as const,
        "list" as const,
      ),
    }),
  },
);

const arbPolicy: fc.Arbitrary<RollPolicy> = fc
  .constantFrom("never", "hourly", "daily", "weekly(2)", "100.bytes", "1.kilobyte", "sighup")
  .map(readRollPolicy);

function inject(disk: MemoryDisk, what: Extract<Step, { kind: "fault" }>["what"]): void {
  const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  disk.onCall = (call) => (call === what ? full : undefined);
  if (what === "short") disk.onWrite = (bytes) => Math.ceil(bytes / 3);
  else if (what === "full") disk.onWrite = () => full;
  else if (what === "torn") {
    let odd = false;
    disk.onWrite = (bytes) => {
      odd = !odd;
      return odd ? Math.max(1, Math.floor(bytes / 2)) : full;
    };
  } else disk.onWrite = (bytes) => bytes;
}

/** A file that is taken away while its last line is not whole. */
const tornAway: Step[] = [
  { kind: "write", length: 20, times: 2 },
  { kind: "wait", ms: 200 },
  { kind: "fault", what: "torn" },
  { kind: "write", length: 20, times: 1 },
  { kind: "wait", ms: 200 },
  { kind: "moveAway" },
  { kind: "reopen" },
  { kind: "wait", ms: 200 },
];

describe("a log file", () => {
  it("F16: has every line that it took, whole, once and in order, or counts it, whatever the disk does", async () => {
    let torn = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(arbStep, { maxLength: 25 }), arbPolicy, async (steps, policy) => {
        const clock = new ManualClock();
        const disk = new MemoryDisk();
        disk.nowMs = () => clock.epochMs();
        const stats = new MemoryStats();
        const log = new LogFile({ path: "/log/a.log", policy, clock, disk, stats, maxWaitingBytes: 600 });
        await log.open();
        const taken: string[] = [];
        let written = 0;
        let moved = 0;
        for (const step of steps) {
          if (step.kind === "write") {
            for (let i = 0; i < step.times; i++) {
              const line = `${String(written++).padStart(5, "0")}${"x".repeat(step.length - 5)}`;
              if (log.write(line)) taken.push(line);
              expect(log.waitingBytes).toBeLessThanOrEqual(600);
            }
          } else if (step.kind === "wait") await clock.advance(step.ms);
          else if (step.kind === "reopen") log.reopen();
          else if (step.kind === "moveAway") {
            const file = disk.files.get("/log/a.log");
            if (file !== undefined) {
              disk.files.delete("/log/a.log");
              disk.files.set(`/away/${moved++}`, file);
            }
          } else inject(disk, step.what);
          await settle();
        }
        inject(disk, "none");
        await clock.advance(5000);
        await log.flush();
        await log.close();
        expect(disk.open_).toBe(0);
        // What does not end is the beginning of a line that the disk refused the rest of, before its file was taken away.
        const whole = [...disk.files.values()].flatMap((file) => file.text.split("\n").slice(0, -1));
        const counts = new Map<string, number>();
        for (const line of whole) counts.set(line, (counts.get(line) ?? 0) + 1);
        for (const line of taken) expect([line, counts.get(line)]).toEqual([line, 1]);
        const known = new Set(taken);
        for (const [name, file] of disk.files) {
          const end = file.text.split("\n").at(-1) ?? "";
          if (end === "") continue;
          torn++;
          expect([name.startsWith("/away/"), taken.some((each) => each.startsWith(end))]).toEqual([true, true]);
        }
        for (const line of whole) expect(known.has(line)).toBe(true);
        expect(stats.readCounter("lines")).toBe(taken.length);
        expect(stats.readCounter("dropped")).toBe(written - taken.length);
        for (const file of disk.files.values()) {
          const lines = file.text.split("\n").slice(0, -1);
          expect(lines).toEqual([...lines].sort());
        }
        if (policy.kind === "size") {
          for (const [name, file] of disk.files) {
            // A line that is longer than a file may be has one for itself.
            const isOne = file.text.split("\n").length <= 2;
            expect([name, isOne || file.text.length <= policy.bytes]).toEqual([name, true]);
          }
        }
      }),
      { examples: [[tornAway, readRollPolicy("never")]] },
    );
    expect(torn).toBeGreaterThan(0);
  });

  it("keeps the newest files that it rolled, as many as it is to, and nobody else's", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 4 }),
        fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 30 }),
        async (rotateCount, waits) => {
          const clock = new ManualClock();
          const disk = new MemoryDisk();
          disk.nowMs = () => clock.epochMs();
          for (const other of [
            "/log/a-other.log",
            "/log/a-2019.txt",
            "/log/ab.log",
            "/log/a.log-20190101",
            "/log/a-1-2-3.log",
          ])
            await disk.open(other, false);
          const log = new LogFile({ path: "/log/a.log", policy: readRollPolicy("20.bytes"), rotateCount, clock, disk });
          await log.open();
          for (const [i, waitMs] of waits.entries()) {
            log.write(`line ${String(i).padStart(10, "0")}`);
            await log.flush();
            await clock.advance(waitMs);
          }
          await log.close();
          const rolled = [...disk.files.keys()].filter((name) => /^\/log\/a-\d{8}-\d{6}(-\d+)?\.log$/.test(name));
          const kept = Math.min(rotateCount, waits.length - 1);
          expect(rolled).toHaveLength(kept);
          expect(disk.files.size).toBe(5 + kept + 1);
          const left = [...disk.files.values()]
            .map((file) => Number(/line (\d+)/.exec(file.text)?.[1] ?? -1))
            .filter((n) => n >= 0);
          expect(left.sort((a, b) => a - b)).toEqual(
            Array.from({ length: kept + 1 }, (_, i) => waits.length - 1 - kept + i),
          );
        },
      ),
    );
  });
});
