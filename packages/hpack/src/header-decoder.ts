import { type HeaderField, Indexing } from "@weftmesh/http";
import { DecoderTable, entryOverhead } from "./decoder-table.ts";
import { type FieldName, fieldNameOf } from "./field-name.ts";
import { HpackError } from "./hpack-error.ts";
import { decodedLimit, huffmanDecode } from "./huffman.ts";
import { sharedField } from "./shared-fields.ts";
import { staticFields, staticLast, staticNames } from "./static-table.ts";

/** Takes the fields of a header block in order. */
export interface FieldSink {
  onField(field: HeaderField): void;
}

export interface HeaderDecoderOptions {
  /** The SETTINGS_HEADER_TABLE_SIZE that we send, in octets; 4096 if not given, as in HTTP/2. */
  readonly maxTableBytes?: number;
  /** The SETTINGS_MAX_HEADER_LIST_SIZE that we keep to, in octets: names and values, and 32 for each field. */
  readonly maxListBytes?: number;
}

/** What a peer takes our SETTINGS_HEADER_TABLE_SIZE for until it has read another one. */
const defaultTableBytes = 4_096;
/** More octets than these say no number that we could mean: 6 + 4 * 7 bits. */
const maxIntegerOctets = 5;
/** Strings are decoded into one buffer, which is not kept when one string made it larger than this. */
const scratchBytes = 16_384;
let scratch: Uint8Array = Buffer.allocUnsafeSlow(scratchBytes);
/** The last string that was read: `text[textStart, textEnd)`, in the block itself or in the buffer above. */
let text: Uint8Array = scratch;
let textStart = 0;
let textEnd = 0;

/**
 * Reads the header blocks that one peer sends (RFC 7541).
 *
 * Shape: a field that stands in a table is the same object each time, and so, as a rule, is one that was seen lately
 * on any connection; whoever passes it on to a `HeaderEncoder` has it known again at no cost.
 * Cost: linear in the octets of the block. What a block may expand to is bounded by `maxListBytes`, the table by
 * `maxTableBytes`, and what is remembered across connections by a fixed number of short fields.
 */
export class HeaderDecoder {
  private readonly table: DecoderTable;
  private readonly maxListBytes: number;
  private readonly maxTableBytes: number;
  /** What a size update may not go beyond: more than `maxTableBytes` until the peer knows of that. */
  private tableLimit: number;
  /** Where the last read ended. */
  private at = 0;

  constructor(options: HeaderDecoderOptions = {}) {
    this.maxTableBytes = options.maxTableBytes ?? defaultTableBytes;
    this.maxListBytes = options.maxListBytes ?? Number.POSITIVE_INFINITY;
    this.table = new DecoderTable(defaultTableBytes);
    this.tableLimit = Math.max(this.maxTableBytes, defaultTableBytes);
  }

  /** Octets in the dynamic table, as RFC 7541 section 4.1 counts them. */
  get tableBytes(): number {
    return this.table.bytes;
  }

  /**
   * The peer acknowledged our settings: its next block has to begin with an update if its table is larger than they
   * allow. Needed only where `maxTableBytes` is less than 4096.
   */
  settingsAcknowledged(): void {
    this.tableLimit = this.maxTableBytes;
  }

  /**
   * One whole header block, `bytes[start, end)`.
   *
   * Shape: false when the list is longer than `maxListBytes`: the table stays in step, the sink is not called any more.
   * A field with a bad name or value comes with `malformed`.
   * Errors: `WEFT_PROTOCOL_HPACK`, after which nothing more can be read: the connection ends with COMPRESSION_ERROR.
   */
  decode(bytes: Uint8Array, start: number, end: number, sink: FieldSink): boolean {
    return this.read(bytes, start, end, sink, this.maxListBytes);
  }

  /** One whole header block that nobody wants: read for the sake of the table. Errors: as for `decode`. */
  skip(bytes: Uint8Array, start: number, end: number): void {
    this.read(bytes, start, end, nobody, -1);
  }

  private read(bytes: Uint8Array, start: number, end: number, sink: FieldSink, maxListBytes: number): boolean {
    const { table } = this;
    this.at = start;
    this.readUpdates(bytes, end);
    const statics = staticFields();
    let listBytes = 0;
    while (this.at < end) {
      const first = bytes[this.at] as number;
      let field: HeaderField | undefined;
      if (first >= 0x80) {
        let index = first & 0x7f;
        if (index === 0x7f) index = this.readInteger(bytes, end, 0x7f);
        else this.at++;
        if (index <= staticLast) {
          if (index === 0) throw new HpackError("a header field has the index 0");
          field = statics[index] as HeaderField;
        } else if (index - staticLast <= table.count) field = table.field(index - staticLast - 1);
        else throw beyond(index, table.count);
      } else field = this.readLiteral(bytes, end, first, listBytes <= maxListBytes);
      if (field === undefined) continue;
      listBytes += field.name.length + field.value.length + entryOverhead;
      if (listBytes <= maxListBytes) sink.onField(field);
    }
    return listBytes <= maxListBytes;
  }

  /** Changes of the table's size, which stand at the beginning of a block and nowhere else (RFC 7541 section 4.2). */
  private readUpdates(bytes: Uint8Array, end: number): void {
    const { table } = this;
    while (this.at < end && ((bytes[this.at] as number) & 0xe0) === 0x20) {
      const size = this.readInteger(bytes, end, 0x1f);
      if (size > this.tableLimit) {
        throw new HpackError(`a dynamic table of ${size} octets, where ${this.tableLimit} are allowed`);
      }
      table.setMaxBytes(size);
    }
    if (table.maxBytes > this.tableLimit) {
      throw new HpackError(`a dynamic table of ${table.maxBytes} octets was not reduced to ${this.tableLimit}`);
    }
  }

  /** Nothing is made of one that neither the list nor the table takes. */
  private readLiteral(bytes: Uint8Array, end: number, first: number, isWanted: boolean): HeaderField | undefined {
    const { table } = this;
    let indexing: Indexing = Indexing.notIndexed;
    let prefix = 0x0f;
    if (first >= 0x40) {
      indexing = Indexing.indexed;
      prefix = 0x3f;
    } else if (first >= 0x20) throw new HpackError("a change of the table's size stands behind a header field");
    else if (first >= 0x10) indexing = Indexing.never;
    const index = this.readInteger(bytes, end, prefix);
    let name: FieldName;
    if (index === 0) {
      this.readString(bytes, end);
      name = fieldNameOf(text, textStart, textEnd);
    } else if (index <= staticLast) name = staticNames[index] as FieldName;
    else if (index - staticLast <= table.count) name = table.name(index - staticLast - 1);
    else throw beyond(index, table.count);
    this.readString(bytes, end);
    if (!isWanted && indexing !== Indexing.indexed) return undefined;
    const field = sharedField(name, text, textStart, textEnd, indexing);
    if (indexing === Indexing.indexed) table.add(name, field);
    return field;
  }

  /** RFC 7541 section 5.1. */
  private readInteger(bytes: Uint8Array, end: number, prefix: number): number {
    let { at } = this;
    if (at >= end) throw cutShort();
    let value = (bytes[at++] as number) & prefix;
    if (value === prefix) {
      let factor = 1;
      for (let octets = 1; ; octets++) {
        if (at >= end) throw cutShort();
        if (octets === maxIntegerOctets) throw new HpackError("an integer is too large");
        const octet = bytes[at++] as number;
        value += (octet & 0x7f) * factor;
        factor *= 128;
        if (octet < 0x80) break;
      }
    }
    this.at = at;
    return value;
  }

  /** RFC 7541 section 5.2: where it stands in which bytes, decoded if need be. */
  private readString(bytes: Uint8Array, end: number): void {
    const coded = this.at < end && (bytes[this.at] as number) >= 0x80;
    const length = this.readInteger(bytes, end, 0x7f);
    const start = this.at;
    if (length > end - start) throw new HpackError(`a string of ${length} octets, where ${end - start} are left`);
    this.at = start + length;
    if (!coded) {
      text = bytes;
      textStart = start;
      textEnd = this.at;
      return;
    }
    const limit = decodedLimit(length);
    if (limit > scratch.length || scratch.length > scratchBytes) {
      scratch = Buffer.allocUnsafeSlow(Math.max(limit, scratchBytes));
    }
    const decoded = huffmanDecode(bytes, start, this.at, scratch);
    if (decoded < 0) throw new HpackError("a string is not in the Huffman code");
    text = scratch;
    textStart = 0;
    textEnd = decoded;
  }
}

const nobody: FieldSink = { onField: () => {} };

function beyond(index: number, count: number): HpackError {
  return new HpackError(`a header field has the index ${index}, and the last one is ${staticLast + count}`);
}

function cutShort(): HpackError {
  return new HpackError("a header block ends within a header field");
}
