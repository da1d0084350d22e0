import { asError, CancelledError, type Ctx, failed, hasFlag, ok, WeftError } from "@weftmesh/core";
import {
  dropBody,
  emptyBody,
  type Headers,
  type HttpRequest,
  type HttpResponse,
  type InterimSink,
  StreamError,
  StreamReset,
  stripInterim,
  TunnelRequest,
  TunnelResponse,
} from "@weftmesh/http";
import { Tunnel, type TunnelSettings } from "@weftmesh/wire";
import { malformedMessage } from "./errors.ts";
import { ErrorCode } from "./frame-types.ts";
import { dropFraming, dropHandshake, fixLength } from "./message-headers.ts";
import type { Http2ServerSettings } from "./server-settings.ts";
import { isFinalStatus, isInterimStatus, statusField } from "./status-field.ts";
import { Stream } from "./stream.ts";
import type { StreamHost } from "./stream-host.ts";
import { StreamTunnelEnd } from "./stream-tunnel-end.ts";

/** The connection of a server, as its streams see it. */
export interface ServerStreamHost extends StreamHost {
  readonly settings: Http2ServerSettings;
  /** Counts a stream that ends since the client did something wrong. */
  streamBroke(): void;
}

/** Interim responses are written while no more than this waits for the client: more than a busy connection has. */
const maxInterimPendingBytes = 262_144;

/**
 * One request of a client, and its response.
 *
 * Shape: the ctx ends when the response has been written, or with the failure; it is cancelled when the client resets
 * the stream or leaves.
 * Cost: besides itself two closures, by which it hears of the call.
 */
export class ServerStream extends Stream implements InterimSink {
  override readonly host: ServerStreamHost;
  /** The octets of its header list, which count against a limit while it is open. */
  readonly listBytes: number;
  answered = false;
  private ctx: Ctx | undefined;
  private req: HttpRequest | undefined = undefined;
  protected isHead = false;
  private owesContinue = false;
  /** Why the call failed, when what is written is the answer to that. */
  private failure: Error | undefined = undefined;
  private tunnel: Tunnel | undefined = undefined;

  constructor(id: number, host: ServerStreamHost, ctx: Ctx, listBytes: number) {
    super(id, host);
    this.host = host;
    this.ctx = ctx;
    this.listBytes = listBytes;
  }

  /** Has the service answer. */
  serve(req: HttpRequest, settings: Http2ServerSettings, expectsContinue: boolean): void {
    this.req = req;
    req.interim = settings.passesInterim ? this : undefined;
    this.isHead = req.method === "HEAD";
    this.owesContinue = expectsContinue;
    let call: Promise<HttpResponse>;
    try {
      const { guard, service } = settings;
      if (guard.refusal === undefined) call = service.call(req, this.ctx as Ctx);
      else call = Promise.reject(guard.refuse());
    } catch (thrown) {
      call = Promise.reject(asError(thrown));
    }
    call.then(
      (rep) => this.onRep(rep),
      (thrown: unknown) => this.onFailure(thrown),
    );
  }

  private onRep(rep: HttpResponse): void {
    try {
      this.answer(rep);
    } catch (thrown) {
      this.crashed(thrown);
    }
  }

  private onFailure(thrown: unknown): void {
    try {
      this.callFailed(asError(thrown));
    } catch (second) {
      this.crashed(second);
    }
  }

  // The request.

  inputPiped(): void {
    if (!this.owesContinue) return;
    this.owesContinue = false;
    if (!this.answered && !this.remoteEnded) this.writeContinue();
  }

  /** What still comes is dropped, and not asked for: the windows close by themselves. */
  inputStopped(): void {}

  protected inputEnded(): void {
    if (this.outputOver) this.host.closeStream(this);
  }

  /** It waits for content that has not come. */
  get awaitsContent(): boolean {
    return !this.remoteEnded && this.input?.wanted === true;
  }

  /** Nothing but its header has come. */
  get isSilent(): boolean {
    return !this.remoteEnded && !this.answered && this.input?.received === 0;
  }

  // The response.

  /** One for which the client has no room is not kept for it. */
  onInterim(status: number, headers: Headers): void {
    if (this.ctx === undefined || this.answered || this.gone || !isInterimStatus(status)) return;
    if (this.wire.pending > maxInterimPendingBytes) return;
    stripInterim(headers);
    this.writeHead(status, headers, false);
  }

  protected answer(rep: HttpResponse): void {
    const { ctx } = this;
    if (ctx === undefined || this.answered) {
      dropBody(rep.body, new CancelledError());
      return;
    }
    const isTunnel = rep instanceof TunnelResponse && this.req instanceof TunnelRequest;
    if (!isTunnel && !isFinalStatus(rep.status)) {
      const error = new WeftError("WEFT_PROTOCOL_STATUS", `a service answered with the status ${rep.status}`);
      dropBody(rep.body, error);
      this.breakOff(error, ErrorCode.InternalError);
      return;
    }
    this.answered = true;
    ctx.respond(rep);
    if (this.gone) {
      dropBody(rep.body, new CancelledError());
      return;
    }
    const { status, headers, body } = rep;
    if (isTunnel) {
      this.openTunnel(rep);
      return;
    }
    dropFraming(headers);
    if (this.isHead || status === 204 || status === 304) this.writeBare(status, headers, body);
    else if (body === emptyBody) {
      this.writeHead(status, headers, true);
      this.endOutput();
    } else {
      fixLength(headers, body.length);
      this.writeHead(status, headers, false);
      this.expect(body.length);
      this.take(body.pipe(this));
    }
  }

  private openTunnel(rep: TunnelResponse): void {
    const { settings } = this.host;
    dropHandshake(rep.headers);
    this.writeHead(200, rep.headers, false);
    const tunnel = new Tunnel(settings.tunnels as TunnelSettings, settings.clock, (reason) =>
      this.breakOff(reason, ErrorCode.Cancel),
    );
    this.tunnel = tunnel;
    tunnel.join(new StreamTunnelEnd(this.input ?? emptyBody, (outgoing) => this.sendOpen(outgoing)), rep.tunnel);
    // What says that the call is over is the response, as with any other; the modules above have watched it.
    rep.body.pipe({
      onData: () => 0,
      onEnd: () => this.tunnelOver(),
      onError: (error) => this.breakOff(error, resetCode(error)),
    });
  }

  /** Both ways have ended. */
  private tunnelOver(): void {
    const { ctx } = this;
    this.ctx = undefined;
    this.tunnel?.closed();
    ctx?.end(ok);
  }

  /** A response that has no content, whatever its body holds. */
  private writeBare(status: number, headers: Headers, body: HttpResponse["body"]): void {
    this.writeHead(status, headers, true);
    if (body !== emptyBody) dropBody(body, bodyNotSent);
    this.endOutput();
  }

  protected writeHead(status: number, headers: Headers, endStream: boolean): void {
    const { encoder, frames } = this.host;
    encoder.begin();
    encoder.field(statusField(status));
    encoder.headers(headers);
    frames.headers(this.id, endStream, encoder, this);
  }

  private writeContinue(): void {
    const { encoder, frames } = this.host;
    encoder.begin();
    encoder.field(statusField(100));
    frames.headers(this.id, false, encoder, this);
  }

  /** Who makes the answers to calls that failed. */
  protected get responder(): Http2ServerSettings["respond"] {
    return this.host.settings.respond;
  }

  private callFailed(error: Error): void {
    const { ctx, req } = this;
    if (ctx === undefined || req === undefined || this.answered) return;
    const { responder: respond } = this;
    if (respond === undefined) {
      if (error instanceof StreamError) this.breakOff(error, error.http2Code);
      else this.answerStatus(error, 502);
      return;
    }
    let rep: HttpResponse | StreamReset;
    try {
      rep = respond(error, req, ctx);
    } catch (second) {
      this.answerStatus(asError(second), 502);
      return;
    }
    if (rep instanceof StreamReset) this.breakOff(error, rep.http2Code);
    else {
      this.failure = error;
      this.answer(rep);
    }
  }

  /** Answers with a status alone in place of the response. */
  answerStatus(error: Error, status: number): void {
    const { encoder, frames } = this.host;
    this.answered = true;
    this.failure = error;
    encoder.begin();
    encoder.field(statusField(status));
    frames.headers(this.id, true, encoder, this);
    this.endOutput();
  }

  private endOutput(): void {
    this.outputOver = true;
    this.outputEnded();
  }

  /** A client that still sends is told that nobody wants the rest (RFC 9113 section 8.1). */
  protected outputEnded(): void {
    const { ctx, failure, host } = this;
    if (this.tunnel !== undefined) {
      if (this.remoteEnded) host.closeStream(this);
      return;
    }
    this.ctx = undefined;
    this.req = undefined;
    if (this.remoteEnded) host.closeStream(this);
    else {
      host.resetStream(this, ErrorCode.NoError);
      this.input?.fail(answeredEarly);
    }
    ctx?.end(failure === undefined ? ok : failed(failure));
  }

  protected outputBroke(error: Error): void {
    this.breakOff(error, resetCode(error));
  }

  protected wrongLength(isLonger: boolean, left: number): Error {
    return malformedMessage(
      isLonger ? "a response body is longer than its length" : `a response body ended ${left} bytes before its length`,
    );
  }

  // Ends.

  broke(error: Error, http2Code: number): void {
    this.host.streamBroke();
    this.breakOff(error, http2Code);
  }

  /** The client does not do its part. */
  giveUp(error: StreamError): void {
    this.breakOff(error, error.http2Code);
  }

  private breakOff(error: Error, http2Code: number): void {
    if (this.gone) return;
    this.host.resetStream(this, http2Code);
    this.lost(error);
  }

  lost(error: Error): void {
    const { ctx, input } = this;
    this.ctx = undefined;
    this.req = undefined;
    try {
      this.tunnel?.closed();
      ctx?.cancel(error);
      input?.fail(error);
      this.stopOutput(error);
    } finally {
      ctx?.end(failed(error));
    }
  }

  override crashed(thrown: unknown): void {
    if (this.gone) return;
    const cause = asError(thrown);
    const error = new StreamError(ErrorCode.InternalError, `a stream broke: ${cause.message}`, {
      remote: false,
      cause,
    });
    this.breakOff(error, ErrorCode.InternalError);
  }
}

/** What a client is told when a response that has begun will not be whole. */
function resetCode(error: Error): number {
  if (error instanceof StreamError) return error.http2Code;
  return hasFlag(error, "interrupted") ? ErrorCode.Cancel : ErrorCode.InternalError;
}

const bodyNotSent = new CancelledError("the response has no room for a body");
const answeredEarly = new CancelledError("the request was answered before it ended");
