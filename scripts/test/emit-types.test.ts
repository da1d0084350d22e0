import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { declarationsOf } from "../emit-types.ts";
import { plantWorkspace } from "./planted-workspace.ts";

function declared(files: Readonly<Record<string, string>>): Record<string, string> {
  const at = plantWorkspace({}, files);
  const paths = Object.keys(files).map((each) => join(at, each));
  const written = declarationsOf(paths, join(at, "src"), join(at, "dist"));
  return Object.fromEntries([...written].map(([path, text]) => [path.slice(at.length + 1), text]));
}

describe("the declarations of a package", () => {
  it("stand beside each other and name each other as consumers find them", () => {
    const written = declared({
      "src/index.ts":
        'export type { A } from "./deep/a.ts";\nexport const make = (): import("./deep/a.ts").A => ({ a: 1 });\n',
      "src/deep/a.ts":
        'import type { Other } from "other";\nexport interface A extends Partial<Other> { readonly a: number }\n',
    });
    expect(Object.keys(written).sort()).toEqual([
      "dist/deep/a.d.ts",
      "dist/deep/a.d.ts.map",
      "dist/index.d.ts",
      "dist/index.d.ts.map",
    ]);
    expect(written["dist/index.d.ts"]).toContain('from "./deep/a.js"');
    expect(written["dist/index.d.ts"]).toContain('import("./deep/a.js").A');
    expect(written["dist/deep/a.d.ts"]).toContain('from "other"');
  });

  it("write a computed method once", () => {
    const text = "export class A { *[Symbol.iterator](): Iterator<number> { yield 1; } }\n";
    expect(declared({ "src/a.ts": text })["dist/a.d.ts"]).toMatch(
      /^export declare class A \{\n.*Iterator<number>;\n\}/,
    );
  });

  it("keep what merges into another package", () => {
    const text = 'declare module "@weftmesh/config" { interface PluginTypes { mine: number } }\nexport {};\n';
    expect(declared({ "src/a.ts": text })["dist/a.d.ts"]).toContain("interface PluginTypes");
  });

  it("are refused where an export does not state its type", () => {
    expect(() => declared({ "src/a.ts": "const f = () => 1;\nexport const a = f();\n" })).toThrow(
      /a\.ts:2:14: .*isolatedDeclarations/,
    );
    expect(() => declared({ "src/a.ts": "export const = 1;\n" })).toThrow(/a\.ts:1:/);
  });
});
