import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { loadPlugins } from "../src/load-plugins.ts";
import { ExitRefusedError, keepAlive } from "../src/own-exit.ts";

const undo: (() => void)[] = [];
afterEach(() => {
  for (const each of undo.splice(0).reverse()) each();
});

describe("I11: process.exit of a guest", () => {
  it("throws to its caller, and names the place", () => {
    const before = process.exit;
    const restore = keepAlive();
    undo.push(restore);
    const guest = (): never => process.exit(3);
    expect(guest).toThrow(ExitRefusedError);
    expect(guest).toThrow(/^process\.exit was called at guest \(.*own-exit\.test\.ts:\d+:\d+\)/);
    restore();
    expect(process.exit).toBe(before);
  });

  it("fails the load of a plugin, by the name of its package", async () => {
    const dir = mkdtempSync(join(tmpdir(), "weft-exit-"));
    undo.push(() => rmSync(dir, { recursive: true }), keepAlive());
    writeFileSync(join(dir, "leaves.mjs"), "process.exit(0);");
    await expect(loadPlugins(["./leaves.mjs"], dir)).rejects.toMatchObject({
      code: "WEFT_PLUGIN_LOAD",
      message: expect.stringMatching(
        /^plugin \.\/leaves\.mjs: cannot be loaded: process\.exit was called .*leaves\.mjs/,
      ),
      cause: { code: "WEFT_EXIT_REFUSED" },
    });
  });
});
