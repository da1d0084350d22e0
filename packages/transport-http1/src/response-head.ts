import { Headers, Names } from "@weftmesh/http";
import { inlineBytes, latin1 } from "@weftmesh/wire";
import { badFraming, lineTooLong, malformed } from "./errors.ts";
import { HeaderBlock, type HeaderLimits, Incomplete, valueTable } from "./header-block.ts";

export interface ResponseLimits extends HeaderLimits {
  /** The status line, without its end. */
  readonly maxInitialLineBytes: number;
}

const CR = 13;
const LF = 10;
const space = 32;

/** `length` of a response whose end is not known by a number. */
export const Chunked = -1;
export const UntilClose = -2;

/**
 * Reads the head of a response and decides where the response ends.
 *
 * Shape: one object per connection; its fields tell of the last head that `scan` read whole.
 * Errors: ProtocolError for what is not HTTP/1.0 or 1.1, or leaves a doubt about where the message ends.
 * Cost: one pass over the bytes, and one text of the header lines.
 */
export class ResponseHead {
  status = 0;
  version: "1.0" | "1.1" = "1.1";
  headers: Headers = new Headers();
  /** Bytes of the body, 0 when there is none, else `Chunked` or `UntilClose`. */
  length = 0;
  /** Whether the connection may be used again. */
  keepAlive = true;
  /** The header lines and what follows them, up to the end of a short body that came along. */
  text = "";
  /** Where the body begins in `text`. */
  bodyStart = 0;

  /** Also reads the trailers of the connection's bodies. */
  readonly block: HeaderBlock;
  private readonly limits: ResponseLimits;

  constructor(limits: ResponseLimits) {
    this.limits = limits;
    this.block = new HeaderBlock(limits);
  }

  /** Reads a head from `bytes[start, end)`, the answer to `method`: the position behind it, or `Incomplete`. */
  scan(bytes: Buffer, start: number, end: number, method: string): number {
    const blockStart = this.scanLine(bytes, start, end);
    if (blockStart === Incomplete) return Incomplete;
    const next = this.block.scan(bytes, blockStart, end);
    if (next === Incomplete) return Incomplete;
    const { block } = this;
    this.version = bytes[start + 7] === 48 ? "1.0" : "1.1";
    this.status = digit(bytes, start + 9) * 100 + digit(bytes, start + 10) * 10 + digit(bytes, start + 11);
    // One text for head and body costs less than a text and a copy of bytes.
    const bodyEnd = next + block.contentLength;
    const isShort = bodyEnd > next && bodyEnd <= end && block.contentLength <= inlineBytes;
    this.text = latin1(bytes, blockStart, isShort ? bodyEnd : block.end);
    this.bodyStart = next - blockStart;
    this.headers = block.headers(this.text, blockStart);
    this.frame(method);
    return next;
  }

  /** `HTTP/1.x nnn reason`, whose reason and the space before it may be missing. */
  private scanLine(bytes: Buffer, start: number, end: number): number {
    const limit = start + this.limits.maxInitialLineBytes;
    const stop = Math.min(end, limit);
    let p = start;
    for (let i = 0; i < 12; i++, p++) {
      if (p >= stop) return this.outOfBytes(end, limit);
      const byte = bytes[p] as number;
      if (i < 7) {
        if (byte !== versionBytes[i]) throw malformed("the status line does not begin with HTTP/1");
      } else if (i === 7) {
        if (byte !== 48 && byte !== 49) throw malformed("the version is neither HTTP/1.0 nor HTTP/1.1");
      } else if (i === 8) {
        if (byte !== space) throw malformed("no space stands between version and status");
      } else if (byte < (i === 9 ? 49 : 48) || byte > 57) throw malformed("the status is not a number from 100 to 999");
    }
    if (p >= stop) return this.outOfBytes(end, limit);
    if (bytes[p] === space)
      while (valueTable[bytes[p] as number] === 1) if (++p >= stop) return this.outOfBytes(end, limit);
    if (bytes[p] !== CR) throw malformed("the status is not three digits, or a control character stands behind it");
    if (p + 1 >= end) return Incomplete;
    if (bytes[p + 1] !== LF) throw malformed("a CR stands alone in the status line");
    return p + 2;
  }

  /** The body, where all of it is in `text`. */
  bodyText(): string | undefined {
    const bodyEnd = this.bodyStart + this.length;
    return this.length > 0 && bodyEnd <= this.text.length ? this.text.substring(this.bodyStart, bodyEnd) : undefined;
  }

  private outOfBytes(end: number, limit: number): number {
    if (end > limit) throw lineTooLong(this.limits.maxInitialLineBytes);
    return Incomplete;
  }

  private frame(method: string): void {
    const { block, status } = this;
    const { contentLength, transferCoding } = block;
    const isOld = this.version === "1.0";
    if (isOld && status < 200) throw malformed("an interim response is of HTTP/1.0, which has none");
    if (transferCoding !== "none") {
      if (transferCoding !== "chunked") throw badFraming("Transfer-Encoding is anything but a single chunked");
      if (contentLength !== -1) throw badFraming("there are both Content-Length and Transfer-Encoding");
      if (isOld) throw badFraming("there is a Transfer-Encoding in a message of HTTP/1.0");
      this.headers.delete(Names.transferEncoding);
    }
    if (method === "HEAD" || status === 204 || status === 304 || status < 200) this.length = 0;
    else if (transferCoding === "chunked") this.length = Chunked;
    else this.length = contentLength === -1 ? UntilClose : contentLength;
    this.keepAlive = this.length !== UntilClose && !block.close && (!isOld || block.keepAlive);
  }
}

const versionBytes = Buffer.from("HTTP/1.", "latin1");

function digit(bytes: Buffer, at: number): number {
  return (bytes[at] as number) - 48;
}
