import { type HeaderField, headerField } from "./header-field.ts";
import {
  declaredName,
  declaredNames,
  type HeaderName,
  highNames,
  mayHoldHopByHop,
  nameBit,
  nameById,
  tokenTable,
} from "./header-name.ts";

/** Numbers per header in `spans`. */
const stride = 5;
const deleted = -1;

/** Shared by all headers without received text; only what stands in it is ever changed, and nothing does. */
const noSpans: number[] = [];

/** Takes the headers of a message one by one, each as it is there: an object, or a piece of text. */
export interface HeaderVisitor {
  onField(field: HeaderField): void;
  /** One that was received: its name is `text[nameStart, nameEnd)` in any case, and its value `text[start, end)`. */
  onText(id: number, text: string, nameStart: number, nameEnd: number, start: number, end: number): void;
}

/**
 * The headers of one message, in order, with repeats.
 *
 * Shape: what a codec received stays one text with offsets, and becomes strings only where somebody asks; what we add
 * stands behind it as fields. `set` moves a header to the end. Names compare without case.
 * Cost: a declared name (`headerName`) that is absent costs one look at a bit set, as a rule, and one that is there a
 * scan of numbers, not of text; forwarding what was received is one slice for each run of headers that was left alone.
 */
export class Headers implements Iterable<readonly [string, string]> {
  /** Whole lines, each ended by CRLF: `spans` points into it. */
  private text: string;
  /** Per header: id, start and end of the name, start and end of the value. */
  private readonly spans: number[];
  /** Where the last line in `text` ends. */
  private readonly end: number;
  private readonly added: HeaderField[];
  /** A bit for each declared name that is here, or was, in two words. */
  private lowBits = 0;
  private highBits = 0;
  /** Names up to this id are found by their number alone. */
  private declared: number = declaredNames();

  /** The bits are those of the ids in `spans`, as `nameBit` gives them, for a codec that had them at hand. */
  constructor(
    text = "",
    spans: number[] = noSpans,
    end: number = text.length,
    lowBits?: number,
    highBits?: number,
    added: HeaderField[] = [],
  ) {
    this.text = text;
    this.spans = spans;
    this.end = end;
    this.added = added;
    if (lowBits === undefined || highBits === undefined) {
      for (let i = 0; i < spans.length; i += stride) this.mark(spans[i] as number);
    } else {
      this.lowBits = lowBits;
      this.highBits = highBits;
    }
  }

  /** From names and values in turn, as they stand in `flat`. Throws HeaderError for what may not stand in a header. */
  static of(...flat: readonly string[]): Headers {
    const headers = new Headers();
    for (let i = 0; i + 1 < flat.length; i += 2) headers.add(flat[i] as string, flat[i + 1] as string);
    return headers;
  }

  /** Of fields alone, as HTTP/2 brings them. The array is the headers' own from here on. */
  static ofFields(fields: HeaderField[]): Headers {
    const headers = new Headers("", noSpans, 0, 0, 0, fields);
    for (let i = 0; i < fields.length; i++) headers.note(fields[i] as HeaderField);
    return headers;
  }

  /** The first value, or undefined. */
  get(name: string | HeaderName): string | undefined {
    if (this.lacks(name)) return undefined;
    const id = idOf(name);
    const { spans, added } = this;
    for (let i = 0; i < spans.length; i += stride) {
      if (this.isAt(i, id, name)) return this.text.substring(spans[i + 3] as number, spans[i + 4] as number);
    }
    for (let i = 0; i < added.length; i++) {
      const field = added[i] as HeaderField;
      if (isField(field, id, name)) return field.value;
    }
    return undefined;
  }

  has(name: string | HeaderName): boolean {
    if (this.lacks(name)) return false;
    const id = idOf(name);
    const { spans, added } = this;
    for (let i = 0; i < spans.length; i += stride) if (this.isAt(i, id, name)) return true;
    for (let i = 0; i < added.length; i++) if (isField(added[i] as HeaderField, id, name)) return true;
    return false;
  }

  count(name: string | HeaderName): number {
    if (this.lacks(name)) return 0;
    const id = idOf(name);
    const { spans, added } = this;
    let found = 0;
    for (let i = 0; i < spans.length; i += stride) if (this.isAt(i, id, name)) found++;
    for (let i = 0; i < added.length; i++) if (isField(added[i] as HeaderField, id, name)) found++;
    return found;
  }

  getAll(name: string | HeaderName): string[] {
    if (this.lacks(name)) return [];
    const id = idOf(name);
    const { spans, added } = this;
    const values: string[] = [];
    for (let i = 0; i < spans.length; i += stride) {
      if (this.isAt(i, id, name)) values.push(this.text.substring(spans[i + 3] as number, spans[i + 4] as number));
    }
    for (let i = 0; i < added.length; i++) {
      const field = added[i] as HeaderField;
      if (isField(field, id, name)) values.push(field.value);
    }
    return values;
  }

  /** Replaces every header of the name by one. */
  set(name: string | HeaderName, value: string): this {
    return this.setField(headerField(name, value));
  }

  /** Replaces every header of the field's name by the field. */
  setField(field: HeaderField): this {
    const { id } = field;
    if (id === 0) this.delete(field.name);
    else if (this.isMarked(id) || id > this.declared) this.delete(nameById(id) as HeaderName);
    return this.addField(field);
  }

  add(name: string | HeaderName, value: string): this {
    return this.addField(headerField(name, value));
  }

  addField(field: HeaderField): this {
    this.note(field);
    this.added.push(field);
    return this;
  }

  delete(name: string | HeaderName): this {
    if (this.lacks(name)) return this;
    const id = idOf(name);
    const { spans, added } = this;
    for (let i = 0; i < spans.length; i += stride) if (this.isAt(i, id, name)) spans[i] = deleted;
    for (let i = 0; i < added.length; i++) if (isField(added[i] as HeaderField, id, name)) added.splice(i--, 1);
    return this;
  }

  /** Removes every header whose *lower-case* name the predicate picks; `name` is a string made for each header. */
  deleteWhere(predicate: (lower: string) => boolean): this {
    const { spans, added } = this;
    for (let i = 0; i < spans.length; i += stride) {
      if (spans[i] !== deleted && predicate(this.nameAt(i).toLowerCase())) spans[i] = deleted;
    }
    for (let i = 0; i < added.length; i++) {
      if (predicate((added[i] as HeaderField).name.toLowerCase())) added.splice(i--, 1);
    }
    return this;
  }

  /** Removes the headers that are meant for one hop alone by their declaration, save `kept`. */
  deleteHopByHop(kept?: HeaderName): this {
    const keptId = kept === undefined ? 0 : kept.id;
    // Bits from there on are of several names.
    const lowBits = keptId < highNames ? this.lowBits & ~nameBit(keptId) : this.lowBits;
    if (!mayHoldHopByHop(lowBits, this.highBits, this.declared)) return this;
    const { spans, added } = this;
    for (let i = 0; i < spans.length; i += stride) {
      const id = spans[i] as number;
      if (id > 0 && id !== keptId && nameById(id)?.hopByHop === true) spans[i] = deleted;
    }
    for (let i = 0; i < added.length; i++) {
      const { id, name } = added[i] as HeaderField;
      const declared = id === 0 ? declaredName(name) : nameById(id);
      if (declared?.hopByHop === true && declared.id !== keptId) added.splice(i--, 1);
    }
    return this;
  }

  get size(): number {
    const { spans } = this;
    let size = this.added.length;
    for (let i = 0; i < spans.length; i += stride) if (spans[i] !== deleted) size++;
    return size;
  }

  /** Octets of names and values, and 32 for each header: as HTTP/2 counts them for its limit (RFC 9113 section 6.5.2). */
  get listBytes(): number {
    const { spans, added } = this;
    let bytes = 32 * added.length;
    for (let i = 0; i < spans.length; i += stride) {
      if (spans[i] === deleted) continue;
      bytes += 32 + (spans[i + 2] as number) - (spans[i + 1] as number);
      bytes += (spans[i + 4] as number) - (spans[i + 3] as number);
    }
    for (let i = 0; i < added.length; i++) {
      const { name, value } = added[i] as HeaderField;
      bytes += name.length + value.length;
    }
    return bytes;
  }

  /** Every name and value, in order. */
  forEach(visit: (name: string, value: string) => void): void {
    const { spans } = this;
    for (let i = 0; i < spans.length; i += stride) {
      if (spans[i] === deleted) continue;
      visit(this.nameAt(i), this.text.substring(spans[i + 3] as number, spans[i + 4] as number));
    }
    for (const field of this.added) visit(field.name, field.value);
  }

  *[Symbol.iterator](): Iterator<readonly [string, string]> {
    const flat = this.toFlat();
    for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as string];
  }

  /** Names and values in turn. */
  toFlat(): string[] {
    const flat: string[] = [];
    this.forEach((name, value) => {
      flat.push(name, value);
    });
    return flat;
  }

  clone(): Headers {
    const copy = new Headers(this.text, [...this.spans], this.end, this.lowBits, this.highBits, [...this.added]);
    copy.declared = this.declared;
    return copy;
  }

  /** Every header, in order, without a string made for any. */
  visit(visitor: HeaderVisitor): void {
    const { text, spans, added } = this;
    for (let i = 0; i < spans.length; i += stride) {
      const id = spans[i] as number;
      if (id === deleted) continue;
      const nameEnd = spans[i + 2] as number;
      visitor.onText(id, text, spans[i + 1] as number, nameEnd, spans[i + 3] as number, spans[i + 4] as number);
    }
    for (let i = 0; i < added.length; i++) visitor.onField(added[i] as HeaderField);
  }

  /** Every header as a line of HTTP/1, in latin1. */
  toLines(): string {
    const { text, spans, added, end } = this;
    let lines = "";
    let i = 0;
    while (i < spans.length) {
      if (spans[i] === deleted) {
        i += stride;
        continue;
      }
      const start = spans[i + 1] as number;
      do i += stride;
      while (i < spans.length && spans[i] !== deleted);
      // Received lines follow each other in the text, so a run ends where the next line, kept or not, begins.
      lines += text.substring(start, i < spans.length ? (spans[i + 1] as number) : end);
    }
    for (let k = 0; k < added.length; k++) lines += (added[k] as HeaderField).line;
    return lines;
  }

  /** True when the name is not here for certain. */
  private lacks(name: string | HeaderName): boolean {
    return typeof name !== "string" && !this.isMarked(name.id) && name.id <= this.declared;
  }

  private note(field: HeaderField): void {
    this.mark(field.id);
    // Its name may have been declared since the field was made, so that for names from there on texts are compared.
    if (field.id === 0 && field.declared < this.declared) this.declared = field.declared;
  }

  private isMarked(id: number): boolean {
    return ((id < highNames ? this.lowBits : this.highBits) & nameBit(id)) !== 0;
  }

  private mark(id: number): void {
    if (id < highNames) this.lowBits |= nameBit(id);
    else this.highBits |= nameBit(id);
  }

  private nameAt(i: number): string {
    return this.text.substring(this.spans[i + 1] as number, this.spans[i + 2] as number);
  }

  /** A name that was declared after this message was read stands in it without a number, so text is compared too. */
  private isAt(i: number, id: number, name: string | HeaderName): boolean {
    const { spans } = this;
    const found = spans[i] as number;
    if (found === id && id !== 0) return true;
    if (found !== 0) return false;
    const start = spans[i + 1] as number;
    return sameName(this.text, start, spans[i + 2] as number, typeof name === "string" ? name : name.lower);
  }
}

function idOf(name: string | HeaderName): number {
  return typeof name === "string" ? (declaredName(name)?.id ?? 0) : name.id;
}

function isField(field: HeaderField, id: number, name: string | HeaderName): boolean {
  if (field.id === id && id !== 0) return true;
  if (field.id !== 0) return false;
  return sameName(field.name, 0, field.name.length, typeof name === "string" ? name : name.lower);
}

/** Whether `text[start, end)`, which is a token, is the name in any case. No string is made for it. */
function sameName(text: string, start: number, end: number, name: string): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) {
    if (tokenTable[text.charCodeAt(start + i)] !== tokenTable[name.charCodeAt(i)]) return false;
  }
  return true;
}
