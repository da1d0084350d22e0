import { fromSource, Program, root } from "./process.ts";

/** Runs the command `weft` to its end. */
export async function weft(
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly output: string }> {
  const main = `${root}/apps/cli/src/main.ts`;
  const program = new Program(process.execPath, [...fromSource, main, ...args]);
  const code = await program.exited;
  return { code, output: program.output };
}
