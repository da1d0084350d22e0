import { describe, expect, it } from "vitest";
import { layerProblems, missingPropertyTests } from "../check-layers.ts";
import { readMembers } from "../workspace.ts";
import { type PlantedPackage, plantWorkspace } from "./planted-workspace.ts";

const core: PlantedPackage = { layer: 0 };
const on = (...names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`@weftmesh/${name}`, "^0.1.0"]));

function problemsOf(packages: Readonly<Record<string, PlantedPackage>>): readonly string[] {
  return layerProblems(readMembers(plantWorkspace(packages)), 1);
}

describe("the layers of the manifests", () => {
  it("has nothing to say of a workspace that keeps them", () => {
    const problems = problemsOf({
      "packages/core": core,
      "packages/naming": { layer: 1, dependencies: on("core"), devDependencies: on("testkit") },
      "packages/testkit": { layer: 1, dependencies: on("core", "naming") },
      "packages/wire": { layer: 3, dependencies: on("core") },
      "packages/transport-http1": { layer: 3, dependencies: on("core", "wire") },
      "packages/transport-http2": { layer: 3, dependencies: on("wire") },
      "packages/grpc": { layer: 3, dependencies: { ...on("wire", "transport-http2"), "@grpc/grpc-js": "1.14.1" } },
      "packages/router": { layer: 4, dependencies: on("core", "naming", "wire") },
      "packages/admin": { layer: 4, dependencies: on("router") },
      "plugins/namer-x": {
        layer: 5,
        dependencies: { zod: "4.6.7" },
        peerDependencies: on("core"),
        devDependencies: on("core"),
      },
      "plugins/standard": { layer: 5, dependencies: on("namer-x") },
      "apps/proxy": { layer: 6, dependencies: { ...on("standard", "router"), yargs: "1.0.0" } },
    });
    expect(problems).toEqual([]);
  });

  it.each<[string, Record<string, PlantedPackage>, RegExp]>([
    [
      "an upward edge",
      { "packages/core": { layer: 0, dependencies: on("naming") }, "packages/naming": { layer: 1 } },
      /layer 0 sees lower layers only, and this is layer 1/,
    ],
    [
      "an edge within a layer",
      { "packages/pool": { layer: 2, dependencies: on("timeout") }, "packages/timeout": { layer: 2 } },
      /packages\/pool: .*layer 2/,
    ],
    [
      "the wire on a transport",
      { "packages/wire": { layer: 3, dependencies: on("transport-http1") }, "packages/transport-http1": { layer: 3 } },
      /packages\/wire: .*layer 3/,
    ],
    [
      "a transport on another",
      {
        "packages/transport-http2": { layer: 3, dependencies: on("transport-http1") },
        "packages/transport-http1": { layer: 3 },
      },
      /packages\/transport-http2: .*layer 3/,
    ],
    [
      "a transport on what stands above it",
      { "packages/transport-http2": { layer: 3, dependencies: on("grpc") }, "packages/grpc": { layer: 3 } },
      /packages\/transport-http2: .*layer 3/,
    ],
    [
      "two of a layer's upper end on each other",
      { "packages/grpc": { layer: 3, dependencies: on("fog") }, "packages/fog": { layer: 3 } },
      /packages\/grpc: .*layer 3/,
    ],
    [
      "router on admin",
      { "packages/router": { layer: 4, dependencies: on("admin") }, "packages/admin": { layer: 4 } },
      /layer 4/,
    ],
    [
      "proxy on simulator",
      { "packages/proxy": { layer: 4, dependencies: on("simulator") }, "packages/simulator": { layer: 4 } },
      /layer 4/,
    ],
    [
      "a package on a plugin",
      { "packages/proxy": { layer: 4, dependencies: on("namer-x") }, "plugins/namer-x": { layer: 5 } },
      /sees no plugin/,
    ],
    [
      "a plugin on a plugin",
      { "plugins/namer-y": { layer: 5, dependencies: on("namer-x") }, "plugins/namer-x": { layer: 5 } },
      /sees no other plugin/,
    ],
    [
      "a plugin on a transport",
      {
        "plugins/namer-x": {
          layer: 5,
          peerDependencies: on("transport-http1"),
          devDependencies: on("transport-http1"),
        },
        "packages/transport-http1": { layer: 3 },
      },
      /plugin sees layers 0 to 2/,
    ],
    [
      "a plugin with a copy of the core of its own",
      { "plugins/namer-x": { layer: 5, dependencies: on("core") }, "packages/core": core },
      /must be a peer/,
    ],
    [
      "a peer that is not installed here",
      { "plugins/namer-x": { layer: 5, peerDependencies: on("core") }, "packages/core": core },
      /missing in devDependencies/,
    ],
    [
      "the testkit outside of tests",
      { "packages/core": { layer: 0, dependencies: on("testkit") }, "packages/testkit": { layer: 1 } },
      /tests only/,
    ],
    [
      "an app as a library",
      { "apps/cli": { layer: 6, dependencies: on("control") }, "apps/control": { layer: 6 } },
      /run, not imported/,
    ],
    [
      "a library that the layer does not have",
      { "packages/core": { layer: 0, dependencies: { zod: "4.6.7" } } },
      /outside libraries here are rxjs/,
    ],
    [
      "a range where a version belongs",
      { "packages/core": { layer: 0, dependencies: { rxjs: "^7.8.2" } } },
      /not an exact version/,
    ],
    [
      "a package that does not exist",
      { "packages/core": { layer: 0, dependencies: on("fog") } },
      /no package of this workspace/,
    ],
    ["a missing layer", { "plugins/namer-x": { layer: 2 } }, /weftmesh.layer is 2, expected 5/],
  ])("sees %s", (_what, packages, expected) => {
    const problems = problemsOf(packages);
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(problem).toMatch(expected);
  });

  it("takes too few packages for a failure to read them", () => {
    const at = plantWorkspace({ "packages/core": core });
    expect(layerProblems(readMembers(at))).toEqual([expect.stringMatching(/^only 1 packages were seen/)]);
    expect(layerProblems([], 1)).toEqual([expect.stringMatching(/^only 0 packages/)]);
  });
});

describe("the list of missing property tests", () => {
  it("names the package and the module that have none", () => {
    const at = plantWorkspace(
      { "packages/core": core, "packages/naming": { layer: 1 } },
      { "packages/core/test/var.prop.test.ts": "", "packages/naming/test/path.test.ts": "" },
    );
    const missing = missingPropertyTests(readMembers(at), at);
    expect(missing).toContain("packages/naming: no property test");
    expect(missing).toContain("packages/naming/src/path.ts: no packages/naming/test/path.prop.test.ts");
    expect(missing.join()).not.toMatch(/packages\/core: no|core\/src\/var.ts/);
  });
});
