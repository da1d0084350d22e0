import { Scanner } from "./scanner.ts";

/** An element whose bytes all stand for themselves. */
const showable = /^[0-9A-Za-z_:.#$%-]+$/;
/** A path of such elements only: its text is what it prints as. */
const plainPath = /^(?:\/[0-9A-Za-z_:.#$%-]+)+$/;

/**
 * A name: a list of elements, each of them one byte or more.
 *
 * Shape: an element is held as a string with one character per byte (latin1), so that equal paths have equal text;
 * `Path.utf8` makes one from ordinary text. Immutable. `show` is made once and kept: use it as the key of a map.
 */
export class Path {
  static readonly empty: Path = new Path([]);
  readonly elems: readonly string[];
  #show: string | undefined;

  private constructor(elems: readonly string[], show?: string) {
    this.elems = elems;
    this.#show = show;
  }

  /** From elements of bytes; an empty element, or a character that is no byte, throws TypeError. */
  static of(...elems: readonly string[]): Path {
    return Path.from(elems);
  }

  /** From a list of them, of any length. The list is kept and must not change. */
  static from(elems: readonly string[]): Path {
    if (elems.length === 0) return Path.empty;
    for (const elem of elems) if (!isBytes(elem)) throw new TypeError(problemOf(elem));
    return new Path(elems);
  }

  /** From elements of ordinary text, whose bytes are its UTF-8. */
  static utf8(...elems: readonly string[]): Path {
    return Path.from(elems.map((elem) => (isAscii(elem) ? elem : Buffer.from(elem, "utf8").toString("latin1"))));
  }

  /**
   * Reads the text form: `/`, or `/a/b` with `\xHH` for a byte; blanks and comments around it do not count.
   *
   * Errors: `WEFT_NAME_SYNTAX` with the position.
   */
  static read(text: string): Path {
    if (plainPath.test(text)) return new Path(text.slice(1).split("/"), text);
    const scanner = new Scanner(text);
    scanner.skipBlanks();
    const elems = scanner.elems();
    const end = scanner.at;
    scanner.skipBlanks();
    scanner.expectEnd(
      scanner.at > end ? "the end" : elems.length === 0 ? "a label" : "'/', a label character or the end",
    );
    return elems.length === 0 ? Path.empty : new Path(elems);
  }

  /** The text form: an element with any byte that is not showable has every byte written as `\xhh`. */
  get show(): string {
    this.#show ??= this.elems.length === 0 ? "/" : this.elems.map((elem) => `/${showElem(elem)}`).join("");
    return this.#show;
  }

  get size(): number {
    return this.elems.length;
  }

  get isEmpty(): boolean {
    return this.elems.length === 0;
  }

  startsWith(prefix: Path): boolean {
    if (prefix.elems.length > this.elems.length) return false;
    for (let i = 0; i < prefix.elems.length; i++) if (prefix.elems[i] !== this.elems[i]) return false;
    return true;
  }

  take(n: number): Path {
    return n >= this.elems.length ? this : n <= 0 ? Path.empty : new Path(this.elems.slice(0, n));
  }

  drop(n: number): Path {
    return n <= 0 ? this : n >= this.elems.length ? Path.empty : new Path(this.elems.slice(n));
  }

  concat(other: Path): Path {
    if (other.isEmpty) return this;
    return this.isEmpty ? other : new Path(this.elems.concat(other.elems));
  }

  equals(other: Path): boolean {
    return this === other || (this.size === other.size && this.startsWith(other));
  }

  toString(): string {
    return this.show;
  }

  toJSON(): string {
    return this.show;
  }
}

/** One element in the text form. */
export function showElem(elem: string): string {
  if (showable.test(elem)) return elem;
  let shown = "";
  for (let i = 0; i < elem.length; i++) shown += `\\x${elem.charCodeAt(i).toString(16).padStart(2, "0")}`;
  return shown;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

function isBytes(elem: string): boolean {
  for (let i = 0; i < elem.length; i++) if (elem.charCodeAt(i) > 255) return false;
  return elem !== "";
}

function problemOf(elem: string): string {
  return elem === "" ? "a path has an empty element" : "a path element holds a character above 0xff: use Path.utf8";
}
