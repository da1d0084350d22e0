import { WeftError } from "@weftmesh/core";
import { MemoryStats } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FailureCounters } from "../src/failure-counters.ts";

function counted(...errors: readonly (Error | undefined)[]): Record<string, number> {
  const stats = new MemoryStats();
  const failures = new FailureCounters(stats);
  for (const error of errors) failures.count(error);
  return Object.fromEntries(stats.names().map((name) => [name, stats.readCounter(name)]));
}

describe("FailureCounters", () => {
  it("count an error under its code and each cause below it", () => {
    const system = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    const error = new WeftError("WEFT_CONNECT_REFUSED", "refused", { cause: system });
    expect(counted(error, new WeftError("WEFT_CONNECT_REFUSED", "other"))).toEqual({
      failures: 2,
      "failures/WEFT_CONNECT_REFUSED": 2,
      "failures/WEFT_CONNECT_REFUSED/ECONNREFUSED": 1,
    });
  });

  it("count an error without a code under its class, and an answer under WEFT_CLASSIFIED", () => {
    expect(counted(new TypeError("x"), undefined)).toEqual({
      failures: 2,
      "failures/TypeError": 1,
      "failures/WEFT_CLASSIFIED": 1,
    });
  });

  it("end when causes go round", () => {
    const error = new Error("a");
    error.cause = error;
    expect(Object.keys(counted(error))).toHaveLength(6);
  });

  it("do not make a scope of whatever a foreign error calls itself", () => {
    const odd = Object.assign(new Error("x"), { code: "a/b\n", name: "<img onerror>" });
    expect(counted(odd)).toEqual({ failures: 1, "failures/Error": 1 });
  });

  it("C26: have a bounded number of scopes, and still count every failure in one of them", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(500), { minLength: 100, maxLength: 300 }), (codes) => {
        const shown = counted(...codes.map((code) => new WeftError(`WEFT_${code}`, "x")));
        const below = Object.entries(shown).filter(([name]) => name !== "failures");
        expect(below.length).toBeLessThanOrEqual(65);
        expect(below.reduce((sum, [, count]) => sum + count, 0)).toBe(shown["failures"]);
      }),
      { numRuns: 20 },
    );
  });
});
