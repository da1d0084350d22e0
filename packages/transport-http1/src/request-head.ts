import { Headers, hasToken, isAuthority, Names, tokenTable } from "@weftmesh/http";
import { latin1, type TunnelSettings } from "@weftmesh/wire";
import { badFraming, lineTooLong, malformed, ProtocolError } from "./errors.ts";
import { HeaderBlock, type HeaderLimits, Incomplete } from "./header-block.ts";

export interface RequestLimits extends HeaderLimits {
  /** The request line, without its end. */
  readonly maxInitialLineBytes: number;
}

const CR = 13;
const LF = 10;
const space = 32;
const slash = 47;
const asterisk = 42;

/** 1 for each byte that may stand in a target of origin form: visible ASCII but `#`. */
const targetTable = new Uint8Array(256);
for (let c = 33; c < 127; c++) if (c !== 35) targetTable[c] = 1;

/** Empty lines that a client may send before its request (RFC 9112 section 2.2). */
const maxEmptyLines = 2;

/**
 * Reads the head of a request and decides what it means.
 *
 * Shape: one object for all connections of a server; its fields tell of the last head that `scan` read whole.
 * Errors: ProtocolError with the status to answer: 400, 405 for CONNECT, 414, 417, 431.
 * Cost: one pass over the bytes, and one text of the whole head, of which every other text is a part.
 */
export class RequestHead {
  method = "";
  /** `1.0` or `1.1`. */
  version: "1.0" | "1.1" = "1.1";
  scheme: "http" | "https" = "http";
  authority = "";
  path = "";
  /** The target was in absolute form. */
  isAbsolute = false;
  headers: Headers = new Headers();
  /** Bytes of the body, 0 when there is none, -1 when it is chunked. */
  length = 0;
  /** Whether the client will send more requests. */
  keepAlive = true;
  /** The client waits for `100 Continue` before it sends the body. */
  expectsContinue = false;

  /** What the client would make of the connection, of what is allowed: protocols, or none for `CONNECT`. */
  protocols: readonly string[] | undefined = undefined;

  /** Also reads the trailers of bodies. */
  readonly block: HeaderBlock;
  private readonly limits: RequestLimits;
  private readonly tunnels: TunnelSettings | undefined;
  /** The last good `Host`. */
  private lastHost = "";

  constructor(limits: RequestLimits, tunnels?: TunnelSettings) {
    this.limits = limits;
    this.tunnels = tunnels;
    this.block = new HeaderBlock(limits);
  }

  /** Reads a head from `bytes[from, end)`: the position behind it, or `Incomplete`. */
  scan(bytes: Buffer, from: number, end: number): number {
    let start = from;
    for (let empty = 0; bytes[start] === CR; empty++) {
      if (start + 1 >= end) return Incomplete;
      if (empty === maxEmptyLines || bytes[start + 1] !== LF) throw malformed("a CR stands before the request");
      start += 2;
      if (start >= end) return Incomplete;
    }
    const limit = start + this.limits.maxInitialLineBytes;
    const stop = Math.min(end, limit);

    let p = start;
    while (tokenTable[bytes[p] as number] !== 0) if (++p >= stop) return this.outOfBytes(end, limit);
    if (bytes[p] !== space || p === start) throw malformed("the request line has no method");
    const methodEnd = p;
    if (++p >= stop) return this.outOfBytes(end, limit);
    const targetStart = p;
    while (targetTable[bytes[p] as number] === 1) if (++p >= stop) return this.outOfBytes(end, limit);
    if (bytes[p] !== space || p === targetStart) throw malformed("the request line has no target or a bad one");
    const targetEnd = p;
    // "HTTP/1.x", then CRLF, which may lie past the limit of the line.
    const versionStart = p + 1;
    for (let i = 0; i < 10; i++) {
      p = versionStart + i;
      if (i < 8 && p >= limit) throw lineTooLong(this.limits.maxInitialLineBytes);
      if (p >= end) return Incomplete;
      if (i === 7) {
        if (bytes[p] !== 48 && bytes[p] !== 49) throw malformed("the version is neither HTTP/1.0 nor HTTP/1.1");
      } else if (bytes[p] !== versionBytes[i]) {
        throw malformed("the request line does not end in a version and CRLF");
      }
    }
    const blockStart = versionStart + 10;
    const next = this.block.scan(bytes, blockStart, end);
    if (next === Incomplete) return Incomplete;

    const text = latin1(bytes, start, this.block.end);
    this.version = bytes[versionStart + 7] === 48 ? "1.0" : "1.1";
    this.method = methodOf(text, methodEnd - start);
    this.headers = this.block.headers(text, start);
    this.frame();
    this.locate(text, bytes, start, targetStart, targetEnd);
    return next;
  }

  private outOfBytes(end: number, limit: number): number {
    if (end > limit) throw lineTooLong(this.limits.maxInitialLineBytes);
    return Incomplete;
  }

  /** Length and persistence; whatever leaves a doubt about where the message ends is refused. */
  private frame(): void {
    const { block, headers } = this;
    const { contentLength, transferCoding } = block;
    const isOld = this.version === "1.0";
    if (transferCoding === "none") this.length = contentLength === -1 ? 0 : contentLength;
    else {
      if (transferCoding !== "chunked") throw badFraming("Transfer-Encoding is anything but a single chunked");
      if (contentLength !== -1) throw badFraming("there are both Content-Length and Transfer-Encoding");
      if (isOld) throw badFraming("there is a Transfer-Encoding in a message of HTTP/1.0");
      headers.delete(Names.transferEncoding);
      this.length = -1;
    }
    this.keepAlive = !block.close && (!isOld || block.keepAlive);
    this.expectsContinue = false;
    if (block.expect !== "none" && !isOld) {
      if (block.expect === "other")
        throw new ProtocolError("WEFT_PROTOCOL_EXPECTATION", "Expect is not 100-continue", 417);
      this.expectsContinue = this.length !== 0;
    }
  }

  /** Authority and path, from the target and `Host`. */
  private locate(text: string, bytes: Buffer, start: number, targetStart: number, targetEnd: number): void {
    const { block } = this;
    const isConnect = this.method === "CONNECT";
    if (isConnect && this.tunnels?.connect !== true) {
      throw new ProtocolError("WEFT_PROTOCOL_METHOD", "CONNECT is not served: this is no tunnel", 405);
    }
    if (block.hostCount > 1) throw malformed("there is more than one Host");
    if (block.hostCount === 0 && this.version === "1.1") throw malformed("there is no Host");
    const host = block.hostCount === 0 ? "" : text.substring(block.hostStart - start, block.hostEnd - start);
    // One host is asked for again and again.
    if (host !== "" && host !== this.lastHost) {
      if (!isAuthority(host)) throw malformed("Host is not a host with an optional port");
      this.lastHost = host;
    }
    this.scheme = "http";
    this.authority = host;
    this.isAbsolute = false;
    this.protocols = this.tunnels === undefined ? undefined : this.readProtocols(this.tunnels);
    const first = bytes[targetStart];
    if (isConnect) this.locateTunnel(text.substring(targetStart - start, targetEnd - start), host);
    else if (first === slash) this.path = text.substring(targetStart - start, targetEnd - start);
    else if (first === asterisk && targetEnd === targetStart + 1 && this.method === "OPTIONS") this.path = "*";
    else this.locateAbsolute(text.substring(targetStart - start, targetEnd - start), host);
  }

  /** `host:port`, of which neither may be missing; what is named counts, and takes the place of `Host`. */
  private locateTunnel(target: string, host: string): void {
    if (this.length !== 0 || this.block.contentLength > 0) throw malformed("CONNECT has a body");
    if (this.version === "1.0") throw malformed("CONNECT is of HTTP/1.0");
    if (!isAuthority(target) || !/[^:]:\d+$/.test(target)) throw malformed("the target of CONNECT is no host and port");
    this.authority = target;
    this.path = "/";
    this.protocols = noProtocols;
    if (host !== target) this.headers.set(Names.host, target);
  }

  /** Those protocols of `Upgrade` that may be passed on. A request with a body is not made a tunnel. */
  private readProtocols({ upgrades }: TunnelSettings): readonly string[] | undefined {
    const { headers } = this;
    if (this.length !== 0 || this.version === "1.0" || !headers.has(Names.upgrade)) return undefined;
    if (!hasToken(headers, Names.connection, "upgrade")) return undefined;
    const protocols = headers
      .getAll(Names.upgrade)
      .flatMap((value) => value.split(","))
      .map((protocol) => protocol.trim())
      .filter((protocol) => upgrades.has(protocol.toLowerCase()));
    return protocols.length === 0 ? undefined : protocols;
  }

  /** `http://authority/path?query`: its authority counts, and takes the place of `Host` (RFC 9112 section 3.2.2). */
  private locateAbsolute(target: string, host: string): void {
    const match = absoluteForm.exec(target);
    if (match === null) throw malformed("the target is neither a path nor an absolute http URL");
    const authority = match[2] as string;
    if (!isAuthority(authority)) throw malformed("the target has a bad authority");
    this.scheme = (match[1] as string).toLowerCase() === "https" ? "https" : "http";
    this.authority = authority;
    this.isAbsolute = true;
    const rest = match[3] as string;
    if (rest === "" && this.method === "OPTIONS") this.path = "*";
    else this.path = rest.startsWith("/") ? rest : `/${rest}`;
    if (host !== authority) this.headers.set(Names.host, authority);
  }
}

const noProtocols: readonly string[] = [];
const absoluteForm = /^(https?):\/\/([^/?]+)(.*)$/is;
const versionBytes = Buffer.from("HTTP/1.x\r\n", "latin1");

/** The usual methods are one text each for the whole process. */
function methodOf(text: string, length: number): string {
  switch (length) {
    case 3:
      if (text.startsWith("GET")) return "GET";
      if (text.startsWith("PUT")) return "PUT";
      break;
    case 4:
      if (text.startsWith("POST")) return "POST";
      if (text.startsWith("HEAD")) return "HEAD";
      break;
    default:
  }
  return text.substring(0, length);
}
