import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { logLine } from "../src/log-line.ts";

const levels = ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "FATAL"] as const;

describe("a line of the log", () => {
  it("C25: is one line of the one form, with no control character in it, whatever the message holds", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...levels),
        fc.string({ unit: "binary" }),
        fc.integer({ min: 0, max: 4e12 }),
        (level, message, epochMs) => {
          const line = logLine({ level, logger: "root", message }, epochMs);
          expect(line).toMatch(/^[A-Z] \d{4} \d\d:\d\d:\d\d\.\d{3} UTC THREAD1: .*\n$/u);
          expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
        },
      ),
    );
  });
});
