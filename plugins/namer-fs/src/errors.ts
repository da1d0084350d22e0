import { WeftError } from "@weftmesh/core";

/** A line of an address file that is no address. */
export class AddressFileError extends WeftError {
  readonly file: string;
  readonly line: number;
  readonly column: number;

  constructor(file: string, line: number, column: number, problem: string) {
    super("WEFT_NAMER_FS_SYNTAX", `${file}:${line}:${column}: ${problem}`, { flags: ["naming"] });
    this.file = file;
    this.line = line;
    this.column = column;
  }
}

/** An address file that cannot be used at all. */
export class AddressFileReadError extends WeftError {
  readonly file: string;

  constructor(file: string, problem: string, cause?: unknown) {
    super("WEFT_NAMER_FS_READ", `${file}: ${problem}`, { flags: ["naming"], cause });
    this.file = file;
  }
}
