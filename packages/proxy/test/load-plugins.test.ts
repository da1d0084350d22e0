import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadPlugins } from "../src/load-plugins.ts";

const dir = mkdtempSync(join(tmpdir(), "weft-plugins-"));
afterAll(() => rmSync(dir, { recursive: true }));

function module(name: string, text: string): string {
  writeFileSync(join(dir, name), text);
  return `./${name}`;
}

const good = 'export const plugins = [{ type: "namer", kind: "com.acme.n", schema: {}, make() {} }];';

describe("plugins by name", () => {
  it("come from a module by its path, or a package as a program there would find it", async () => {
    mkdirSync(join(dir, "node_modules/@acme/n"), { recursive: true });
    writeFileSync(
      join(dir, "node_modules/@acme/n/package.json"),
      '{ "name": "@acme/n", "type": "module", "exports": "./index.js" }',
    );
    writeFileSync(join(dir, "node_modules/@acme/n/index.js"), good.replace("com.acme.n", "com.acme.p"));
    const loaded = await loadPlugins([module("good.mjs", good), "@acme/n"], dir);
    expect(loaded.map((plugin) => plugin.kind)).toEqual(["com.acme.n", "com.acme.p"]);
  });

  it("I11: fail with the name of the package when it throws, has none, or has something else", async () => {
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ["throws.mjs", 'throw new Error("boom")', /^plugin \.\/throws\.mjs: cannot be loaded: boom/],
      ["none.mjs", "export const x = 1", /^plugin \.\/none\.mjs: exports no list named plugins/],
      ["other.mjs", "export const plugins = [1]", /^plugin \.\/other\.mjs: its plugins hold something else/],
    ];
    for (const [name, text, message] of cases) {
      await expect(loadPlugins([module(name, text)], dir)).rejects.toMatchObject({
        code: "WEFT_PLUGIN_LOAD",
        message: expect.stringMatching(message),
      });
    }
    await expect(loadPlugins(["@acme/absent"], dir)).rejects.toMatchObject({ code: "WEFT_PLUGIN_LOAD" });
  });
});
