import { describe, expect, it } from "vitest";
import { type Cruised, cruiseImports } from "../check-imports.ts";
import { readMembers } from "../workspace.ts";
import { type PlantedPackage, plantWorkspace } from "./planted-workspace.ts";

const packages: Record<string, PlantedPackage> = {
  "packages/core": { layer: 0 },
  "packages/naming": {
    layer: 1,
    dependencies: { "@weftmesh/core": "^0.1.0" },
    devDependencies: { rxjs: "7.8.2" },
  },
  "packages/http": { layer: 1 },
  "packages/testkit": { layer: 1 },
  "plugins/namer-x": { layer: 5 },
};

const files: Record<string, string> = {
  "packages/core/src/index.ts": 'export { one } from "./one.ts";\n',
  "packages/core/src/one.ts": "export const one = 1;\n",
  "packages/naming/src/index.ts": 'export { one } from "@weftmesh/core";\n',
  "packages/http/src/index.ts": "export const http = 1;\n",
  "packages/testkit/src/index.ts": "export const kit = 1;\n",
  "plugins/namer-x/src/index.ts": "export const namer = 1;\n",
  "node_modules/rxjs/package.json": '{"name":"rxjs","version":"1.0.0","main":"index.js"}',
  "node_modules/rxjs/index.js": "exports.of = 1;\n",
};

async function cruised(
  planted: Record<string, string>,
  changed: Record<string, PlantedPackage> = {},
): Promise<Cruised> {
  const at = plantWorkspace({ ...packages, ...changed }, { ...files, ...planted });
  return cruiseImports(readMembers(at), at, 1);
}

describe("the rules for imports", () => {
  it("have nothing to say of a workspace that keeps them, and saw all of it", async () => {
    expect(await cruised({})).toEqual({ problems: [], modules: 6 });
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      "an upward import",
      { "packages/core/src/one.ts": 'export { http as one } from "@weftmesh/http";' },
      /^layer-of-core: packages\/core\/src\/one.ts/m,
    ],
    [
      "an upward import of types alone",
      { "packages/core/src/one.ts": 'import type { http } from "@weftmesh/http";\nexport const one: typeof http = 1;' },
      /^layer-of-core/m,
    ],
    [
      "a package on a plugin",
      { "packages/http/src/index.ts": 'export { namer } from "@weftmesh/namer-x";' },
      /^layer-of-http/m,
    ],
    [
      "the testkit in sources",
      { "packages/core/src/one.ts": 'export { kit as one } from "@weftmesh/testkit";' },
      /^layer-of-core/m,
    ],
    [
      "an undeclared package",
      { "packages/http/src/index.ts": 'export { one } from "@weftmesh/core";' },
      /^undeclared-by-http/m,
    ],
    [
      "an undeclared package in tests",
      { "packages/http/test/a.test.ts": 'export { one } from "@weftmesh/core";' },
      /^undeclared-by-tests-of-http/m,
    ],
    [
      "an import past the index",
      { "packages/naming/src/index.ts": 'export { one } from "../../core/src/one.ts";' },
      /^no-deep-import/m,
    ],
    [
      "an undeclared library",
      { "packages/core/src/one.ts": 'export { of as one } from "rxjs";' },
      /^undeclared-library/m,
    ],
    [
      "an undeclared library in tests",
      { "packages/core/test/a.test.ts": 'export { of } from "rxjs";' },
      /^undeclared-library-of-tests/m,
    ],
    [
      "a library of tests in sources",
      { "packages/naming/src/index.ts": 'export { of } from "rxjs";' },
      /^library-of-tests-in-src/m,
    ],
    ["an import of nothing", { "packages/core/src/one.ts": 'export { one } from "./two.ts";' }, /^not-resolved/m],
    [
      "a cycle",
      {
        "packages/core/src/one.ts": 'import { two } from "./two.ts";\nexport const one = () => two;',
        "packages/core/src/two.ts": 'import { one } from "./one.ts";\nexport const two = () => one;',
      },
      /^no-cycle: .* -> /m,
    ],
  ])("see %s", async (_what, planted, expected) => {
    const { problems } = await cruised(planted);
    expect(problems.join("\n")).toMatch(expected);
  });

  it("let tests import the testkit that the manifest declares", async () => {
    const http = { layer: 1, devDependencies: { "@weftmesh/testkit": "^0.1.0" } };
    const { problems } = await cruised(
      { "packages/http/test/a.test.ts": 'export { kit } from "@weftmesh/testkit";' },
      { "packages/http": http },
    );
    expect(problems).toEqual([]);
  });

  it("take too few modules for a failure to read them", async () => {
    const at = plantWorkspace(packages, files);
    const { problems } = await cruiseImports(readMembers(at), at);
    expect(problems).toEqual([expect.stringMatching(/^only 6 modules were cruised/)]);
  });
});
