import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { shapeProblems } from "../package-shape.ts";
import { plantWorkspace } from "./planted-workspace.ts";

const manifest = {
  name: "@weftmesh/planted",
  version: "0.1.0",
  description: "Planted",
  license: "Apache-2.0",
  type: "module",
  files: ["dist"],
  exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" } },
};
const files = {
  "dist/index.js": "export const one = 1;\n",
  "dist/index.d.ts": 'export { one } from "./one.js";\n',
  "dist/one.d.ts": "export declare const one = 1;\n",
};

/** Packs a package of these files; takes about half a second. */
function pack(more: Readonly<Record<string, string>>, changed: object = {}): string {
  const at = plantWorkspace({}, { ...files, ...more, "package.json": JSON.stringify({ ...manifest, ...changed }) });
  execFileSync("npm", ["pack", "--ignore-scripts"], { cwd: at, stdio: "ignore" });
  return join(at, "weftmesh-planted-0.1.0.tgz");
}

describe("the shape of a tarball", { timeout: 60_000 }, () => {
  it("is fine when code and types are found", async () => {
    expect(await shapeProblems(pack({}))).toEqual([]);
  });

  it("is wrong when the types name each other in a way that consumers do not resolve", async () => {
    const problems = await shapeProblems(pack({ "dist/index.d.ts": 'export { one } from "./one";\n' }));
    expect(problems.join("\n")).toMatch(/attw: .*InternalResolutionError/);
  });

  it("is wrong when the manifest names a file that is not packed", async () => {
    const problems = await shapeProblems(pack({}, { exports: { ".": "./dist/main.js" } }));
    expect(problems.join("\n")).toMatch(/publint: .*dist\/main\.js/);
  });
});
