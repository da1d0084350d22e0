import { WeftError } from "@weftmesh/core";

/** Inclusive ranges of UTF-16 units, in order and apart from each other. */
export type CharSet = readonly (readonly [number, number])[];

/** A regular expression as a tree. */
export type Regex =
  | { readonly kind: "chars"; readonly set: CharSet }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "sequence" | "choice"; readonly parts: readonly Regex[] }
  | { readonly kind: "repeat"; readonly part: Regex; readonly min: number; readonly max: number };

/** A regular expression that is wrong, or that cannot be matched in linear time. `at` counts characters from 0. */
export class RegexSyntaxError extends WeftError {
  readonly at: number;

  constructor(message: string, at: number) {
    super("WEFT_CONFIG_REGEX", `${message} at character ${at + 1} of the regular expression`);
    this.at = at;
  }
}

const maxUnit = 0xffff;
const maxRepeat = 1000;
const maxNesting = 50;
const digits: CharSet = [[48, 57]];
const wordChars: CharSet = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const spaces: CharSet = [
  [9, 13],
  [32, 32],
];
const controls: ReadonlyMap<string, number> = new Map([
  ["t", 9],
  ["n", 10],
  ["v", 11],
  ["f", 12],
  ["r", 13],
]);
const lineEnds: CharSet = [
  [10, 10],
  [13, 13],
  [0x85, 0x85],
  [0x2028, 0x2029],
];

/** Reads the part of the regular expressions of Java that has no backreferences and does not look around. */
export function readRegex(text: string): Regex {
  return new RegexReader(text).read();
}

class RegexReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #anyCase = false;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Regex {
    if (this.#text.startsWith("(?i)")) {
      this.#anyCase = true;
      this.#at = 4;
    }
    const regex = this.#choice();
    if (this.#at < this.#text.length) throw this.#wrong("unmatched )");
    return regex;
  }

  #choice(): Regex {
    if (++this.#depth > maxNesting) throw this.#wrong(`groups nested more than ${maxNesting} deep`);
    const parts = [this.#sequence()];
    while (this.#take("|")) parts.push(this.#sequence());
    this.#depth--;
    return parts.length === 1 ? (parts[0] as Regex) : { kind: "choice", parts };
  }

  #sequence(): Regex {
    const parts: Regex[] = [];
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || char === "|" || char === ")") break;
      parts.push(this.#repeated());
    }
    return { kind: "sequence", parts };
  }

  #repeated(): Regex {
    let part = this.#atom();
    for (;;) {
      const at = this.#at;
      const bounds = this.#quantifier();
      if (bounds === undefined) return part;
      if (part.kind === "start" || part.kind === "end") throw this.#wrong("nothing to repeat", at);
      if (this.#text[this.#at] === "+") throw this.#wrong("possessive repetition is not supported");
      // Lazy or greedy makes no difference to whether the whole text matches.
      this.#take("?");
      part = { kind: "repeat", part, min: bounds[0], max: bounds[1] };
    }
  }

  #quantifier(): readonly [number, number] | undefined {
    if (this.#take("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.#take("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.#take("?")) return [0, 1];
    if (this.#text[this.#at] !== "{") return undefined;
    const found = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#text.slice(this.#at, this.#at + 12));
    if (found === null) throw this.#wrong("{ must begin a repetition such as {2,5}");
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === "" ? Number.POSITIVE_INFINITY : Number(found[3]);
    if (min > max) throw this.#wrong("a repetition from more to less");
    if (min > maxRepeat || (max > maxRepeat && Number.isFinite(max))) {
      throw this.#wrong(`a repetition of more than ${maxRepeat}`);
    }
    this.#at += found[0].length;
    return [min, max];
  }

  #atom(): Regex {
    const char = this.#text[this.#at] as string;
    switch (char) {
      case "(":
        return this.#group();
      case "[":
        return { kind: "chars", set: this.#class() };
      case ".":
        this.#at++;
        return { kind: "chars", set: complement(lineEnds) };
      case "^":
        this.#at++;
        return { kind: "start" };
      case "$":
        this.#at++;
        return { kind: "end" };
      case "*":
      case "+":
      case "?":
      case "{":
        throw this.#wrong("nothing to repeat");
      case "\\":
        return { kind: "chars", set: this.#fold(this.#escape()) };
      default:
        this.#at++;
        return { kind: "chars", set: this.#fold(single(char.charCodeAt(0))) };
    }
  }

  #group(): Regex {
    const start = this.#at++;
    if (this.#take("?")) {
      const name = /^<[A-Za-z][A-Za-z0-9]*>/.exec(this.#text.slice(this.#at, this.#at + 64));
      if (name !== null) this.#at += name[0].length;
      else if (!this.#take(":")) throw this.#wrong("looking around and flags inside are not supported", start);
    }
    const inside = this.#choice();
    if (!this.#take(")")) throw this.#wrong("a group that does not end", start);
    return inside;
  }

  #class(): CharSet {
    const start = this.#at++;
    const negated = this.#take("^");
    const ranges: (readonly [number, number])[] = [];
    let first = true;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) throw this.#wrong("a [ that does not end", start);
      if (char === "]" && !first) break;
      if (char === "[" || this.#text.startsWith("&&", this.#at))
        throw this.#wrong("classes inside classes are not supported");
      first = false;
      ranges.push(...this.#classItem());
    }
    this.#at++;
    const set = this.#fold(ordered(ranges));
    return negated ? complement(set) : set;
  }

  #classItem(): CharSet {
    const at = this.#at;
    const from = this.#classChar();
    const next = this.#text[this.#at + 1];
    if (this.#text[this.#at] !== "-" || next === "]" || next === undefined) return from;
    this.#at++;
    const to = this.#classChar();
    const [low] = from;
    const [high] = to;
    if (!isSingle(from) || !isSingle(to) || low === undefined || high === undefined) {
      throw this.#wrong("a range from or to a class", at);
    }
    if (low[0] > high[0]) throw this.#wrong("a range from more to less", at);
    return [[low[0], high[0]]];
  }

  #classChar(): CharSet {
    const char = this.#text[this.#at];
    if (char === undefined) throw this.#wrong("a [ that does not end");
    if (char === "\\") return this.#escape();
    this.#at++;
    return single(char.charCodeAt(0));
  }

  #escape(): CharSet {
    const start = this.#at++;
    const char = this.#text[this.#at++];
    if (char === undefined) throw this.#wrong("a \\ at the end", start);
    const control = controls.get(char);
    if (control !== undefined) return single(control);
    switch (char) {
      case "d":
        return digits;
      case "D":
        return complement(digits);
      case "w":
        return wordChars;
      case "W":
        return complement(wordChars);
      case "s":
        return spaces;
      case "S":
        return complement(spaces);
      case "x":
        return single(this.#hex(2));
      case "u":
        return single(this.#hex(4));
    }
    if (/[A-Za-z0-9]/.test(char)) throw this.#wrong(`\\${char} is not supported`, start);
    return single(char.charCodeAt(0));
  }

  #hex(length: number): number {
    const text = this.#text.slice(this.#at, this.#at + length);
    if (!new RegExp(`^[0-9a-fA-F]{${length}}$`).test(text)) throw this.#wrong(`${length} hexadecimal digits expected`);
    this.#at += length;
    return Number.parseInt(text, 16);
  }

  #fold(set: CharSet): CharSet {
    if (!this.#anyCase) return set;
    const both = [...set];
    for (const [low, high] of set) {
      pushShifted(both, low, high, 65, 90, 32);
      pushShifted(both, low, high, 97, 122, -32);
    }
    return ordered(both);
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #wrong(message: string, at: number = this.#at): RegexSyntaxError {
    return new RegexSyntaxError(message, at);
  }
}

function pushShifted(
  into: (readonly [number, number])[],
  low: number,
  high: number,
  from: number,
  to: number,
  by: number,
): void {
  const first = Math.max(low, from);
  const last = Math.min(high, to);
  if (first <= last) into.push([first + by, last + by]);
}

function single(unit: number): CharSet {
  return [[unit, unit]];
}

function isSingle(set: CharSet): boolean {
  const [only] = set;
  return set.length === 1 && only !== undefined && only[0] === only[1];
}

function ordered(ranges: CharSet): CharSet {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [low, high] of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged;
}

function complement(set: CharSet): CharSet {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [low, high] of ordered(set)) {
    if (low > next) rest.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= maxUnit) rest.push([next, maxUnit]);
  return rest;
}
