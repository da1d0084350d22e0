import { type CharSet, type Regex, RegexSyntaxError, readRegex } from "./regex-syntax.ts";

type Instruction =
  | { readonly op: "chars"; readonly set: CharSet }
  | { readonly op: "jump"; readonly to: readonly number[] }
  | { readonly op: "start" | "end" | "match" };

/** A set of places in the program where a match may stand; one state of the automaton. */
interface State {
  readonly places: readonly number[];
  readonly accepts: boolean;
  readonly next: Map<number, State>;
}

const maxProgram = 1000;
const maxHeld = 100_000;
const maxTransitions = 5000;

/**
 * A regular expression without backtracking.
 *
 * Shape: made once from the config; matches the whole of a text, as Linkerd's lists of admin paths do. The automaton is
 * made as texts need it, and forgotten when it grows beyond a limit.
 * Errors: `WEFT_CONFIG_REGEX` with the character for what is wrong, looks around or refers back.
 * Cost: linear in the text; per unit one map lookup, and at worst the length of the expression.
 */
export class LinearRegex {
  readonly text: string;
  readonly #program: readonly Instruction[];
  #start: State;
  #states = new Map<string, State>();
  #transitions = 0;
  /** Places held by all the states. */
  #held = 0;
  readonly #marks: Uint32Array;
  #mark = 0;

  static read(text: string): LinearRegex {
    return new LinearRegex(text, compile(readRegex(text)));
  }

  private constructor(text: string, program: readonly Instruction[]) {
    this.text = text;
    this.#program = program;
    this.#marks = new Uint32Array(program.length + 1);
    this.#start = this.#state([0], true);
  }

  matches(text: string): boolean {
    let state = this.#start;
    for (let i = 0; i < text.length; i++) {
      if (state.places.length === 0) return false;
      const unit = text.charCodeAt(i);
      state = state.next.get(unit) ?? this.#step(state, unit);
    }
    return state.accepts;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }

  #step(from: State, unit: number): State {
    const reached: number[] = [];
    for (const place of from.places) {
      const instruction = this.#program[place];
      if (instruction?.op === "chars" && contains(instruction.set, unit)) reached.push(place + 1);
    }
    if (this.#held > maxHeld || this.#transitions > maxTransitions) this.#forget();
    const to = this.#state(reached, false);
    from.next.set(unit, to);
    this.#transitions++;
    return to;
  }

  #forget(): void {
    for (const state of this.#states.values()) state.next.clear();
    this.#states = new Map();
    this.#transitions = 0;
    this.#held = 0;
    this.#start = this.#state([0], true);
  }

  #state(from: readonly number[], atStart: boolean): State {
    const places = this.#closure(from, atStart, false);
    const key = `${atStart ? "^" : ""}${places.join(" ")}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const accepts = this.#closure(places, atStart, true).some((place) => this.#program[place]?.op === "match");
    const state: State = { places, accepts, next: new Map() };
    this.#states.set(key, state);
    this.#held += places.length + 1;
    return state;
  }

  /** Every place that is reached without reading anything. An `end` is passed only when the text is at its end. */
  #closure(from: readonly number[], atStart: boolean, atEnd: boolean): readonly number[] {
    const mark = ++this.#mark;
    const marks = this.#marks;
    const stay: number[] = [];
    const open = [...from].reverse();
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      if (marks[place] === mark) continue;
      marks[place] = mark;
      const instruction = this.#program[place];
      if (instruction === undefined) continue;
      if (instruction.op === "jump") open.push(...instruction.to);
      else if (instruction.op === "start" && atStart) open.push(place + 1);
      else if (instruction.op === "end" && atEnd) open.push(place + 1);
      else if (instruction.op !== "start") stay.push(place);
    }
    return stay.sort((a, b) => a - b);
  }
}

function contains(set: CharSet, unit: number): boolean {
  for (const [low, high] of set) {
    if (unit < low) return false;
    if (unit <= high) return true;
  }
  return false;
}

function compile(regex: Regex): readonly Instruction[] {
  const program: Instruction[] = [];
  emit(regex, program);
  program.push({ op: "match" });
  return program;
}

function emit(regex: Regex, into: Instruction[]): void {
  if (into.length > maxProgram) throw new RegexSyntaxError("repetitions make it too large", 0);
  switch (regex.kind) {
    case "chars":
      into.push({ op: "chars", set: regex.set });
      return;
    case "start":
    case "end":
      into.push({ op: regex.kind });
      return;
    case "sequence":
      for (const part of regex.parts) emit(part, into);
      return;
    case "choice":
      emitChoice(regex.parts, into);
      return;
    case "repeat":
      emitRepeat(regex, into);
  }
}

function emitChoice(parts: readonly Regex[], into: Instruction[]): void {
  const fork = into.push({ op: "jump", to: [] }) - 1;
  const starts: number[] = [];
  const ends: number[] = [];
  for (const part of parts) {
    starts.push(into.length);
    emit(part, into);
    ends.push(into.push({ op: "jump", to: [] }) - 1);
  }
  into[fork] = { op: "jump", to: starts };
  for (const end of ends) into[end] = { op: "jump", to: [into.length] };
}

function emitRepeat({ part, min, max }: Extract<Regex, { kind: "repeat" }>, into: Instruction[]): void {
  for (let i = 0; i < min; i++) emit(part, into);
  if (max === Number.POSITIVE_INFINITY) {
    const fork = into.push({ op: "jump", to: [] }) - 1;
    emit(part, into);
    into.push({ op: "jump", to: [fork] });
    into[fork] = { op: "jump", to: [fork + 1, into.length] };
    return;
  }
  const forks: number[] = [];
  for (let i = min; i < max; i++) {
    forks.push(into.push({ op: "jump", to: [] }) - 1);
    emit(part, into);
  }
  for (const fork of forks) into[fork] = { op: "jump", to: [fork + 1, into.length] };
}
