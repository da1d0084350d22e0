import { type Headers, keepTrailers, tokenTable } from "@weftmesh/http";
import { latin1 } from "@weftmesh/wire";
import { badFraming, type ProtocolError } from "./errors.ts";
import { type HeaderBlock, Incomplete, valueTable } from "./header-block.ts";

/** Extensions mean nothing to a proxy: it reads over this many bytes of them in one message, and no more. */
const maxExtensionBytes = 16_384;
const maxSizeDigits = 16;

const CR = 13;
const LF = 10;

const State = {
  SizeStart: 0,
  Size: 1,
  SizeLf: 2,
  Data: 3,
  DataCr: 4,
  DataLf: 5,
  ExtensionName: 6,
  ExtensionValueStart: 7,
  ExtensionToken: 8,
  ExtensionQuoted: 9,
  ExtensionEscape: 10,
  ExtensionEnd: 11,
  ExtensionNameStart: 12,
  Trailers: 13,
  Done: 14,
} as const;
type State = (typeof State)[keyof typeof State];

/** The value of each hexadecimal digit, 255 for any other byte. */
const hexTable = new Uint8Array(256).fill(255);
for (let i = 0; i < 16; i++) {
  hexTable["0123456789abcdef".charCodeAt(i)] = i;
  hexTable["0123456789ABCDEF".charCodeAt(i)] = i;
}

/**
 * Takes the chunked transfer coding off a body, from bytes that come in any pieces.
 *
 * Shape: `decode` works through what there is; then `dataStart` and `dataEnd` tell where in the same bytes the content
 * lies: the content of several chunks is moved together, so that a thousand chunks of a byte are one chunk further on.
 * Strict: CRLF everywhere, at most 16 digits to a size, no space around it, extensions as RFC 9112 spells them.
 * Errors: `error` is set behind the last good content, and the decoder goes no further.
 */
export class ChunkedDecoder {
  dataStart = 0;
  dataEnd = 0;
  done = false;
  /** Known when it is done; undefined when there are none. */
  trailers: Headers | undefined = undefined;
  error: ProtocolError | undefined = undefined;

  private readonly block: HeaderBlock;
  private moves = true;
  private state: State = State.SizeStart;
  private size = 0;
  private digits = 0;
  private extensionBytes = 0;
  /** Trailer lines that came without their end. */
  private held: Buffer | undefined = undefined;

  /** `block` reads the trailer section, within its limits; it may serve others as well. */
  constructor(block: HeaderBlock) {
    this.block = block;
  }

  /** Decodes `bytes[start, end)`, in place, and says how far it came: to `end`, or to the end of the body. */
  decode(bytes: Buffer, start: number, end: number): number {
    this.dataStart = start;
    this.dataEnd = start;
    let p = start;
    while (p < end && this.error === undefined && !this.done) {
      if (this.state === State.Data) p = this.takeData(bytes, p, end);
      else if (this.state === State.Trailers) p = this.takeTrailers(bytes, p, end);
      else {
        this.step(bytes[p] as number);
        p++;
      }
    }
    return p;
  }

  /** Throws what `decode` would come to; the bytes stay as they are, and the decoder is of no use afterwards. */
  check(bytes: Buffer, start: number, end: number): void {
    this.moves = false;
    this.decode(bytes, start, end);
    if (this.error !== undefined) throw this.error;
  }

  private takeData(bytes: Buffer, p: number, end: number): number {
    const length = Math.min(this.size, end - p);
    if (this.dataEnd === this.dataStart) this.dataStart = p;
    else if (this.dataEnd !== p && this.moves) bytes.copyWithin(this.dataEnd, p, p + length);
    this.dataEnd = (this.dataStart === p ? p : this.dataEnd) + length;
    this.size -= length;
    if (this.size === 0) this.state = State.DataCr;
    return p + length;
  }

  private step(byte: number): void {
    switch (this.state) {
      case State.SizeStart:
      case State.Size: {
        const digit = hexTable[byte] as number;
        if (digit !== 255) {
          this.state = State.Size;
          this.size = this.size * 16 + digit;
          if (++this.digits > maxSizeDigits) this.fail(`a chunk size has more than ${maxSizeDigits} digits`);
          else if (this.size > Number.MAX_SAFE_INTEGER) this.fail("a chunk size is larger than 2^53 - 1");
        } else if (this.state === State.SizeStart) this.fail("a chunk has no size");
        else this.endOfPart(byte, "a chunk size is followed by what is neither a line end nor an extension");
        return;
      }
      case State.SizeLf:
        if (byte !== LF) this.fail("a CR stands alone behind a chunk size");
        else if (this.size === 0) this.state = State.Trailers;
        else this.state = State.Data;
        return;
      case State.DataCr:
        if (byte !== CR) this.fail("a chunk is longer than its size");
        else this.state = State.DataLf;
        return;
      case State.DataLf:
        if (byte !== LF) this.fail("a CR stands alone behind a chunk");
        else {
          this.state = State.SizeStart;
          this.digits = 0;
        }
        return;
      default:
        if (++this.extensionBytes > maxExtensionBytes) {
          this.fail(`chunk extensions are longer than ${maxExtensionBytes} bytes`);
        } else this.stepExtension(byte);
    }
  }

  private stepExtension(byte: number): void {
    switch (this.state) {
      case State.ExtensionNameStart:
        if (tokenTable[byte] === 0) this.fail("a chunk extension has no name");
        else this.state = State.ExtensionName;
        return;
      case State.ExtensionName:
        if (tokenTable[byte] !== 0) return;
        if (byte === 61) this.state = State.ExtensionValueStart;
        else this.endOfPart(byte, "the name of a chunk extension has a character that may not stand there");
        return;
      case State.ExtensionValueStart:
        if (byte === 34) this.state = State.ExtensionQuoted;
        else if (tokenTable[byte] !== 0) this.state = State.ExtensionToken;
        else this.fail("a chunk extension has no value behind its =");
        return;
      case State.ExtensionToken:
        if (tokenTable[byte] !== 0) return;
        this.endOfPart(byte, "the value of a chunk extension has a character that may not stand there");
        return;
      case State.ExtensionQuoted:
        if (byte === 34) this.state = State.ExtensionEnd;
        else if (byte === 92) this.state = State.ExtensionEscape;
        else if (valueTable[byte] === 0) this.fail("a quoted chunk extension has a control character");
        return;
      case State.ExtensionEscape:
        if (valueTable[byte] === 0) this.fail("a quoted chunk extension has a control character");
        else this.state = State.ExtensionQuoted;
        return;
      default:
        this.endOfPart(byte, "something stands behind a quoted chunk extension");
    }
  }

  private endOfPart(byte: number, message: string): void {
    if (byte === CR) this.state = State.SizeLf;
    else if (byte === 59) this.state = State.ExtensionNameStart;
    else this.fail(message);
  }

  private takeTrailers(bytes: Buffer, p: number, end: number): number {
    const { held } = this;
    const before = held === undefined ? 0 : held.length;
    const lines = held === undefined ? bytes : Buffer.concat([held, bytes.subarray(p, end)]);
    const start = held === undefined ? p : 0;
    const stop = held === undefined ? end : lines.length;
    let next: number;
    try {
      next = this.block.scan(lines, start, stop);
    } catch (error) {
      this.error = error as ProtocolError;
      return p;
    }
    if (next === Incomplete) {
      this.held = held === undefined ? Buffer.from(bytes.subarray(p, end)) : lines;
      return end;
    }
    this.held = undefined;
    if (this.block.size > 0) {
      const { block } = this;
      this.trailers = keepTrailers(block.headers(latin1(lines, block.start, block.end), block.start));
    }
    this.state = State.Done;
    this.done = true;
    return held === undefined ? next : p + (next - before);
  }

  private fail(message: string): void {
    this.error = badFraming(message);
  }
}

/** The line before a chunk of that length. */
export function chunkHead(length: number): string {
  return `${length.toString(16)}\r\n`;
}

/** What ends a chunk. */
export const chunkEnd = "\r\n";

/** What ends a chunked body. */
export function lastChunk(trailers: Headers | undefined): string {
  return trailers === undefined ? "0\r\n\r\n" : `0\r\n${keepTrailers(trailers).toLines()}\r\n`;
}
