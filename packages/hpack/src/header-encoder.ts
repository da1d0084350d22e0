import { type HeaderField, type Headers, type HeaderVisitor, hashStep, Indexing } from "@weftmesh/http";
import { EncoderTable } from "./encoder-table.ts";
import { declaredFieldName, type FieldName, fieldName, fieldNameIn } from "./field-name.ts";
import { huffmanEncode } from "./huffman.ts";
import { ownText, writeLatin1 } from "./latin1.ts";
import { staticFields, staticLast, staticRefOf } from "./static-table.ts";

export interface HeaderEncoderOptions {
  /** How much table we keep for the peer at most, in octets, whatever it allows; 4096 if not given. */
  readonly maxTableBytes?: number;
}

/** What a peer's table has room for until it says otherwise. */
const defaultTableBytes = 4_096;
/** The first octets of the representations of RFC 7541 section 6, and how many bits of an integer stand in them. */
const asIndex = 0x80;
const asIndexed = 0x40;
const asUpdate = 0x20;
const asNever = 0x10;
const asNotIndexed = 0x00;
/** Longer strings go out as they are: the bytes that the code saves cost more time than they are worth. */
const maxCodedLength = 512;
/** A call into native code costs more than to write so many characters. */
const maxLoopLength = 64;
/** Names and integers around a string: more than any takes. */
const spareBytes = 32;
/** The longest code has 30 bits. */
const maxOctetsPerCode = 4;
const blockBytes = 4_096;
const keptBlockBytes = 65_536;
const remembered = 128;

/** One block at a time is written in a thread, so that all encoders share the memory for it. */
let block: Buffer = Buffer.allocUnsafeSlow(blockBytes);

/**
 * Writes the header blocks for one peer (RFC 7541).
 *
 * Shape: `begin`, fields in order, then `bytes[0, length)` until any encoder of the thread begins its next block. A
 * field that was received goes out as it came: indexed, not indexed, or never indexed. One that nobody said this of is
 * put into the table when it comes for the second time. Credentials are never in a table (RFC 7541 section 7.1). The
 * Huffman code is for what goes into the table: a value that comes once goes out as it is.
 * Cost: a field that the table has is known by identity; text is hashed and compared once.
 */
export class HeaderEncoder implements HeaderVisitor {
  bytes: Buffer = block;
  length = 0;
  private readonly table: EncoderTable;
  private readonly maxTableBytes: number;
  /** Hashes of names and values that came lately and were not put into the table. */
  private seen: Int32Array | undefined;
  /** The size of the table as the peer knows it. */
  private announced = defaultTableBytes;
  /** The smallest size since the last block. */
  private smallest: number;

  constructor(options: HeaderEncoderOptions = {}) {
    this.maxTableBytes = options.maxTableBytes ?? defaultTableBytes;
    this.smallest = Math.min(this.maxTableBytes, defaultTableBytes);
    this.table = new EncoderTable(this.smallest);
  }

  /** Octets in the dynamic table, as RFC 7541 section 4.1 counts them. */
  get tableBytes(): number {
    return this.table.bytes;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE; the next block begins with what follows from it. */
  setPeerTableBytes(bytes: number): void {
    const size = Math.min(bytes, this.maxTableBytes);
    if (size < this.smallest) this.smallest = size;
    this.table.setMaxBytes(size);
  }

  /** A new block. */
  begin(): void {
    if (block.length > keptBlockBytes) block = Buffer.allocUnsafeSlow(blockBytes);
    this.bytes = block;
    this.length = 0;
    const { maxBytes } = this.table;
    if (this.smallest < maxBytes && this.smallest < this.announced) this.writeInteger(asUpdate, 0x1f, this.smallest);
    else if (maxBytes === this.announced) return;
    this.writeInteger(asUpdate, 0x1f, maxBytes);
    this.announced = maxBytes;
    this.smallest = maxBytes;
  }

  field(field: HeaderField): void {
    const ref = field.staticRef;
    if (ref > 0) {
      this.writeIndex(ref);
      return;
    }
    const found = this.table.findField(field);
    if (found >= 0) this.writeIndex(staticLast + 1 + found);
    else this.newField(field);
  }

  /** What exists as text alone; the name in any case. */
  pair(name: string, value: string): void {
    this.text(fieldName(name), value, 0, value.length);
  }

  headers(headers: Headers): void {
    headers.visit(this);
  }

  onField(field: HeaderField): void {
    this.field(field);
  }

  onText(id: number, text: string, nameStart: number, nameEnd: number, start: number, end: number): void {
    const name = id > 0 ? declaredFieldName(id) : fieldNameIn(text, nameStart, nameEnd);
    this.text(name, text, start, end);
  }

  private newField(field: HeaderField): void {
    const { value, indexing } = field;
    const name = field.id > 0 ? declaredFieldName(field.id) : fieldName(field.name);
    if (field.staticRef === 0 && indexing !== Indexing.never) {
      field.staticRef = staticRefOf(name, value);
      if (field.staticRef > 0) {
        this.writeIndex(field.staticRef);
        return;
      }
    }
    if (indexing === Indexing.never || name.hides(value.length))
      this.writeLiteral(asNever, name, value, 0, value.length);
    else if (indexing === Indexing.notIndexed) this.writeLiteral(asNotIndexed, name, value, 0, value.length);
    else this.search(name, value, 0, value.length, field);
  }

  private text(name: FieldName, text: string, start: number, end: number): void {
    const { staticIndex, staticCount } = name;
    for (let i = staticIndex; i < staticIndex + staticCount; i++) {
      if (!isRange((staticFields()[i] as HeaderField).value, text, start, end)) continue;
      this.writeIndex(i);
      return;
    }
    if (name.hides(end - start)) this.writeLiteral(asNever, name, text, start, end);
    else this.search(name, text, start, end, undefined);
  }

  /** By text; what is not found goes into the table if the peer put it there too, or if it was here before. */
  private search(name: FieldName, text: string, start: number, end: number, field: HeaderField | undefined): void {
    const { table } = this;
    const hash = hashValue(text, start, end, name.hash);
    const found = table.findPair(name, hash, text, start, end);
    if (found >= 0) {
      if (field !== undefined) table.bind(found, field);
      this.writeIndex(staticLast + 1 + found);
      return;
    }
    const wanted = field?.indexing === Indexing.indexed || this.wasSeen(hash);
    // What would take most of the table is worth less than what it pushes out.
    if (!wanted || EncoderTable.sizeOf(name, end - start) > (table.maxBytes * 3) / 4) {
      this.writeLiteral(asNotIndexed, name, text, start, end);
      return;
    }
    this.writeLiteral(asIndexed, name, text, start, end);
    table.add(name, field === undefined ? ownText(text.substring(start, end)) : text, hash, field);
  }

  /** Whether the hash was asked for lately. What stood in its place moves to the second one that it has. */
  private wasSeen(hash: number): boolean {
    if (this.table.maxBytes === 0) return false;
    this.seen ??= new Int32Array(remembered);
    const { seen } = this;
    const at = hash & (remembered - 1);
    if (seen[at] === hash || seen[secondPlace(hash)] === hash) return true;
    const moved = seen[at] as number;
    seen[secondPlace(moved)] = moved;
    seen[at] = hash;
    return false;
  }

  private writeIndex(index: number): void {
    if (index < 0x7f) {
      this.reserve(1);
      this.bytes[this.length++] = asIndex | index;
    } else this.writeInteger(asIndex, 0x7f, index);
  }

  private writeLiteral(kind: number, name: FieldName, text: string, start: number, end: number): void {
    const prefix = kind === asIndexed ? 0x3f : 0x0f;
    let index = name.staticIndex;
    if (index === 0) {
      const found = this.table.findName(name);
      if (found >= 0) index = staticLast + 1 + found;
    }
    this.writeInteger(kind, prefix, index);
    if (index === 0) this.writeString(name.text, 0, name.text.length);
    // What the table gets is coded once; what comes anew each time would be coded each time.
    if (kind === asIndexed) this.writeString(text, start, end);
    else this.writePlain(text, start, end);
  }

  /** RFC 7541 section 5.2. */
  private writeString(text: string, start: number, end: number): void {
    const length = end - start;
    if (length > maxCodedLength || length === 0 || !this.writeCoded(text, start, end))
      this.writePlain(text, start, end);
  }

  private writePlain(text: string, start: number, end: number): void {
    const length = end - start;
    this.reserve(length);
    this.writeInteger(0x00, 0x7f, length);
    const { bytes, length: at } = this;
    if (length > maxLoopLength) writeLatin1(bytes, text.substring(start, end), at);
    else for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(start + i);
    this.length = at + length;
  }

  /** In the Huffman code, behind a length of one octet as a rule; false when it would not be shorter for that. */
  private writeCoded(text: string, start: number, end: number): boolean {
    this.reserve((end - start) * maxOctetsPerCode);
    const { bytes, length } = this;
    const coded = huffmanEncode(text, start, end, bytes, length + 1) - length - 1;
    if (coded >= end - start) return false;
    if (coded < 0x7f) bytes[length] = 0x80 | coded;
    else {
      // The length takes the place of the first octets, which are written again behind it.
      this.writeInteger(0x80, 0x7f, coded);
      huffmanEncode(text, start, end, bytes, this.length);
    }
    this.length = Math.max(this.length, length + 1) + coded;
    return true;
  }

  /** RFC 7541 section 5.1. */
  private writeInteger(first: number, prefix: number, value: number): void {
    this.reserve(0);
    if (value < prefix) {
      this.bytes[this.length++] = first | value;
      return;
    }
    this.bytes[this.length++] = first | prefix;
    let rest = value - prefix;
    while (rest >= 0x80) {
      this.bytes[this.length++] = 0x80 | (rest & 0x7f);
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.length++] = rest;
  }

  /** Room for so many octets and for the integers around them. */
  private reserve(octets: number): void {
    const needed = this.length + octets + spareBytes;
    if (needed <= this.bytes.length) return;
    block = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(block, 0, 0, this.length);
    this.bytes = block;
  }
}

function secondPlace(hash: number): number {
  return (hash >>> 20) & (remembered - 1);
}

/** Of a long value some characters stand for all: whoever finds the hash compares the whole. */
function hashValue(text: string, start: number, end: number, from: number): number {
  const stride = 1 + ((end - start) >> 5);
  let hash = hashStep(from, end - start);
  for (let i = start; i < end; i += stride) hash = hashStep(hash, text.charCodeAt(i));
  // The low bits, which pick the chain, depend on all of it.
  return hash ^ (hash >>> 15);
}

function isRange(value: string, text: string, start: number, end: number): boolean {
  if (value.length !== end - start) return false;
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) !== text.charCodeAt(start + i)) return false;
  return true;
}
