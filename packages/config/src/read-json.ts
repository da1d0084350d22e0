import type { Issues } from "./issues.ts";
import { scalarOffset } from "./scalar-offset.ts";
import type { Entry, KeyPath, ScalarValue, SourceNode } from "./source.ts";

const maxDepth = 100;
/** As much as YAML may hold. */
const maxValues = 100_000;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const word = /[A-Za-z0-9_.+-]+/y;

/** Thrown inside this file only. */
class Stop {
  readonly offset: number;
  readonly message: string;

  constructor(offset: number, message: string) {
    this.offset = offset;
    this.message = message;
  }
}

/** Reads strict JSON with the place of everything; `undefined` when it is not JSON, which is then in `issues`. */
export function readJson(text: string, issues: Issues): SourceNode | undefined {
  const reader = new JsonReader(text, issues);
  try {
    return reader.document();
  } catch (stop) {
    if (!(stop instanceof Stop)) throw stop;
    issues.add({ rule: "syntax", path: reader.path, offset: stop.offset, message: `not valid JSON: ${stop.message}` });
    return undefined;
  }
}

class JsonReader {
  readonly #text: string;
  readonly #issues: Issues;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #values = 0;

  constructor(text: string, issues: Issues) {
    this.#text = text;
    this.#issues = issues;
  }

  get path(): KeyPath {
    return [...this.#path];
  }

  document(): SourceNode {
    this.#space();
    const root = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw this.#expected("the end of the text");
    return root;
  }

  #value(): SourceNode {
    if (this.#path.length > maxDepth) throw new Stop(this.#at, `nested more than ${maxDepth} deep`);
    if (++this.#values > maxValues) throw new Stop(this.#at, `more than ${maxValues} values`);
    const char = this.#text[this.#at];
    if (char === "{") return this.#map();
    if (char === "[") return this.#list();
    const start = this.#at;
    if (char === '"') {
      const value = this.#string();
      const end = this.#at;
      const offsetOf = (at: number) => scalarOffset(this.#text, start, end, "double", value, at);
      return { kind: "scalar", value, start, end, offsetOf };
    }
    return this.#word(start);
  }

  #word(start: number): SourceNode {
    word.lastIndex = start;
    const found = word.exec(this.#text)?.[0] ?? "";
    const value = wordValue(found);
    if (value === undefined) throw this.#expected("a value");
    this.#at += found.length;
    const written = value !== null && String(value) !== found ? { written: found } : {};
    return { kind: "scalar", value, start, end: this.#at, ...written };
  }

  #list(): SourceNode {
    const start = this.#at++;
    const items: SourceNode[] = [];
    this.#space();
    if (!this.#take("]")) {
      do {
        this.#space();
        this.#path.push(items.length);
        items.push(this.#value());
        this.#path.pop();
        this.#space();
      } while (this.#take(","));
      if (!this.#take("]")) throw this.#expected("',' or ']'");
    }
    return { kind: "list", items, start, end: this.#at };
  }

  #map(): SourceNode {
    const start = this.#at++;
    const entries = new Map<string, Entry>();
    this.#space();
    if (!this.#take("}")) {
      do this.#entry(entries);
      while (this.#take(","));
      if (!this.#take("}")) throw this.#expected("',' or '}'");
    }
    return { kind: "map", entries, start, end: this.#at };
  }

  #entry(entries: Map<string, Entry>): void {
    this.#space();
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#expected("a key in double quotes");
    const name = this.#string();
    const key = { start, end: this.#at };
    this.#space();
    if (!this.#take(":")) throw this.#expected("':'");
    this.#space();
    this.#path.push(name);
    const value = this.#value();
    if (entries.has(name)) {
      // It is read no further, so nobody finds out whether it is a secret.
      this.#issues.hide(value);
      this.#issues.add({ rule: "duplicateKey", path: this.path, offset: start, message: "duplicate key" });
    } else entries.set(name, { key, value });
    this.#path.pop();
    this.#space();
  }

  /** The scanner finds the closing quote; `JSON.parse` knows the rest. */
  #string(): string {
    const start = this.#at;
    let at = start + 1;
    for (;;) {
      const code = this.#text.charCodeAt(at);
      if (Number.isNaN(code)) throw new Stop(start, "a string that does not end");
      if (code === 34) break;
      if (code < 32) throw new Stop(at, "a control character in a string");
      at += code === 92 ? 2 : 1;
    }
    this.#at = at + 1;
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      throw new Stop(start, "a string with a wrong escape");
    }
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.#at++;
    }
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #expected(what: string): Stop {
    const found = this.#at >= this.#text.length ? "the end of the text" : JSON.stringify(this.#text[this.#at]);
    return new Stop(this.#at, `expected ${what}; found ${found}`);
  }
}

function wordValue(found: string): ScalarValue | undefined {
  if (found === "true") return true;
  if (found === "false") return false;
  if (found === "null") return null;
  number.lastIndex = 0;
  return number.exec(found)?.[0] === found && found !== "" ? Number(found) : undefined;
}
