import { PathSyntaxError } from "./errors.ts";

const showable = /[0-9A-Za-z_:.#$%-]+/y;
const hexByte = /\\x([0-9a-fA-F]{2})/y;

/** Reads the text of name trees and dtabs from left to right. Blanks and comments may stand between tokens. */
export class Scanner {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Passes over blanks, and over comments: `#` to the end of the line, where a token could begin. */
  skipBlanks(): void {
    for (; this.at < this.text.length; this.at++) {
      const char = this.text[this.at];
      if (char === "#") {
        const end = this.text.indexOf("\n", this.at);
        this.at = end < 0 ? this.text.length - 1 : end;
      } else if (char !== " " && char !== "\t" && char !== "\n" && char !== "\r") return;
    }
  }

  get ended(): boolean {
    return this.at >= this.text.length;
  }

  peek(): string | undefined {
    return this.text[this.at];
  }

  /** Passes over the token if it is next. */
  take(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  expect(token: string): void {
    if (!this.take(token)) throw this.error(`'${token}'`);
  }

  /** Anything but the end is an error. */
  expectEnd(expected: string): void {
    if (!this.ended) throw this.error(expected);
  }

  error(expected: string): PathSyntaxError {
    return new PathSyntaxError(this.text, this.at, expected);
  }

  /** One label: showable characters, and `\\xHH` for any byte. */
  label(): string {
    let elem = "";
    for (;;) {
      showable.lastIndex = this.at;
      hexByte.lastIndex = this.at;
      const [plain] = showable.exec(this.text) ?? [];
      const escaped = plain === undefined ? hexByte.exec(this.text) : null;
      if (plain !== undefined) {
        elem += plain;
        this.at += plain.length;
      } else if (escaped !== null) {
        elem += String.fromCharCode(Number.parseInt(escaped[1] as string, 16));
        this.at += 4;
      } else break;
    }
    if (this.peek() === "\\") throw this.error("'\\xHH'");
    if (elem === "") throw this.error("a label: [0-9A-Za-z_:.#$%-] or '\\xHH'");
    return elem;
  }

  /** Whether a label could begin here. */
  atLabel(): boolean {
    showable.lastIndex = this.at;
    return this.peek() === "\\" || showable.test(this.text);
  }

  /** `/` alone, or labels with a slash before each. */
  elems(): string[] {
    this.expect("/");
    if (!this.atLabel()) return [];
    const elems = [this.label()];
    while (this.take("/")) elems.push(this.label());
    return elems;
  }
}
