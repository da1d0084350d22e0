import { describe, expect, it } from "vitest";
import { type MutantReport, scoreOf, scoreTable } from "../mutation-score.ts";

const mutant = (status: string) => ({ status, mutatorName: "m", location: { start: { line: 1 } } });
const report = (...statuses: string[]): MutantReport => ({ files: { "a.ts": { mutants: statuses.map(mutant) } } });

describe("mutation scores", () => {
  it("count what timed out as killed, and what no test reaches as alive", () => {
    const score = scoreOf("p", report("Killed", "Timeout", "Survived", "NoCoverage", "Killed"));
    expect(score).toEqual({
      package: "p",
      mutants: 5,
      killed: 2,
      timedOut: 1,
      survived: 1,
      noCoverage: 1,
      percent: 60,
    });
  });

  it("leave out what does not compile and what broke the runner", () => {
    expect(scoreOf("p", report("Killed", "CompileError", "RuntimeError", "Ignored", "Survived")).percent).toBe(50);
  });

  it("are never rounded up to a bar", () => {
    const almost = [...Array.from({ length: 799 }, () => "Killed"), ...Array.from({ length: 201 }, () => "Survived")];
    expect(scoreOf("p", report(...almost)).percent).toBe(79.9);
    expect(scoreTable([scoreOf("p", report(...almost))])).toContain("| p | 1000 | 799 | 0 | 201 | 0 | 79.9 % |");
  });

  it("are nothing where there is nothing to mutate", () => {
    expect(scoreOf("p", { files: {} }).percent).toBe(0);
  });
});
