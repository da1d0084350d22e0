import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newProgram } from "../src/program.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line of `weft` within this process. */
export async function weft(...args: readonly string[]): Promise<Ran> {
  let out = "";
  let err = "";
  const program = newProgram({
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  const code = await program.run(args);
  return { code, out, err };
}

/** A folder that goes away with the test. */
export class Folder {
  readonly path: string = mkdtempSync(join(tmpdir(), "weft-cli-"));

  write(name: string, text: string): string {
    const file = join(this.path, name);
    writeFileSync(file, text);
    return file;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
