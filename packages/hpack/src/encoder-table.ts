import type { HeaderField } from "@weftmesh/http";
import { entryOverhead } from "./decoder-table.ts";
import type { FieldName } from "./field-name.ts";

const slots = 256;
const buckets = 64;
const none = -1;

/**
 * The dynamic table of an encoder: what the peer's decoder has, with ways to find it.
 *
 * Shape: a ring. An entry is known by its number: how many were added before it, which wraps round; whether a number
 * that was kept somewhere still means an entry is seen from its age. Three ways lead to one: a slot that the serial
 * number of a field picks, a chain of entries with one hash of name and value, a chain with one hash of the name.
 * Cost: adding, evicting and finding a field by identity do not depend on how many entries there are.
 */
export class EncoderTable {
  private fields: (HeaderField | undefined)[] = [];
  private names: (FieldName | undefined)[] = [];
  private values: string[] = [];
  private hashes = new Int32Array(0);
  /** The number of the entry before each one in its chain. */
  private pairLinks = new Int32Array(0);
  private nameLinks = new Int32Array(0);
  /** The newest of each chain. */
  private pairHeads = new Int32Array(0);
  private nameHeads = new Int32Array(0);
  /** By serial number. */
  private slotNumbers = new Int32Array(0);
  private mask = -1;
  /** The number of the entry that comes next. */
  private next = 0;
  count = 0;
  bytes = 0;
  maxBytes: number;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** The index of the entry that this very field stands for, 0 for the newest; -1 if there is none. */
  findField(field: HeaderField): number {
    const number = this.slotNumbers[field.serial & (slots - 1)] as number;
    const age = (this.next - 1 - number) | 0;
    return age >= 0 && age < this.count && this.fields[number & this.mask] === field ? age : none;
  }

  /** The index of an entry with that name and the value `text[start, end)`, which hash to `hash`, or -1. */
  findPair(name: FieldName, hash: number, text: string, start: number, end: number): number {
    if (this.count === 0) return none;
    let number = this.pairHeads[hash & (buckets - 1)] as number;
    let last = none;
    for (;;) {
      const age = (this.next - 1 - number) | 0;
      if (age <= last || age >= this.count) return none;
      const at = number & this.mask;
      if (this.hashes[at] === hash && this.isEntry(at, name, text, start, end)) return age;
      last = age;
      number = this.pairLinks[at] as number;
    }
  }

  /** The index of an entry with that name, or -1. */
  findName(name: FieldName): number {
    if (this.count === 0) return none;
    let number = this.nameHeads[name.hash & (buckets - 1)] as number;
    let last = none;
    for (;;) {
      const age = (this.next - 1 - number) | 0;
      if (age <= last || age >= this.count) return none;
      const at = number & this.mask;
      if ((this.names[at] as FieldName).text === name.text) return age;
      last = age;
      number = this.nameLinks[at] as number;
    }
  }

  /** Lets the entry stand for the field from now on. */
  bind(index: number, field: HeaderField): void {
    const number = (this.next - 1 - index) | 0;
    this.fields[number & this.mask] = field;
    this.slotNumbers[field.serial & (slots - 1)] = number;
  }

  /** Octets that an entry takes. */
  static sizeOf(name: FieldName, valueLength: number): number {
    return name.text.length + valueLength + entryOverhead;
  }

  /** An entry that fits. */
  add(name: FieldName, value: string, hash: number, field: HeaderField | undefined): void {
    const size = EncoderTable.sizeOf(name, value.length);
    this.evictTo(this.maxBytes - size);
    if (this.count > this.mask) this.grow();
    const number = this.next;
    const at = number & this.mask;
    this.fields[at] = field;
    this.names[at] = name;
    this.values[at] = value;
    this.hashes[at] = hash;
    this.link(number, at, hash, name.hash);
    this.next = (number + 1) | 0;
    this.count++;
    this.bytes += size;
    if (field !== undefined) this.slotNumbers[field.serial & (slots - 1)] = number;
  }

  setMaxBytes(maxBytes: number): void {
    this.maxBytes = maxBytes;
    this.evictTo(maxBytes);
  }

  private link(number: number, at: number, hash: number, nameHash: number): void {
    const { pairHeads, nameHeads } = this;
    this.pairLinks[at] = pairHeads[hash & (buckets - 1)] as number;
    pairHeads[hash & (buckets - 1)] = number;
    this.nameLinks[at] = nameHeads[nameHash & (buckets - 1)] as number;
    nameHeads[nameHash & (buckets - 1)] = number;
  }

  private isEntry(at: number, name: FieldName, text: string, start: number, end: number): boolean {
    const value = this.values[at] as string;
    if (value.length !== end - start || (this.names[at] as FieldName).text !== name.text) return false;
    if (start === 0 && end === text.length) return value === text;
    if (value.length > 16) return text.substring(start, end) === value;
    for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) !== text.charCodeAt(start + i)) return false;
    return true;
  }

  private evictTo(bytes: number): void {
    while (this.bytes > bytes && this.count > 0) {
      const at = (this.next - this.count) & this.mask;
      this.bytes -= EncoderTable.sizeOf(this.names[at] as FieldName, (this.values[at] as string).length);
      this.fields[at] = undefined;
      this.names[at] = undefined;
      this.values[at] = "";
      this.count--;
    }
  }

  /** Twice the places. An entry keeps its number, and with it all that leads to it. */
  private grow(): void {
    const { count, mask, next } = this;
    const places = Math.max(16, (mask + 1) * 2);
    const before = { ...this };
    this.mask = places - 1;
    this.fields = new Array(places).fill(undefined);
    this.names = new Array(places).fill(undefined);
    this.values = new Array(places).fill("");
    this.hashes = new Int32Array(places);
    this.pairLinks = new Int32Array(places);
    this.nameLinks = new Int32Array(places);
    if (mask < 0) {
      // Heads and slots that were never set say the number before the first one, which has no age.
      this.pairHeads = new Int32Array(buckets).fill(none);
      this.nameHeads = new Int32Array(buckets).fill(none);
      this.slotNumbers = new Int32Array(slots).fill(none);
    }
    for (let age = 0; age < count; age++) {
      const number = (next - 1 - age) | 0;
      const from = number & mask;
      const to = number & this.mask;
      this.fields[to] = before.fields[from];
      this.names[to] = before.names[from];
      this.values[to] = before.values[from] as string;
      this.hashes[to] = before.hashes[from] as number;
      this.pairLinks[to] = before.pairLinks[from] as number;
      this.nameLinks[to] = before.nameLinks[from] as number;
    }
  }
}
