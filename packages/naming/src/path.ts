import { PathSyntaxError } from "./errors.ts";

/** Bytes that stand for themselves in the text of a path: `[0-9A-Za-z_:.#$%-]`. */
const showable = /^[0-9A-Za-z_:.#$%-]+$/;

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

  private constructor(elems: readonly string[]) {
    this.elems = elems;
  }

  /** From elements of bytes; an empty element throws TypeError. */
  static of(...elems: readonly string[]): Path {
    for (const elem of elems) if (elem === "") throw new TypeError("a path has an empty element");
    return elems.length === 0 ? Path.empty : new Path(elems);
  }

  /** From elements of ordinary text, whose bytes are its UTF-8. */
  static utf8(...elems: readonly string[]): Path {
    return Path.of(...elems.map((elem) => (isAscii(elem) ? elem : Buffer.from(elem, "utf8").toString("latin1"))));
  }

  /** Reads the text form: `/`, or `/a/b` with `\xHH` for a byte. Errors: `WEFT_NAME_SYNTAX` with the position. */
  static read(text: string): Path {
    return readPath(text);
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
    return this.isEmpty ? other : new Path([...this.elems, ...other.elems]);
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

function readPath(text: string): Path {
  if (text.charCodeAt(0) !== 47) throw new PathSyntaxError(text, 0, "'/'");
  if (text.length === 1) return Path.empty;
  const elems: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (text.charCodeAt(at) !== 47) throw new PathSyntaxError(text, at, "'/', a label character or the end");
    const [elem, next] = readElem(text, at + 1);
    elems.push(elem);
    at = next;
  }
  return Path.of(...elems);
}

/** Reads one label from `at`: its bytes, and where it ends. Errors: `WEFT_NAME_SYNTAX` when there is none. */
export function readElem(text: string, at: number): readonly [string, number] {
  let elem = "";
  let i = at;
  while (i < text.length) {
    if (text.charCodeAt(i) === 92) {
      const hex = text.slice(i + 2, i + 4);
      if (text[i + 1] !== "x" || !/^[0-9a-fA-F]{2}$/.test(hex)) throw new PathSyntaxError(text, i, "'\\xHH'");
      elem += String.fromCharCode(Number.parseInt(hex, 16));
      i += 4;
    } else if (showable.test(text[i] as string)) {
      elem += text[i];
      i++;
    } else break;
  }
  if (elem === "") throw new PathSyntaxError(text, i, "a label: [0-9A-Za-z_:.#$%-] or '\\xHH'");
  return [elem, i];
}
