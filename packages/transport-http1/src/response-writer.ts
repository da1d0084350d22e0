import { type Ctx, failed, ok, WeftError } from "@weftmesh/core";
import {
  type BodySink,
  dropBody,
  emptyBody,
  type Flow,
  type Headers,
  type HttpResponse,
  hasToken,
  Names,
  stripInterim,
  Taken,
  type TunnelResponse,
} from "@weftmesh/http";
import type { Counter } from "@weftmesh/telemetry";
import { latin1, type Wire } from "@weftmesh/wire";
import { chunkEnd, chunkHead, lastChunk } from "./chunked.ts";
import { badFraming, truncated } from "./errors.ts";
import { isFinalStatus, statusLine } from "./status-line.ts";

/** How the end of a response body is told. */
const Framing = { None: 0, Length: 1, Chunked: 2, UntilClose: 3 } as const;
type Framing = (typeof Framing)[keyof typeof Framing];

/** Small chunks that come together with their head go out with it, up to here. */
const coalescedBytes = 8_192;

/** Whose responses are written. */
export interface ResponseOwner {
  /** The response is written whole, and its ctx has ended. */
  responseEnded(): void;
  /** The rest of the response will not come. `unsent` says that nothing of it was written. */
  responseBroke(error: Error, unsent: boolean): void;
}

/**
 * Writes the responses of one connection, one after the other: the head with the first bytes of the body, then the
 * rest of the body as it comes, under exactly one framing.
 *
 * Shape: one object per connection. It is the sink of the response bodies; `ctx` ends with them.
 */
export class ResponseWriter implements BodySink {
  /** A response has begun. */
  answered = false;
  done = false;
  /** What the client will be told of the connection; the owner and the response may turn it off, nobody on. */
  keepAlive = true;
  /** Why the call failed, when what is written is the answer to that. */
  failure: Error | undefined = undefined;

  private readonly owner: ResponseOwner;
  private readonly wire: Wire;
  private readonly sentBytes: Counter;
  private ctx: Ctx | undefined = undefined;
  private isOld = false;
  private isHead = false;
  private takesTrailers = false;
  private framing: Framing = Framing.None;
  /** Bytes of the body that are still to come. */
  private remaining = 0;
  private flow: Flow | undefined = undefined;
  /** To be written before the next bytes: the head, and while the body is being piped its first chunks. */
  private text = "";
  private piping = false;
  /** Why the present response will not be written to its end. */
  private broken: Error | undefined = undefined;

  constructor(owner: ResponseOwner, wire: Wire, sentBytes: Counter) {
    this.owner = owner;
    this.wire = wire;
    this.sentBytes = sentBytes;
  }

  /** A request is here. `isOld` says that it is of HTTP/1.0, `takesTrailers` that its `TE` names them. */
  begin(ctx: Ctx, keepAlive: boolean, isOld: boolean, isHead: boolean, takesTrailers: boolean): void {
    this.ctx = ctx;
    this.keepAlive = keepAlive;
    this.isOld = isOld;
    this.isHead = isHead;
    this.takesTrailers = takesTrailers;
    this.answered = false;
    this.done = false;
    this.broken = undefined;
    this.failure = undefined;
  }

  /** Writes the response to its end; errors go to the owner. */
  write(rep: HttpResponse): void {
    const ctx = this.ctx as Ctx;
    if (!isFinalStatus(rep.status)) {
      const error = new WeftError("WEFT_PROTOCOL_STATUS", `a service answered with the status ${rep.status}`);
      dropBody(rep.body, error);
      this.owner.responseBroke(error, true);
      return;
    }
    this.answered = true;
    ctx.respond(rep);
    if (this.broken !== undefined) {
      dropBody(rep.body, this.broken);
      return;
    }
    this.text = this.headOf(rep);
    if (this.framing === Framing.None) {
      if (rep.body !== emptyBody) dropBody(rep.body, bodyNotSent);
      this.flush();
      this.finish();
      return;
    }
    this.piping = true;
    const flow = rep.body.pipe(this);
    this.piping = false;
    // The exchange may have ended within `pipe`, and the next one have begun.
    if (this.ctx !== ctx || this.done) return;
    if (this.broken !== undefined) {
      flow.stop(this.broken);
      return;
    }
    this.flow = flow;
    this.flush();
  }

  /** Writes the head behind which a tunnel begins. False when there is to be none any more. */
  writeTunnel(rep: TunnelResponse): boolean {
    this.answered = true;
    this.framing = Framing.None;
    (this.ctx as Ctx).respond(rep);
    if (this.broken !== undefined) {
      dropBody(rep.body, this.broken);
      return false;
    }
    const { headers, protocol } = rep;
    for (const name of [Names.contentLength, Names.transferEncoding, Names.connection, Names.upgrade])
      headers.delete(name);
    const upgrade = protocol === undefined ? "" : `Connection: upgrade\r\nUpgrade: ${protocol}\r\n`;
    this.text = `${statusLine(rep.status) + headers.toLines() + upgrade}\r\n`;
    this.flush();
    this.done = true;
    return true;
  }

  /** A response without a body, in place of one that did not begin. */
  writeMinimal(status: number): void {
    this.answered = true;
    this.text = `${statusLine(status)}Content-Length: 0\r\nConnection: close\r\n\r\n`;
    this.flush();
  }

  /** Leave for the client to send its body, or a sign of life. */
  writeContinue(): void {
    this.send("HTTP/1.1 100 Continue\r\n\r\n");
  }

  /** The caller knows that no response has begun, and that the status is of an interim one. */
  writeInterim(status: number, headers: Headers): void {
    stripInterim(headers);
    this.send(`${statusLine(status) + headers.toLines()}\r\n`);
  }

  /** The wire takes more again. */
  resume(): void {
    this.flow?.resume();
  }

  /** No more is written of this response, and its source is told so. */
  stop(error: Error): void {
    const { flow } = this;
    this.broken = error;
    this.flow = undefined;
    this.text = "";
    flow?.stop(error);
  }

  /** What was written so far ends with the connection, so closing it must not look like the end of the body. */
  get endsWithClose(): boolean {
    return this.framing === Framing.UntilClose;
  }

  onData(chunk: Uint8Array): number {
    if (!this.isOpen || chunk.length === 0) return Taken;
    const { text } = this;
    if (this.framing === Framing.Length && chunk.length > this.remaining) {
      this.breakOff(badFraming("a response body is longer than its length"));
      return Taken;
    }
    this.remaining -= chunk.length;
    this.text = "";
    if (this.framing !== Framing.Chunked) return this.sendAround(text, chunk, "");
    const before = text + chunkHead(chunk.length);
    if (this.piping && text.length + chunk.length <= coalescedBytes) {
      this.text = before + latin1(chunk, 0, chunk.length) + chunkEnd;
      return Taken;
    }
    return this.sendAround(before, chunk, chunkEnd);
  }

  onText(content: string): number {
    if (!this.isOpen || content === "") return Taken;
    if (this.framing === Framing.Length && content.length > this.remaining) {
      this.breakOff(badFraming("a response body is longer than its length"));
      return Taken;
    }
    this.remaining -= content.length;
    const text =
      this.text + (this.framing === Framing.Chunked ? chunkHead(content.length) + content + chunkEnd : content);
    if (this.piping && text.length <= coalescedBytes) {
      this.text = text;
      return Taken;
    }
    this.text = "";
    return this.send(text);
  }

  onEnd(trailers: Headers | undefined): void {
    if (!this.isOpen) return;
    if (this.framing === Framing.Length && this.remaining > 0) {
      this.breakOff(truncated(`a response body ended ${this.remaining} bytes before its length`));
      return;
    }
    if (this.framing === Framing.Chunked) this.text += lastChunk(trailers);
    this.flush();
    this.finish();
  }

  onError(error: Error): void {
    if (!this.isOpen) return;
    this.flow = undefined;
    this.breakOff(error);
  }

  private get isOpen(): boolean {
    return this.answered && !this.done && this.broken === undefined;
  }

  /** Nothing may make a broken response look whole; the owner answers otherwise only where nothing was sent. */
  private breakOff(error: Error): void {
    const unsent = this.text !== "";
    this.stop(error);
    this.owner.responseBroke(error, unsent);
  }

  private finish(): void {
    this.done = true;
    this.flow = undefined;
    (this.ctx as Ctx).end(this.failure === undefined ? ok : failed(this.failure));
    this.owner.responseEnded();
  }

  /** Status line and headers with exactly one framing; decides how the body is framed. */
  private headOf(rep: HttpResponse): string {
    const { status, headers, body } = rep;
    const { length } = body;
    // Where the backend speaks HTTP/2, a body may have both; only chunks have room for trailers.
    const hasTrailers = this.takesTrailers && rep.version === "2" && body !== emptyBody && headers.has(Names.trailer);
    let lines = "";
    if (headers.has(Names.transferEncoding)) headers.delete(Names.transferEncoding);
    if (headers.has(Names.connection)) {
      if (hasToken(headers, Names.connection, "close")) this.keepAlive = false;
      headers.delete(Names.connection);
    }
    if (status === 204) {
      this.framing = Framing.None;
      headers.delete(Names.contentLength);
    } else if (this.isHead || status === 304) {
      this.framing = Framing.None;
      lines = lengthOfUnsent(headers, body === emptyBody ? undefined : length);
    } else if (length === undefined || (hasTrailers && !this.isOld)) {
      headers.delete(Names.contentLength);
      if (this.isOld) {
        this.framing = Framing.UntilClose;
        this.keepAlive = false;
      } else {
        this.framing = Framing.Chunked;
        lines = "Transfer-Encoding: chunked\r\n";
      }
    } else {
      this.framing = body === emptyBody ? Framing.None : Framing.Length;
      this.remaining = length;
      if (headers.get(Names.contentLength) !== String(length) || headers.count(Names.contentLength) !== 1) {
        headers.delete(Names.contentLength);
        lines = `Content-Length: ${length}\r\n`;
      }
    }
    if (!this.keepAlive) lines += "Connection: close\r\n";
    else if (this.isOld) lines += "Connection: keep-alive\r\n";
    return `${statusLine(status) + headers.toLines() + lines}\r\n`;
  }

  private send(text: string): number {
    this.sentBytes.inc(text.length);
    return this.wire.writeText(text);
  }

  private sendAround(before: string, bytes: Uint8Array, after: string): number {
    this.sentBytes.inc(before.length + bytes.length + after.length);
    if (before === "" && after === "") return this.wire.writeBytes(bytes);
    return this.wire.writeAround(before, bytes, after);
  }

  private flush(): void {
    const { text } = this;
    if (text === "") return;
    this.text = "";
    this.send(text);
  }
}

/** The length that a body would have had: one at most, and ours only where the service named none. */
function lengthOfUnsent(headers: Headers, length: number | undefined): string {
  const count = headers.count(Names.contentLength);
  if (count > 1) headers.delete(Names.contentLength);
  return count === 0 && length !== undefined ? `Content-Length: ${length}\r\n` : "";
}

const bodyNotSent = new WeftError("WEFT_CANCELLED", "the response has no room for a body", {
  flags: ["interrupted", "ignorable"],
});
