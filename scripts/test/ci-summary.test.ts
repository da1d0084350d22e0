import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { readLogs, summarize } from "../ci-summary.ts";

describe("the summary of a CI run", () => {
  it("adds up every report", () => {
    const reports = [
      { numPassedTests: 3, numFailedTests: 0, success: true },
      { numPassedTests: 4, numFailedTests: 2, success: false },
    ];
    expect(summarize(reports, ["ok check", "failed test"])).toEqual({ passed: 7, failed: 2 });
  });

  it("counts a failed step in which no test failed", () => {
    const report = { numPassedTests: 3, numFailedTests: 0, success: true };
    expect(summarize([report], ["ok test", "failed build"])).toEqual({ passed: 3, failed: 1 });
  });

  it("counts a run that broke outside of its tests", () => {
    expect(summarize([{ numPassedTests: 3, numFailedTests: 0, success: false }], [])).toEqual({ passed: 3, failed: 1 });
  });

  it("takes no test at all for a failure", () => {
    expect(summarize([], ["ok install"])).toEqual({ passed: 0, failed: 1 });
    expect(readLogs("no/such/folder")).toEqual({ passed: 0, failed: 1 });
  });

  it("never calls a run with a failure anywhere a success", () => {
    const report = fc.record({
      numPassedTests: fc.nat(9),
      numFailedTests: fc.constantFrom(0, 0, 0, 1),
      success: fc.boolean(),
    });
    const step = fc.constantFrom("ok a", "failed b");
    fc.assert(
      fc.property(fc.array(report, { maxLength: 2 }), fc.array(step, { maxLength: 2 }), (reports, steps) => {
        const clean =
          reports.every((each) => each.success && each.numFailedTests === 0) &&
          steps.every((each) => each === "ok a") &&
          reports.some((each) => each.numPassedTests > 0);
        expect(summarize(reports, steps).failed === 0).toBe(clean);
      }),
    );
  });

  it("reads the reports and the steps of a folder", () => {
    const folder = mkdtempSync(join(tmpdir(), "ci-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "test.json"), JSON.stringify({ numPassedTests: 5, numFailedTests: 0, success: true }));
    writeFileSync(join(folder, "steps"), "ok test\nfailed api\n");
    expect(readLogs(folder)).toEqual({ passed: 5, failed: 1 });
  });
});
