import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const conditions = ["@weftmesh/source"];
/** How often each property is tried: `WEFT_RUNS`. */
const setupFiles = [fileURLToPath(new URL("packages/testkit/src/setup.ts", import.meta.url))];
/** CI names a file here and reads the counts from it; the command stays the one of the README. */
const report = process.env["WEFT_TEST_REPORT"];

function project(name: string, include: string[], testTimeout: number): object {
  return {
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
    test: { name, include, testTimeout, hookTimeout: testTimeout, setupFiles, pool: "forks", passWithNoTests: false },
  };
}

export default defineConfig({
  test: {
    ...(report === undefined ? {} : { reporters: ["default", "json"], outputFile: { json: report } }),
    coverage: {
      enabled: process.env["WEFT_COVERAGE"] === "1",
      provider: "v8",
      include: ["{packages,plugins}/*/src/**/*.ts"],
      reporter: ["text-summary", "json-summary"],
      reportsDirectory: "coverage",
    },
    projects: [
      project("test", ["{packages,plugins,apps}/*/test/**/*.test.ts", "scripts/test/**/*.test.ts"], 20_000),
      project("e2e", ["apps/e2e/e2e/**/*.test.ts", "{packages,plugins}/*/e2e/**/*.test.ts"], 120_000),
      project("integration", ["{apps,packages,plugins}/*/integration/**/*.test.ts"], 120_000),
    ],
  },
});
