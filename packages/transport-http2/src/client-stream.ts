import { asError, type Ctx, type Timer } from "@weftmesh/core";
import {
  type Body,
  emptyBody,
  type Headers,
  type HttpRequest,
  HttpResponse,
  type HttpVersion,
  isIdempotent,
  Names,
  TunnelRequest,
  TunnelResponse,
} from "@weftmesh/http";
import { ConnectionLostError, RequestBrokenError, RequestError, ResponseError, TunnelLife } from "@weftmesh/wire";
import { noLength } from "./content-length.ts";
import { ErrorCode } from "./frame-types.ts";
import type { ResponseFields } from "./response-fields.ts";
import { Stream } from "./stream.ts";
import type { StreamHost } from "./stream-host.ts";
import { StreamInput } from "./stream-input.ts";
import { StreamTunnelEnd } from "./stream-tunnel-end.ts";
import { acceptField } from "./websocket.ts";

/** The connection of a client, as its streams see it. */
export interface ClientStreamHost extends StreamHost {
  /** For messages. */
  readonly name: string;
  readonly inputWindow: number;
  /** How long a request with `Expect: 100-continue` holds its body back. */
  holdBody(goOn: () => void): Timer;
}

/** Interim responses to one request, at most. */
const maxInterim = 20;

type Resolve = (rep: HttpResponse | Promise<HttpResponse>) => void;

/**
 * One call on a connection: the request that it sends, and the response.
 *
 * Errors: what the stream or the connection ended with, the reason when the ctx is cancelled, and what the body of the
 * request fails with: until the head of the response has come the call rejects with it, then the body fails.
 */
export class ClientStream extends Stream {
  override readonly host: ClientStreamHost;
  req: HttpRequest | undefined;
  ctx: Ctx | undefined;
  /** The final head has not come. */
  awaiting = true;
  /** What the wire had received when the call was made. */
  readonly receivedBefore: number;
  private readonly resolve: Resolve;
  private readonly reject: (error: Error) => void;
  private readonly isHead: boolean;
  private interim = 0;
  /** The body waits for `100 Continue`. */
  private holdTimer: Timer | undefined = undefined;
  /** Of a client of HTTP/1 that wants a WebSocket. */
  private readonly key: string | undefined;
  /** Set once the stream is a tunnel. */
  private life: TunnelLife | undefined = undefined;

  constructor(
    id: number,
    host: ClientStreamHost,
    req: HttpRequest,
    ctx: Ctx,
    resolve: Resolve,
    reject: (error: Error) => void,
    key: string | undefined,
  ) {
    super(id, host);
    this.host = host;
    this.req = req;
    this.ctx = ctx;
    this.resolve = resolve;
    this.reject = reject;
    this.isHead = req.method === "HEAD";
    this.receivedBefore = host.wire.received;
    this.key = key;
  }

  // The request.

  /** Behind its headers: sends the body, unless it has to wait. */
  sendBody(): void {
    const { body, headers } = this.req as HttpRequest;
    // What a tunnel carries comes when there is one.
    if (this.req instanceof TunnelRequest) return;
    if (body === emptyBody) this.outputOver = true;
    else if (headers.get(Names.expect)?.toLowerCase() === "100-continue") {
      this.holdTimer = this.host.holdBody(() => this.continueBody());
    } else this.pipeBody(body);
  }

  private pipeBody(body: Body): void {
    this.expect(body.length);
    this.take(body.pipe(this));
  }

  /** The peer wants the body, or has let us wait long enough. */
  private continueBody(): void {
    if (this.holdTimer === undefined) return;
    this.dropHold();
    if (!this.gone) this.pipeBody((this.req as HttpRequest).body);
  }

  private dropHold(): void {
    this.holdTimer?.cancel();
    this.holdTimer = undefined;
  }

  protected outputEnded(): void {
    if (!this.remoteEnded) return;
    this.host.closeStream(this);
    this.life?.finish(undefined);
  }

  protected outputBroke(error: Error): void {
    const cause = this.awaiting ? error : new RequestBrokenError(this.host.name, error);
    this.host.resetStream(this, ErrorCode.Cancel);
    this.lost(cause);
  }

  protected wrongLength(isLonger: boolean, left: number): Error {
    return new RequestError(
      isLonger
        ? "the body of the request is longer than it said"
        : `the body of the request ended ${left} bytes before it said`,
    );
  }

  // The response.

  /** An interim response. */
  inform(status: number, fields: ResponseFields): void {
    if (++this.interim > maxInterim) this.bad(`there are more than ${maxInterim} interim responses`);
    else if (status === 100) this.continueBody();
    else this.req?.interim?.onInterim(status, fields.headers, this.ctx as Ctx);
  }

  answer(status: number, headers: Headers, length: number, endStream: boolean): void {
    const { resolve } = this;
    this.awaiting = false;
    this.dropHold();
    if (this.req instanceof TunnelRequest && status < 300) {
      this.openTunnel(this.req, headers, endStream);
      return;
    }
    const hasNone = this.isHead || status === 204 || status === 304;
    let body: Body = emptyBody;
    if (endStream) {
      if (length > 0 && !hasNone) {
        this.awaiting = true;
        this.bad("it has a content-length and no content");
        return;
      }
    } else {
      const known = hasNone ? 0 : length === noLength ? undefined : length;
      this.input = new StreamInput(this, this.host.receiving, known, this.host.inputWindow);
      body = this.input;
    }
    resolve(new HttpResponse(status, headers, body, this.version));
    if (endStream) this.remoteEnd(undefined);
  }

  /** Of the response. */
  protected get version(): HttpVersion {
    return "2";
  }

  /** What follows on the stream is what the tunnel carries, whatever the head says of a length. */
  private openTunnel(req: TunnelRequest, headers: Headers, endStream: boolean): void {
    const life = new TunnelLife((reason) => this.cancel(reason));
    const input = new StreamInput(this, this.host.receiving, undefined, this.host.inputWindow);
    this.input = input;
    this.life = life;
    const end = new StreamTunnelEnd(input, (outgoing) => this.sendOpen(outgoing));
    const [protocol] = req.protocols;
    if (this.key !== undefined) headers.setField(acceptField(this.key));
    const status = protocol === undefined ? 200 : 101;
    this.resolve(new TunnelResponse(status, headers, life, protocol, end));
    if (endStream) this.remoteEnd(undefined);
  }

  /** What came is no response. */
  bad(why: string): void {
    this.broke(new ResponseError(this.host.name, new Error(why)), ErrorCode.ProtocolError);
  }

  inputPiped(): void {}

  inputStopped(reason: Error): void {
    if (this.gone) return;
    this.host.resetStream(this, ErrorCode.Cancel);
    this.lost(reason);
  }

  /** The response is whole: nobody reads the rest of a request that goes on. */
  protected inputEnded(): void {
    this.dropHold();
    if (this.outputOver) {
      this.host.closeStream(this);
      this.life?.finish(undefined);
      return;
    }
    if (this.life !== undefined) return;
    this.host.resetStream(this, ErrorCode.NoError);
    this.forget();
    this.stopOutput(new ConnectionLostError(`${this.host.name} answered before it had the whole request`));
  }

  /** Nobody but a request that is not sent yet holds the call up. */
  get waitsForPeer(): boolean {
    return this.outputOver && (this.awaiting || this.input?.wanted === true);
  }

  // Ends.

  /** The caller gave up. */
  cancel(reason: Error): void {
    if (!this.gone) this.host.resetStream(this, ErrorCode.Cancel);
    this.lost(reason);
  }

  broke(error: Error, http2Code: number): void {
    if (this.gone) return;
    this.host.resetStream(this, http2Code);
    this.lost(error instanceof ResponseError ? error : new ResponseError(this.host.name, error));
  }

  override crashed(thrown: unknown): void {
    const error = asError(thrown);
    if (!this.gone) this.host.resetStream(this, ErrorCode.InternalError);
    this.lost(error);
  }

  lost(error: Error): void {
    const { awaiting, input, reject } = this;
    this.awaiting = false;
    this.forget();
    this.stopOutput(error);
    if (awaiting) reject(error);
    input?.fail(error);
    this.life?.finish(error);
  }

  /** Nothing has come since the call was made, and making it again is safe. */
  get isStale(): boolean {
    const { req, host, receivedBefore } = this;
    if (!this.awaiting || req === undefined || host.wire.received !== receivedBefore) return false;
    return req.body === emptyBody && isIdempotent(req.method) && !(req instanceof TunnelRequest);
  }

  /** Another connection makes the call. */
  redone(call: Promise<HttpResponse>): void {
    this.awaiting = false;
    this.forget();
    this.resolve(call);
  }

  private forget(): void {
    this.dropHold();
    this.req = undefined;
    this.ctx = undefined;
  }
}
