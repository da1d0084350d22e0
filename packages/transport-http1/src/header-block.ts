import { findNameId, Headers, highNames, Names, nameBit, tokenTable } from "@weftmesh/http";
import { badFraming, headersTooLarge, malformed, type ProtocolError } from "./errors.ts";

export interface HeaderLimits {
  /** All header lines together, with their ends. */
  readonly maxHeaderBytes: number;
  readonly maxHeaderLines: number;
  /** Refuses a `_` in a name, which many an application takes for a `-`; false if not given. */
  readonly refuseUnderscores?: boolean;
}

/** What a scan answers when the bytes end before the block does. */
export const Incomplete = -1;

/** What `Transfer-Encoding` says: nothing, exactly `chunked`, or anything else. */
export type TransferCoding = "none" | "chunked" | "other";

const CR = 13;
const LF = 10;
const colon = 58;
const stride = 5;

/** 1 for each byte that may stand in a value: tab, space, visible ASCII and everything above it. */
export const valueTable: Uint8Array = values();

function values(): Uint8Array {
  const table = new Uint8Array(256);
  table[9] = 1;
  for (let c = 32; c < 256; c++) if (c !== 127) table[c] = 1;
  return table;
}

const underscore = 95;
const namesWithoutUnderscore: Uint8Array = tokenTable.slice();
namesWithoutUnderscore[underscore] = 0;

const connectionId = Names.connection.id;
const contentLengthId = Names.contentLength.id;
const transferEncodingId = Names.transferEncoding.id;
const hostId = Names.host.id;
const expectId = Names.expect.id;

/**
 * Reads the header lines of a request, a response or a trailer section, and notes on the way what frames the message.
 *
 * Shape: one object serves any number of messages, one after the other; its fields tell of the last scan.
 * Strict where leniency has let requests be smuggled: lines end with CRLF, no line is folded, no space stands before
 * a colon, and lengths are plain digits.
 * Cost: one pass over the bytes and one small array; no text before `headers` is called.
 */
export class HeaderBlock {
  /** -1 when there is none. */
  contentLength = -1;
  transferCoding: TransferCoding = "none";
  hostCount = 0;
  hostStart = 0;
  hostEnd = 0;
  /** What `Connection` says. */
  close = false;
  keepAlive = false;
  hasConnection = false;
  /** What `Expect` says: nothing, exactly `100-continue`, or anything else. */
  expect: "none" | "continue" | "other" = "none";

  private readonly limits: HeaderLimits;
  /** 0 for each byte that may not stand in a name. */
  private readonly names: Uint8Array;
  /** Grows to the longest block seen, and is copied from. */
  private readonly scratch: number[] = [];
  private used = 0;
  private lowBits = 0;
  private highBits = 0;
  private linesStart = 0;
  private linesEnd = 0;

  constructor(limits: HeaderLimits) {
    this.limits = limits;
    this.names = limits.refuseUnderscores === true ? namesWithoutUnderscore : tokenTable;
  }

  /**
   * Reads lines of `bytes[start, end)` up to and with the empty one: the position behind it, or `Incomplete`.
   *
   * Errors: ProtocolError. The same bytes give the same error however they are cut: nothing past a limit is looked at.
   */
  scan(bytes: Uint8Array, start: number, end: number): number {
    const { scratch, limits, names } = this;
    const limit = start + limits.maxHeaderBytes;
    const stop = Math.min(end, limit);
    this.reset();
    let used = 0;
    let lowBits = 0;
    let highBits = 0;
    let lines = 0;
    let p = start;
    for (;;) {
      if (p >= stop) return this.outOfBytes(end, limit);
      if (bytes[p] === CR) {
        if (p + 1 >= stop) return this.outOfBytes(end, limit);
        if (bytes[p + 1] !== LF) throw malformed("a CR stands alone after the headers");
        break;
      }
      if (++lines > limits.maxHeaderLines) {
        throw headersTooLarge(`there are more than ${limits.maxHeaderLines} header lines`);
      }
      const nameStart = p;
      let hash = 0;
      let byte = bytes[p] as number;
      for (;;) {
        const lower = names[byte] as number;
        if (lower === 0) break;
        hash = (Math.imul(hash, 31) + lower) | 0;
        if (++p >= stop) return this.outOfBytes(end, limit);
        byte = bytes[p] as number;
      }
      if (byte !== colon || p === nameStart) throw this.badName(byte);
      const nameEnd = p;
      do {
        if (++p >= stop) return this.outOfBytes(end, limit);
        byte = bytes[p] as number;
      } while (byte === 32 || byte === 9);
      const valueStart = p;
      // As `valueTable` has it, and faster.
      while ((byte >= 32 && byte !== 127) || byte === 9) {
        if (++p >= stop) return this.outOfBytes(end, limit);
        byte = bytes[p] as number;
      }
      if (byte !== CR) throw malformed("a header value has a control character");
      if (p + 1 >= stop) return this.outOfBytes(end, limit);
      if (bytes[p + 1] !== LF) throw malformed("a CR stands alone in a header value");
      let valueEnd = p;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === 32 || bytes[valueEnd - 1] === 9)) valueEnd--;
      const id = findNameId(bytes, nameStart, nameEnd, hash);
      if (id < highNames) lowBits |= nameBit(id);
      else highBits |= nameBit(id);
      scratch[used] = id;
      scratch[used + 1] = nameStart;
      scratch[used + 2] = nameEnd;
      scratch[used + 3] = valueStart;
      scratch[used + 4] = valueEnd;
      used += stride;
      if (id !== 0) this.note(id, bytes, valueStart, valueEnd);
      p += 2;
    }
    this.used = used;
    this.lowBits = lowBits;
    this.highBits = highBits;
    this.linesStart = start;
    this.linesEnd = p;
    return p + 2;
  }

  /**
   * The headers of the last scan. `text` is the latin1 text of its `bytes` from position `from` on, at least to the
   * end of the lines: whoever wants the first line as well makes one text of both.
   */
  headers(text: string, from: number): Headers {
    const { scratch, used } = this;
    if (used === 0) return new Headers();
    const spans = scratch.slice(0, used);
    if (from !== 0) {
      for (let i = 0; i < used; i += stride) {
        spans[i + 1] = (spans[i + 1] as number) - from;
        spans[i + 2] = (spans[i + 2] as number) - from;
        spans[i + 3] = (spans[i + 3] as number) - from;
        spans[i + 4] = (spans[i + 4] as number) - from;
      }
    }
    return new Headers(text, spans, this.linesEnd - from, this.lowBits, this.highBits);
  }

  /** Where the lines of the last scan begin. */
  get start(): number {
    return this.linesStart;
  }

  /** Where the last line of the last scan ends, before the empty one. */
  get end(): number {
    return this.linesEnd;
  }

  /** Header lines of the last scan. */
  get size(): number {
    return this.used / stride;
  }

  private reset(): void {
    this.contentLength = -1;
    this.transferCoding = "none";
    this.hostCount = 0;
    this.close = false;
    this.keepAlive = false;
    this.hasConnection = false;
    this.expect = "none";
    this.used = 0;
  }

  private outOfBytes(end: number, limit: number): number {
    if (end > limit) throw headersTooLarge(`the headers are longer than ${this.limits.maxHeaderBytes} bytes`);
    return Incomplete;
  }

  private badName(byte: number | undefined): ProtocolError {
    const refused = byte === underscore && this.names !== tokenTable;
    return malformed(refused ? "the name of a header has a _" : "a header line has no name before its colon");
  }

  private note(id: number, bytes: Uint8Array, start: number, end: number): void {
    switch (id) {
      case hostId:
        this.hostCount++;
        this.hostStart = start;
        this.hostEnd = end;
        return;
      case contentLengthId:
        if (this.contentLength !== -1) throw badFraming("there is more than one Content-Length");
        this.contentLength = readLength(bytes, start, end);
        refuseTab(bytes, end);
        return;
      case transferEncodingId:
        this.transferCoding =
          this.transferCoding === "none" && isText(bytes, start, end, "chunked") ? "chunked" : "other";
        refuseTab(bytes, end);
        return;
      case connectionId:
        this.hasConnection = true;
        this.noteConnection(bytes, start, end);
        return;
      case expectId:
        this.expect = this.expect === "none" && isText(bytes, start, end, "100-continue") ? "continue" : "other";
        return;
      default:
    }
  }

  private noteConnection(bytes: Uint8Array, start: number, end: number): void {
    for (let p = start; p < end; ) {
      let comma = p;
      while (comma < end && bytes[comma] !== 44) comma++;
      let last = comma;
      while (p < last && (bytes[p] === 32 || bytes[p] === 9)) p++;
      while (last > p && (bytes[last - 1] === 32 || bytes[last - 1] === 9)) last--;
      if (isText(bytes, p, last, "close")) this.close = true;
      else if (isText(bytes, p, last, "keep-alive")) this.keepAlive = true;
      p = comma + 1;
    }
  }
}

/** True for that text in any case. `lower` is in lower case and made of token characters. */
function isText(bytes: Uint8Array, start: number, end: number, lower: string): boolean {
  if (end - start !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    if (tokenTable[bytes[start + i] as number] !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/** A tab may stand behind a value, and yet not all agree on that: what frames a message is spelled for everybody. */
function refuseTab(bytes: Uint8Array, end: number): void {
  for (let p = end; bytes[p] !== CR; p++)
    if (bytes[p] === 9) throw badFraming("a tab stands behind a value that frames");
}

function readLength(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) throw badFraming("Content-Length is empty");
  let length = 0;
  for (let p = start; p < end; p++) {
    const digit = (bytes[p] as number) - 48;
    if (digit < 0 || digit > 9) throw badFraming("Content-Length is not made of digits");
    length = length * 10 + digit;
    if (length > Number.MAX_SAFE_INTEGER) throw badFraming("Content-Length is larger than 2^53 - 1");
  }
  return length;
}
