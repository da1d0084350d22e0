const none = Buffer.alloc(0);

/** Bytes that came before they could be used: `bytes[start, end)`. */
export class HeldBytes {
  bytes: Buffer = none;
  start = 0;
  end = 0;

  get isEmpty(): boolean {
    return this.end === this.start;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Holds these instead, which nobody writes to any more. */
  hold(bytes: Buffer): void {
    this.bytes = bytes;
    this.start = 0;
    this.end = bytes.length;
  }

  /** Adds a copy of `bytes[0, length)`. What was handed out of the bytes before stays as it is. */
  append(bytes: Buffer, length: number): void {
    if (this.end + length > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * this.length, this.length + length));
      this.bytes.copy(grown, 0, this.start, this.end);
      this.end -= this.start;
      this.start = 0;
      this.bytes = grown;
    }
    bytes.copy(this.bytes, this.end, 0, length);
    this.end += length;
  }

  clear(): void {
    this.bytes = none;
    this.start = 0;
    this.end = 0;
  }
}
