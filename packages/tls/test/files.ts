import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that goes away with the test. */
export class Folder {
  readonly path: string = mkdtempSync(join(tmpdir(), "weft-tls-"));

  write(name: string, text: string, mode = 0o600): string {
    const file = join(this.path, name);
    writeFileSync(file, text, { mode });
    return file;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Keeps what it is told. */
export class Log {
  readonly lines: string[] = [];
  readonly info = (message: string): void => void this.lines.push(`info ${message}`);
  readonly warning = (message: string): void => void this.lines.push(`warning ${message}`);
  readonly error = (message: string): void => void this.lines.push(`error ${message}`);
}
