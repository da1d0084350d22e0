import { describe, expect, it } from "vitest";
import { jsonReport, runScenario, type Scenario, scenarios } from "../src/index.ts";
import { newEvenCoverage } from "../src/scenarios/even-coverage.ts";
import { newFiveTiers } from "../src/scenarios/five-tiers.ts";
import { brownedOut, flappingServer } from "../src/scenarios/flapping.ts";
import { newTenThousand } from "../src/scenarios/ten-thousand.ts";

/** What does not hold, if anything. */
async function broken(scenario: Scenario, seed = 1): Promise<string[]> {
  const { claims } = await runScenario(scenario, { seed });
  expect(claims.length).toBeGreaterThan(0);
  return claims.filter(({ holds }) => !holds).map(({ what, found, expected }) => `${what}: ${found}, not ${expected}`);
}

describe("scenarios show what they claim", { timeout: 60_000 }, () => {
  it("G1: with a server that flaps every 100 ms beside a good one, 99 % or more succeed", async () => {
    expect(await broken(flappingServer)).toEqual([]);
  });

  it("G5: a brown-out of one server in five costs next to nothing", async () => {
    expect(await broken(brownedOut)).toEqual([]);
  });

  it("deterministic apertures cover every server evenly, to 1e-12", async () => {
    expect(await broken(newEvenCoverage({ rings: 200, durationMs: 15_000 }))).toEqual([]);
  });

  it("G22: many endpoints and clients", async () => {
    expect(await broken(newTenThousand({ endpoints: 2000, clients: 200, built: 4 }))).toEqual([]);
  });
});

describe("the catalog", () => {
  it("has a name of its own for each scenario, and a name of its own for each of its experiments", () => {
    const names = scenarios.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining(["slow-backend", "retry-storm", "three-hops", "five-tiers", "ten-thousand"]),
    );
    for (const { name, summary, experiments } of scenarios) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(summary.length).toBeGreaterThan(20);
      expect(new Set(experiments.map((each) => each.name)).size).toBe(experiments.length);
    }
  });

  it("gives the same for the same seed, to the last byte, with every module that there is", {
    timeout: 60_000,
  }, async () => {
    for (const scenario of [
      newFiveTiers({ servers: 1, faultMs: 3000, afterMs: 1000 }),
      newEvenCoverage({ rings: 5, durationMs: 1000 }),
    ]) {
      const [once, again] = [await runScenario(scenario, { seed: 5 }), await runScenario(scenario, { seed: 5 })];
      expect(jsonReport(again)).toBe(jsonReport(once));
    }
  });
});
