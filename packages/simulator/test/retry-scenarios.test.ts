import { describe, expect, it } from "vitest";
import { runScenario } from "../src/index.ts";
import { newFiveTiers, recoveryMs, successAtEnd } from "../src/scenarios/five-tiers.ts";
import { boundOf, newRetryStorm } from "../src/scenarios/retry-storm.ts";
import { newThreeHops } from "../src/scenarios/three-hops.ts";

describe("retries within their budgets", { timeout: 60_000 }, () => {
  it("G15: retries of a full outage stay within their budget in every window", async () => {
    const storm = newRetryStorm({ rps: 300, outageMs: 25_000 });
    const { claims, results } = await runScenario(storm);
    expect(claims.filter(({ holds }) => !holds)).toEqual([]);
    // The same look at retries that have no budget finds that they break it.
    expect(boundOf(results.run("three retries, no budget")).slack).toBeLessThan(-1000);
  });

  it("G18: three hops send at most 1.2 to the third times what came in, or 1.2 times if one of them retries", async () => {
    const { claims } = await runScenario(newThreeHops({ rps: 50 }));
    expect(claims.filter(({ holds }) => !holds)).toEqual([]);
  });

  it("five tiers recover with budgets and deadlines within twice the budget's ttl, and not at all with neither", async () => {
    const { claims, results } = await runScenario(newFiveTiers({ servers: 2, faultMs: 20_000, afterMs: 25_000 }));
    expect(claims.filter(({ holds }) => !holds)).toEqual([]);
    expect(recoveryMs(results.run("neither"))).toBe(Number.POSITIVE_INFINITY);
    expect(successAtEnd(results.run("neither"))).toBeLessThan(0.05);
    expect(successAtEnd(results.run("budgets and deadlines"))).toBeGreaterThan(0.99);
  });
});
