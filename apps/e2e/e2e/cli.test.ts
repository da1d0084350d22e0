import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fromSource, root } from "../src/process.ts";

/** Runs `weft` with nobody at the other end of its standard output, as when `head` has ended. */
function cutShort(...args: readonly string[]): Promise<{ readonly code: number | null; readonly err: string }> {
  const child = spawn(process.execPath, [...fromSource, join(root, "apps/cli/src/main.ts"), ...args], { cwd: root });
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  child.stdout.destroy();
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, err })));
}

describe("weft", () => {
  it("does not complain when its reader has seen enough", async () => {
    expect(await cutShort("schema")).toEqual({ code: 0, err: "" });
  });
});
