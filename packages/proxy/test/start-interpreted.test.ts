import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const source = new URL("../src/start-interpreted.ts", import.meta.url).href;
const program = `
import { interpretOnly } from ${JSON.stringify(source)};
function hotAtStart() { let sum = 0; for (let i = 0; i < 5e6; i++) sum += i % 7; return sum; }
function hotLater() { let sum = 0; for (let i = 0; i < 5e6; i++) sum += i % 5; return sum; }
const compileAgain = interpretOnly();
hotAtStart();
hotAtStart();
compileAgain();
hotLater();
hotLater();
`;

/** The names of the functions that V8 made machine code of. */
function compiled(...flags: string[]): readonly string[] {
  const args = [...flags, "--trace-opt", "--import", "tsx", "--input-type=module", "-e", program];
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const trace = execFileSync(process.execPath, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  return [...trace.matchAll(/completed optimizing \S+ <JSFunction (\w+)/g)].map(([, name]) => name as string);
}

describe("what runs at the start", () => {
  it("is interpreted, however hot it is, and what comes later is compiled as ever", () => {
    const names = compiled();
    expect(names).not.toContain("hotAtStart");
    expect(names).toContain("hotLater");
  });

  it("is compiled where the command line speaks of V8's compilers", () => {
    expect(compiled("--sparkplug")).toContain("hotAtStart");
  });
});
