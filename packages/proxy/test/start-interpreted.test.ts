import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const source = new URL("../src/start-interpreted.ts", import.meta.url).href;
const program = `
import { interpretOnly } from ${JSON.stringify(source)};
function hotAtStart() { let sum = 0; for (let i = 0; i < 5e6; i++) sum += i % 7; return sum; }
function hotLater() { let sum = 0; for (let i = 0; i < 5e6; i++) sum += i % 5; return sum; }
const compileAgain = interpretOnly(" ".repeat(Number(process.argv[1])));
hotAtStart();
hotAtStart();
compileAgain();
hotLater();
hotLater();
`;

/** The names of the functions that V8 made machine code of. */
function compiled(flags: readonly string[], configChars: number): readonly string[] {
  const args = [...flags, "--trace-opt", "--import", "tsx", "--input-type=module", "-e", program, `${configChars}`];
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
    const names = compiled([], 1000);
    expect(names).not.toContain("hotAtStart");
    expect(names).toContain("hotLater");
  });

  it("is compiled where the command line speaks of V8's compilers", () => {
    expect(compiled(["--sparkplug"], 1000)).toContain("hotAtStart");
  });

  it("is compiled where the config is long", () => {
    expect(compiled([], 100_000)).toContain("hotAtStart");
  });
});
