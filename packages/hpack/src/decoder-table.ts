import type { HeaderField } from "@weftmesh/http";
import type { FieldName } from "./field-name.ts";

/** What RFC 7541 section 4.1 adds to name and value, so that small entries are not for nothing. */
export const entryOverhead = 32;

/**
 * The dynamic table of a decoder (RFC 7541 section 2.3.2).
 *
 * Shape: a ring; the newest entry has index 0 here.
 * Cost: adding and evicting one entry does not depend on how many there are.
 */
export class DecoderTable {
  private fields: (HeaderField | undefined)[] = [];
  private names: (FieldName | undefined)[] = [];
  /** Where the next entry goes. */
  private head = 0;
  private mask = -1;
  count = 0;
  bytes = 0;
  maxBytes: number;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** The entry at an index below `count`. */
  field(index: number): HeaderField {
    return this.fields[(this.head - 1 - index) & this.mask] as HeaderField;
  }

  name(index: number): FieldName {
    return this.names[(this.head - 1 - index) & this.mask] as FieldName;
  }

  /** An entry that is larger than the whole table empties it, and is no error (section 4.4). */
  add(name: FieldName, field: HeaderField): void {
    const size = field.name.length + field.value.length + entryOverhead;
    this.evictTo(this.maxBytes - size);
    if (size > this.maxBytes) return;
    if (this.count > this.mask) this.grow();
    this.fields[this.head] = field;
    this.names[this.head] = name;
    this.head = (this.head + 1) & this.mask;
    this.count++;
    this.bytes += size;
  }

  setMaxBytes(maxBytes: number): void {
    this.maxBytes = maxBytes;
    this.evictTo(maxBytes);
  }

  private evictTo(bytes: number): void {
    while (this.bytes > bytes && this.count > 0) {
      const oldest = (this.head - this.count) & this.mask;
      const { name, value } = this.fields[oldest] as HeaderField;
      this.fields[oldest] = undefined;
      this.names[oldest] = undefined;
      this.count--;
      this.bytes -= name.length + value.length + entryOverhead;
    }
  }

  /** Twice the places; the entries stand at the beginning, oldest first. */
  private grow(): void {
    const { fields, names, count } = this;
    const oldest = this.head - count;
    const places = Math.max(16, (this.mask + 1) * 2);
    const grownFields: (HeaderField | undefined)[] = new Array(places).fill(undefined);
    const grownNames: (FieldName | undefined)[] = new Array(places).fill(undefined);
    for (let i = 0; i < count; i++) {
      grownFields[i] = fields[(oldest + i) & this.mask];
      grownNames[i] = names[(oldest + i) & this.mask];
    }
    this.fields = grownFields;
    this.names = grownNames;
    this.mask = places - 1;
    this.head = count;
  }
}
