import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineTime } from "../src/line-time.ts";
import { nextRollMs, type RollPolicy, readRollPolicy, rolledName } from "../src/roll-policy.ts";

const arbTime = fc.integer({ min: 0, max: 4_000_000_000_000 });
const dayMs = 86_400_000;
const arbWeekly = fc.integer({ min: 1, max: 7 }).map((day): RollPolicy => ({ kind: "weekly", day }));
const arbTimed = fc.oneof(
  fc.constant<RollPolicy>({ kind: "hourly" }),
  fc.constant<RollPolicy>({ kind: "daily" }),
  arbWeekly,
);

describe("when a file is over", () => {
  it("is after it was begun, on the policy's border, with no border between", () => {
    fc.assert(
      fc.property(arbTimed, arbTime, (policy, openedMs) => {
        const nextMs = nextRollMs(policy, openedMs);
        expect(nextMs).toBeGreaterThan(openedMs);
        const next = new Date(nextMs);
        expect([next.getMinutes(), next.getSeconds(), next.getMilliseconds()]).toEqual([0, 0, 0]);
        if (policy.kind !== "hourly") expect(next.getHours()).toBe(0);
        if (policy.kind === "weekly") expect(next.getDay() + 1).toBe(policy.day);
        const longestMs =
          policy.kind === "hourly" ? 3_600_000 : policy.kind === "daily" ? dayMs + 3_600_000 : 7 * dayMs + 3_600_000;
        expect(nextMs - openedMs).toBeLessThanOrEqual(longestMs);
        // A file that is begun there lasts a whole period: nothing is rolled twice at one border.
        expect(nextRollMs(policy, nextMs)).toBeGreaterThan(nextMs);
        expect(nextRollMs(policy, nextMs - 1)).toBe(nextMs);
      }),
    );
  });

  it("never comes for policies that do not go by time", () => {
    for (const text of ["never", "sighup", "10.megabytes"])
      expect(nextRollMs(readRollPolicy(text), 5)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("the name of a file that is over", () => {
  it("sorts by the time it was begun, and differs from period to period", () => {
    fc.assert(
      fc.property(arbTimed, arbTime, fc.integer({ min: 1, max: 5 }), (policy, openedMs, periods) => {
        let laterMs = openedMs;
        for (let i = 0; i < periods; i++) laterMs = nextRollMs(policy, laterMs);
        const [a, b] = [rolledName("/log/a.log", policy, openedMs), rolledName("/log/a.log", policy, laterMs)];
        // The hour that comes twice when clocks are put back is the one case in which two are called the same.
        if (
          policy.kind === "hourly" &&
          new Date(openedMs).getTimezoneOffset() !== new Date(laterMs).getTimezoneOffset()
        )
          return;
        expect(a < b).toBe(true);
        expect(a.startsWith("/log/a-") && a.endsWith(".log")).toBe(true);
      }),
    );
  });

  it("is as Twitter's FileHandler has it", () => {
    const ms = new Date(2026, 10, 21, 9, 5, 7).getTime();
    const shown = (policy: string, path = "logs/access.log") => rolledName(path, readRollPolicy(policy), ms);
    expect(["hourly", "daily", "weekly(3)", "10.megabytes", "sighup", "never"].map((each) => shown(each))).toEqual([
      "logs/access-20261121-09.log",
      "logs/access-20261121.log",
      "logs/access-20261121.log",
      "logs/access-20261121-090507.log",
      "logs/access-2026.log",
      "logs/access-2026.log",
    ]);
    expect(shown("daily", "/var/log.d/access")).toBe("/var/log.d/access-20261121");
    expect(shown("daily", ".hidden")).toBe(".hidden-20261121");
  });
});

describe("a policy as it is written", () => {
  it("is read in any case, with the units of Twitter", () => {
    expect(["Never", "HOURLY", "daily", "SigHup"].map((each) => readRollPolicy(each).kind)).toEqual([
      "never",
      "hourly",
      "daily",
      "sighup",
    ]);
    expect(readRollPolicy("weekly(7)")).toEqual({ kind: "weekly", day: 7 });
    expect(["1.byte", "3.kilobytes", "10.megabytes", "1.Gigabyte"].map((each) => readRollPolicy(each))).toEqual(
      [1, 3072, 10_485_760, 1_073_741_824].map((bytes) => ({ kind: "size", bytes })),
    );
  });

  it("is refused when it is anything else", () => {
    for (const text of [
      "",
      "monthly",
      "weekly",
      "weekly(0)",
      "weekly(8)",
      "10",
      "10.apples",
      "0.bytes",
      "-1.bytes",
      "1.5.megabytes",
      "99999999999999999.bytes",
    ]) {
      expect(() => readRollPolicy(text), text).toThrow(RangeError);
    }
  });
});

describe("the time of a line", () => {
  it("says the second, whatever was asked before", () => {
    const time = new LineTime();
    fc.assert(
      fc.property(arbTime, fc.integer({ min: 0, max: 2000 }), (ms, laterMs) => {
        for (const each of [ms, ms + laterMs, ms]) {
          const found = /^(\d\d)\/(\d\d)\/(\d{4}):(\d\d):(\d\d):(\d\d) (\S+)$/.exec(time.show(each));
          const [, day, month, year, hour, minute, second] = (found ?? []).map(Number);
          const read = new Date(year as number, (month as number) - 1, day, hour, minute, second).getTime();
          const wanted = Math.floor(each / 1000) * 1000;
          // An hour that comes twice is read as its first coming.
          expect([0, 3_600_000, -3_600_000]).toContain(read - wanted);
          if (new Date(each).getTimezoneOffset() === new Date(each + dayMs).getTimezoneOffset())
            expect(read).toBe(wanted);
        }
      }),
    );
  });
});
