import { describe, expect, it } from "vitest";
import { logLine } from "../src/log-line.ts";

describe("a line of the log", () => {
  it("has level, date, time, zone, thread and message", () => {
    const epochMs = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
    expect(logLine({ level: "WARNING", logger: "root", message: "hello" }, epochMs)).toBe(
      "W 0102 03:04:05.006 UTC THREAD1: hello\n",
    );
  });

  it("C25: shows what a client sent escaped, on one line", () => {
    const line = logLine({ level: "ERROR", logger: "root", message: "a\r\nE 0101 forged \u001b[31m" }, 0);
    expect(line.split("\n").length).toBe(2);
    expect(line).not.toContain("\u001b");
    expect(line).not.toContain("\r");
  });
});
