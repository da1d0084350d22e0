import { defineConfig } from "vitest/config";

const conditions = ["@weftmesh/source"];

function project(name: string, include: string[], testTimeout: number): object {
  return {
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
    test: { name, include, testTimeout, pool: "forks", passWithNoTests: false },
  };
}

export default defineConfig({
  test: {
    projects: [
      project("test", ["{packages,plugins,apps}/*/test/**/*.test.ts", "scripts/test/**/*.test.ts"], 20_000),
      project("e2e", ["apps/e2e/e2e/**/*.test.ts", "{packages,plugins}/*/e2e/**/*.test.ts"], 120_000),
    ],
  },
});
