import { WeftError } from "@weftmesh/core";

/** A path, name tree or dtab that does not follow the grammar. `at` counts characters from 0. */
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
}

function found(text: string, at: number): string {
  return at >= text.length ? "end of input" : `'${text[at]}'`;
}

/** The text with the offending character in brackets; of a long one, what stands near it. */
function bracketed(text: string, at: number): string {
  const from = Math.max(0, at - 40);
  const to = Math.min(text.length, at + 41);
  const head = `${from > 0 ? "..." : ""}${text.slice(from, at)}`;
  return `${head}[${text.slice(at, at + 1)}]${text.slice(at + 1, to)}${to < text.length ? "..." : ""}`;
}
