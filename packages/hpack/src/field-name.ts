import { declaredName, declaredNames, type HeaderName, hashStep, nameById, tokenTable } from "@weftmesh/http";
import { nameFault } from "./field-faults.ts";
import { latin1, ownText } from "./latin1.ts";
import { Pseudo } from "./pseudo.ts";
import { staticRows } from "./static-rows.ts";

const pseudoIds = new Map([
  [":authority", Pseudo.authority],
  [":method", Pseudo.method],
  [":path", Pseudo.path],
  [":scheme", Pseudo.scheme],
  [":status", Pseudo.status],
  [":protocol", Pseudo.protocol],
]);

/** Values that open doors: they are in no table that more than one party writes into (RFC 7541 section 7.1). */
const secrets = new Set(["authorization", "proxy-authorization"]);
/** Secrets that are safe once they are too long to be guessed as a whole, which is all that a table gives away. */
const secretsIfShort = new Set(["cookie", "set-cookie"]);
const guessable = 20;

/** A name as header blocks write it, with what follows from the name alone. */
export class FieldName {
  readonly text: string;
  readonly hash: number;
  /** The first entry of the static table with this name, or 0. */
  readonly staticIndex: number;
  /** How many entries of the static table have it. */
  readonly staticCount: number;
  readonly fault: string | undefined;
  /** May stand in a table that is shared by all connections. */
  readonly shared: boolean;
  private readonly secret: boolean;
  private found: number;
  private declared: number;

  constructor(text: string, hash: number) {
    this.text = text;
    this.hash = hash;
    const rows = staticNames.get(text);
    this.staticIndex = rows?.first ?? 0;
    this.staticCount = rows?.count ?? 0;
    this.found = idOf(text);
    this.declared = declaredNames();
    this.fault = nameFault(text, this.found === Pseudo.unknown);
    this.secret = secrets.has(text);
    this.shared = !this.secret && !secretsIfShort.has(text);
  }

  /** The id of the declared name, 0, or one of `Pseudo`. */
  get id(): number {
    if (this.declared !== declaredNames()) {
      this.found = idOf(this.text);
      this.declared = declaredNames();
    }
    return this.found;
  }

  /** Whether a value of so many characters is kept out of every table. */
  hides(length: number): boolean {
    return this.secret || (!this.shared && length < guessable);
  }
}

function idOf(text: string): number {
  if (text.charCodeAt(0) === 58) return pseudoIds.get(text) ?? Pseudo.unknown;
  return declaredName(text)?.id ?? 0;
}

const staticNames = new Map<string, { readonly first: number; count: number }>();
for (const [i, [name]] of staticRows.entries()) {
  const known = staticNames.get(name);
  if (known === undefined) staticNames.set(name, { first: i + 1, count: 1 });
  else known.count++;
}

/** At most this many names are remembered beside those of the static table, which are never forgotten. */
const maxNames = 1_024;
/** Longer ones are made anew each time. */
const maxNameLength = 64;
const places = 1_024;

/** Declared names are never forgotten either: there are as many as the program has. */
const byId: FieldName[] = [];
const fixed = new Map<string, FieldName>();
/** Names in lower case that are right, those of the static table among them. */
let byText = new Map<string, FieldName>();
/** By the hash of the octets; one that comes takes the place of the one that was there. */
const byHash: (FieldName | undefined)[] = new Array(places).fill(undefined);

for (const name of staticNames.keys()) {
  const known = new FieldName(name, hashText(name, 0, name.length, 0));
  fixed.set(name, known);
  byHash[known.hash & (places - 1)] = known;
}
byText = new Map(fixed);

/** Folds the characters into the hash, as `hashStep` does. */
export function hashText(text: string, start: number, end: number, from: number): number {
  let hash = from;
  for (let i = start; i < end; i++) hash = hashStep(hash, text.charCodeAt(i));
  return hash;
}

/** The name of that text in any case. */
export function fieldName(text: string): FieldName {
  const known = byText.get(text);
  if (known !== undefined) return known;
  const lower = text.toLowerCase();
  return byText.get(lower) ?? remember(ownText(lower), hashText(lower, 0, lower.length, 0));
}

/** The name that was declared with the id. */
export function declaredFieldName(id: number): FieldName {
  const known = byId[id];
  if (known !== undefined) return known;
  const { lower } = nameById(id) as HeaderName;
  const name = new FieldName(lower, hashText(lower, 0, lower.length, 0));
  byId[id] = name;
  return name;
}

/** The name that `text[start, end)`, a token, is in lower case. */
export function fieldNameIn(text: string, start: number, end: number): FieldName {
  let hash = 0;
  for (let i = start; i < end; i++) hash = hashStep(hash, tokenTable[text.charCodeAt(i)] as number);
  const known = byHash[hash & (places - 1)];
  if (known !== undefined && known.hash === hash && isLower(known.text, text, start, end)) return known;
  const name = fieldName(text.substring(start, end));
  byHash[hash & (places - 1)] = name;
  return name;
}

/** Whether `text[start, end)` is the lower-case name. */
function isLower(lower: string, text: string, start: number, end: number): boolean {
  if (lower.length !== end - start) return false;
  for (let i = 0; i < lower.length; i++) {
    if (lower.charCodeAt(i) !== tokenTable[text.charCodeAt(start + i)]) return false;
  }
  return true;
}

/** The name whose octets are `bytes[start, end)`. */
export function fieldNameOf(bytes: Uint8Array, start: number, end: number): FieldName {
  let hash = 0;
  for (let i = start; i < end; i++) hash = hashStep(hash, bytes[i] as number);
  const known = byHash[hash & (places - 1)];
  if (known !== undefined && known.hash === hash && isText(known.text, bytes, start, end)) return known;
  const text = latin1(bytes, start, end);
  const name = byText.get(text) ?? remember(text, hash);
  byHash[hash & (places - 1)] = name;
  return name;
}

/** Whether `bytes[start, end)` is the text in latin1. */
export function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

function remember(text: string, hash: number): FieldName {
  const name = new FieldName(text, hash);
  // One in upper case would be found for an encoder.
  if (text.length > maxNameLength || name.fault !== undefined) return name;
  // All at once: what is still in use comes back, and a flood of names costs no more than that.
  if (byText.size >= maxNames) byText = new Map(fixed);
  byText.set(text, name);
  return name;
}
