import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { layerProblems } from "../check-layers.ts";
import { packageFiles } from "../new-package.ts";
import { newPlugin } from "../new-plugin.ts";
import { filesBelow, readMembers } from "../workspace.ts";
import { plantWorkspace } from "./planted-workspace.ts";

describe("a new plugin", () => {
  it("has its names put in everywhere, and none of the template's is left", () => {
    const parent = mkdtempSync(join(tmpdir(), "plugin-"));
    onTestFinished(() => rmSync(parent, { recursive: true }));
    const folder = join(parent, "mine");
    newPlugin({ folder, name: "@acme/weftmesh-plugin-mine", domain: "org.acme" });
    const files = filesBelow(".", /./, folder);
    expect(files).toEqual(
      expect.arrayContaining([".gitignore", "package.json", "src/index.ts", "test/hosts-namer.test.ts"]),
    );
    for (const file of files) expect(readFileSync(join(folder, file), "utf8")).not.toMatch(/example/);
    expect(readFileSync(join(folder, "package.json"), "utf8")).toContain('"name": "@acme/weftmesh-plugin-mine"');
    expect(readFileSync(join(folder, "src/slow-calls.ts"), "utf8")).toContain('kind: "org.acme.slowCalls"');
    expect(() => newPlugin({ folder, name: "a", domain: "org.acme" })).toThrow(/there already/);
  });

  it.each([
    [{ name: "Not A Name", domain: "org.acme" }, /no name of a package/],
    [{ name: "fine", domain: "acme" }, /no domain/],
  ])("is refused with %j, and nothing is written", (names, expected) => {
    const folder = join(tmpdir(), "never-made");
    expect(() => newPlugin({ folder, ...names })).toThrow(expected);
    expect(existsSync(folder)).toBe(false);
  });
});

describe("a new package", () => {
  const core = { "packages/core": { layer: 0 }, "packages/testkit": { layer: 1 } };

  it.each([
    ["packages", "fog", 2],
    ["plugins", "namer-fog", 5],
  ] as const)("in %s keeps the layers", (group, short, layer) => {
    const files = packageFiles({ group, short, layer, description: "Fog" });
    const at = plantWorkspace(
      core,
      Object.fromEntries([...files].map(([path, text]) => [`${group}/${short}/${path}`, text])),
    );
    expect(layerProblems(readMembers(at), 3)).toEqual([]);
  });

  it("is refused on a layer where it cannot stand", () => {
    const fog = { short: "fog", description: "Fog" };
    expect(() => packageFiles({ ...fog, group: "packages", layer: 5 })).toThrow(/layer 0 to 4/);
    expect(() => packageFiles({ ...fog, group: "plugins", layer: 2 })).toThrow(/layer 5/);
    expect(() => packageFiles({ ...fog, short: "Fog", group: "packages", layer: 2 })).toThrow(/kebab-case/);
  });
});
