import { WeftError } from "@weftmesh/core";
import type { Path } from "./path.ts";

/**
 * A path, name tree, dtab or pattern that does not follow the grammar.
 *
 * Units: `at` counts characters from 0; `line` and `column` count from 1.
 */
export class PathSyntaxError extends WeftError {
  readonly text: string;
  readonly at: number;
  readonly expected: string;

  constructor(text: string, at: number, expected: string) {
    super("WEFT_NAME_SYNTAX", `${expected} expected but ${found(text, at)} found at '${bracketed(text, at)}'`, {
      flags: ["naming", "nonRetryable"],
    });
    this.text = text;
    this.at = at;
    this.expected = expected;
  }

  get line(): number {
    let line = 1;
    for (let i = this.text.indexOf("\n"); i !== -1 && i < this.at; i = this.text.indexOf("\n", i + 1)) line++;
    return line;
  }

  get column(): number {
    return this.at === 0 ? 1 : this.at - this.text.lastIndexOf("\n", this.at - 1);
  }
}

/** `/$/` and a name that no utility namer has. */
export class UnknownNamerError extends WeftError {
  readonly path: Path;

  constructor(path: Path) {
    super("WEFT_NAMER_UNKNOWN", `Unknown namer: ${path.take(2).drop(1).show.slice(1)} for path: ${clipped(path)}`, {
      flags: ["naming"],
    });
    this.path = path;
  }
}

/** Rules that lead on and on: most often a loop. */
export class MaxDepthError extends WeftError {
  readonly path: Path;
  readonly maxDepth: number;

  constructor(path: Path, maxDepth: number) {
    super("WEFT_NAMER_MAX_DEPTH", `max recursion level of ${maxDepth} reached at ${clipped(path)}`, {
      flags: ["naming", "nonRetryable"],
    });
    this.path = path;
    this.maxDepth = maxDepth;
  }
}

/** Rules that branch so much that binding one name would take longer than any request should wait. */
export class StepBudgetError extends WeftError {
  readonly path: Path;

  constructor(path: Path, limit: string) {
    super("WEFT_NAMER_STEP_BUDGET", `binding ${clipped(path)} takes more than ${limit}`, {
      flags: ["naming", "nonRetryable"],
    });
    this.path = path;
  }
}

/** A name made by a loop may be very long. */
const maxShownChars = 200;

function clipped(path: Path): string {
  const shown = path.take(maxShownChars).show;
  return shown.length > maxShownChars ? `${shown.slice(0, maxShownChars)}...` : shown;
}

function found(text: string, at: number): string {
  return at >= text.length ? "end of input" : `'${printable(charAt(text, at))}'`;
}

/** The text with the offending character in brackets; of a long one, what stands near it. */
function bracketed(text: string, at: number): string {
  const from = Math.max(0, at - 40);
  const char = charAt(text, at);
  const to = Math.min(text.length, at + 41);
  const head = `${from > 0 ? "..." : ""}${printable(text.slice(from, at))}`;
  return `${head}[${printable(char)}]${printable(text.slice(at + char.length, to))}${to < text.length ? "..." : ""}`;
}

/** One character, also when it takes two code units. */
function charAt(text: string, at: number): string {
  const code = text.codePointAt(at);
  return code === undefined ? "" : String.fromCodePoint(code);
}

/** Messages go into headers and logs: whatever could break a line or turn the reading direction is written out. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (char) => {
    const code = char.codePointAt(0) as number;
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}
