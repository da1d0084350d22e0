import { ClosedError, type Ctx, type Status, type Timer } from "@weftmesh/core";
import {
  bytesBody,
  emptyBody,
  Headers,
  type HttpRequest,
  HttpResponse,
  isIdempotent,
  latin1Body,
  Names,
  TunnelRequest,
  TunnelResponse,
} from "@weftmesh/http";
import type { OwnedSession, SessionOwner } from "@weftmesh/pool";
import { isLateRefusal } from "@weftmesh/tls";
import {
  type ClientSettings,
  ClientWatch,
  ConnectionLostError,
  countConnection,
  RequestBrokenError,
  ResponseError,
  TunnelLife,
  type WatchedExchange,
  type Wire,
  type WireReader,
} from "@weftmesh/wire";
import { ChunkedDecoder } from "./chunked.ts";
import { RequestBody, type RequestBodyOwner } from "./client-body.ts";
import { framedLength, requestHead } from "./client-request-head.ts";
import { malformed } from "./errors.ts";
import { Incomplete } from "./header-block.ts";
import { type BodyOwner, IncomingBody } from "./incoming-body.ts";
import { Chunked, ResponseHead, type ResponseLimits, UntilClose } from "./response-head.ts";
import { type TunnelOwner, WireTunnelEnd } from "./wire-tunnel-end.ts";

/** Interim responses to one request, at most. */
const maxInterim = 20;

export interface ClientConnectionOptions extends ClientSettings {
  readonly limits: ResponseLimits;
  /** What is to be told in place of an alert with which a server refuses us when the handshake is over for us. */
  readonly refused?: (alert: Error) => Error;
}

const none = Buffer.alloc(0);
/** How long a peer is given to take the last bytes of a tunnel. */
const closingStallMs = 60_000;
const closedAlready: Promise<void> = Promise.resolve();

/**
 * One connection to a server: a session that takes one call at a time, any number of times.
 *
 * Shape: one object per connection, and the state of its one exchange in its fields. The exchange is over when both
 * messages are; only then, and only if nothing is left over and neither side wants to close, is it open again.
 * Errors: `WEFT_CONNECTION_LOST`, `WEFT_PROTOCOL_RESPONSE`, `WEFT_PROTOCOL_REQUEST`, the reason when the ctx is
 * cancelled, and what the request's body fails with. Each but a request that cannot be written closes the connection.
 * One file, because every part of it changes the state of the one exchange, and some within calls of each other.
 * Cost: an exchange allocates a promise, the head's text, the response, and an object for each body that is not whole
 * in the first read. It waits with no timer, closure or listener object of its own.
 */
export class ClientConnection
  implements
    OwnedSession<HttpRequest, HttpResponse>,
    WireReader,
    BodyOwner,
    RequestBodyOwner,
    WatchedExchange,
    TunnelOwner
{
  owner: SessionOwner<HttpRequest, HttpResponse> | undefined = undefined;
  status: Status = "open";

  private readonly wire: Wire;
  private readonly options: ClientConnectionOptions;
  private readonly head: ResponseHead;
  private readonly openedMs: number;
  private readonly watch: ClientWatch | undefined;

  // The exchange under way.
  private req: HttpRequest | undefined = undefined;
  private ctx: Ctx | undefined = undefined;
  private resolve: (rep: HttpResponse | Promise<HttpResponse>) => void = nobody;
  private reject: (error: Error) => void = nobody;
  /** The final head has not come. */
  private awaiting = false;
  /** Some of a response has come. */
  private begun = false;
  private interim = 0;
  /** The request's body, until all of it is written. */
  private sending: RequestBody | undefined = undefined;
  /** The request's body waits for `100 Continue`. */
  private holding: RequestBody | undefined = undefined;
  private holdTimer: Timer | undefined = undefined;
  /** Nobody has piped the request's body. */
  private bodyUntouched = true;
  /** The peer answered before it had all of the request. */
  private unfinished = false;
  /** The response's body, while it comes. */
  private body: IncomingBody | undefined = undefined;

  /** Set once the connection is a tunnel, which it stays. */
  private tunnel: WireTunnelEnd | undefined = undefined;
  private tunnelLife: TunnelLife | undefined = undefined;

  /** Bytes that wait: for the rest of a head, or for the body's sink. */
  private held: Buffer | undefined = undefined;
  /** The end of the bytes that the body is taking, to tell what is left over. */
  private takeEnd = 0;
  private taking = false;
  private peerEnded = false;
  private wireError: Error | undefined = undefined;
  private exchanges = 0;
  /** What the wire had sent before this exchange, and what the stats have counted. */
  private sentBefore = 0;
  private sentCounted = 0;
  private closing: Promise<void> | undefined = undefined;
  private closeSettled: (() => void) | undefined = undefined;

  constructor(wire: Wire, options: ClientConnectionOptions) {
    this.wire = wire;
    this.options = options;
    this.head = new ResponseHead(options.limits);
    this.openedMs = options.clock.now();
    const { timeouts } = options;
    this.watch = timeouts === undefined ? undefined : new ClientWatch(options.clock, wire, timeouts, this);
    options.stats.connections++;
  }

  /** For the promise of each call. */
  private readonly executor = (
    resolve: (rep: HttpResponse | Promise<HttpResponse>) => void,
    reject: (error: Error) => void,
  ): void => {
    this.resolve = resolve;
    this.reject = reject;
  };

  /** For the ctx of each call. An earlier ctx that was never ended may still have it. */
  private readonly onCancelled = (reason: Error): void => {
    if (this.ctx?.cancelled === reason) this.abort(reason);
  };

  call(req: HttpRequest, ctx: Ctx): Promise<HttpResponse> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    if (this.status !== "open") return Promise.reject(this.refusal());
    if (req.method === "CONNECT" && req instanceof TunnelRequest) return this.connect(req, ctx);
    let text: string;
    try {
      text = requestHead(req);
    } catch (error) {
      return Promise.reject(error);
    }
    this.status = "busy";
    this.req = req;
    this.ctx = ctx;
    this.awaiting = true;
    this.begun = false;
    this.interim = 0;
    this.sentBefore = this.wire.sent;
    const promise = new Promise<HttpResponse>(this.executor);
    ctx.onCancel(this.onCancelled);
    this.watch?.start();
    if (req.body === emptyBody) {
      this.bodyUntouched = true;
      this.wire.writeText(text);
    } else this.send(req, text);
    return promise;
  }

  /** The connection itself is what was asked for: nothing is sent, so nothing may have been sent before. */
  private connect(req: TunnelRequest, ctx: Ctx): Promise<HttpResponse> {
    const { owner } = this;
    if (this.exchanges > 0) {
      const fresh = owner === undefined ? Promise.reject(this.refusal()) : owner.redial(req, ctx);
      this.shut();
      return fresh;
    }
    this.status = "busy";
    this.ctx = ctx;
    ctx.onCancel(this.onCancelled);
    return Promise.resolve(this.openTunnel(200, new Headers(), undefined, none));
  }

  private send(req: HttpRequest, text: string): void {
    if (req.headers.get(Names.expect)?.toLowerCase() === "100-continue") {
      this.bodyUntouched = true;
      this.wire.writeText(text);
      this.holding = new RequestBody(this, this.wire, "");
      const { clock, continueTimeoutMs } = this.options;
      this.holdTimer = clock.after(continueTimeoutMs, () => this.goOn());
      return;
    }
    this.bodyUntouched = false;
    const sending = new RequestBody(this, this.wire, text);
    this.sending = sending;
    sending.start(req.body, framedLength(req));
  }

  /** The peer wants the body, or has let us wait long enough. */
  private goOn(): void {
    const { holding, req } = this;
    this.dropHolding();
    if (holding === undefined || req === undefined) return;
    this.bodyUntouched = false;
    this.sending = holding;
    holding.start(req.body, framedLength(req));
  }

  private dropHolding(): void {
    this.holding = undefined;
    this.holdTimer?.cancel();
    this.holdTimer = undefined;
  }

  close(): Promise<void> {
    if (this.closing !== undefined) return this.closing;
    if (this.wire.closed) return closedAlready;
    this.closing = new Promise((resolve) => {
      this.closeSettled = resolve;
    });
    if (this.status === "open") this.shut();
    // Whoever made the call has left it where it was: nobody is there to wait for the rest.
    else if (this.ctx?.ended === true) this.abort(new ClosedError(`the connection to ${this.options.peer}`));
    return this.closing;
  }

  // The wire.

  onBytes(bytes: Buffer, end: number): void {
    this.options.stats.receivedBytes.inc(end);
    const { held } = this;
    if (held === undefined) this.read(bytes, end);
    else {
      this.held = undefined;
      const all = Buffer.concat([held, bytes.subarray(0, end)]);
      this.read(all, all.length);
    }
  }

  onEof(): void {
    this.peerEnded = true;
    if (this.body !== undefined) this.endBody();
    else if (this.awaiting) this.lost();
    else this.shut();
  }

  onWritable(): void {
    this.sending?.writable();
  }

  onClosed(error: Error | undefined): void {
    this.wireError = error;
    const { stats, clock } = this.options;
    this.countSent();
    stats.connections--;
    countConnection(stats, this.wire, clock.now() - this.openedMs, this.exchanges);
    this.closeSettled?.();
    if (this.awaiting) this.lost();
    else if (this.body !== undefined) this.endBody();
    else this.shut();
  }

  // The response.

  private read(bytes: Buffer, end: number): void {
    if (this.body !== undefined) this.readBody(this.body, bytes, 0, end);
    else if (this.awaiting) this.readHead(bytes, end);
    else if (this.status === "open") this.shut();
  }

  private readHead(bytes: Buffer, end: number): void {
    const { head } = this;
    const { method } = this.req as HttpRequest;
    this.begun = true;
    for (let p = 0; ; ) {
      let next: number;
      try {
        next = head.scan(bytes, p, end, method);
      } catch (error) {
        this.abort(new ResponseError(this.options.peer, error as Error));
        return;
      }
      if (next === Incomplete) {
        if (p < end) this.held = Buffer.from(bytes.subarray(p, end));
        return;
      }
      if (head.status >= 200) {
        this.answer(bytes, next, end);
        return;
      }
      if (head.status === 101 && this.req instanceof TunnelRequest) {
        this.switchProtocols(this.req, bytes.subarray(next, end));
        return;
      }
      if (!this.passInterim()) return;
      p = next;
    }
  }

  /** The peer speaks another protocol from here on, which has to be one that it was asked for. */
  private switchProtocols({ protocols }: TunnelRequest, rest: Buffer): void {
    const { headers } = this.head;
    const said = headers.getAll(Names.upgrade).join(", ").trim();
    if (!protocols.some((protocol) => protocol.toLowerCase() === said.toLowerCase())) {
      const cause = malformed(`it switched to ${JSON.stringify(said)}, which it was not asked for`);
      this.abort(new ResponseError(this.options.peer, cause));
      return;
    }
    const { resolve } = this;
    this.awaiting = false;
    this.dropHolding();
    resolve(this.openTunnel(101, headers, said, rest));
  }

  private openTunnel(status: number, headers: Headers, protocol: string | undefined, rest: Buffer): TunnelResponse {
    this.exchanges++;
    this.countSent();
    const end = new WireTunnelEnd(this, this.wire, this.options.stats, this.peerEnded);
    const life = new TunnelLife((reason) => this.abort(reason));
    end.unread(rest);
    this.tunnel = end;
    this.tunnelLife = life;
    return new TunnelResponse(status, headers, life, protocol, end);
  }

  tunnelOver(error: Error | undefined): void {
    const { tunnelLife, wire } = this;
    this.req = undefined;
    this.ctx = undefined;
    this.leave();
    // What the peer has not taken yet goes out still, but not for ever.
    if (error === undefined && wire.pending > 0) this.options.clock.after(closingStallMs, () => wire.destroy());
    tunnelLife?.finish(error);
  }

  tunnelLost(cause: Error | undefined): Error {
    return new ConnectionLostError(`${this.options.peer} closed a tunnel`, { cause });
  }

  /** False when the connection did not survive it. */
  private passInterim(): boolean {
    const { status } = this.head;
    if (status === 101) this.abort(new ResponseError(this.options.peer, malformed("nobody asked to switch protocols")));
    else if (++this.interim > maxInterim) {
      const cause = malformed(`there are more than ${maxInterim} interim responses`);
      this.abort(new ResponseError(this.options.peer, cause));
    } else if (status === 100) this.goOn();
    else this.req?.interim?.onInterim(status, this.head.headers, this.ctx as Ctx);
    // The request's body may have failed at once, and the call with it.
    return this.awaiting;
  }

  private answer(bytes: Buffer, start: number, end: number): void {
    const { head, resolve } = this;
    const { status, headers, version, length } = head;
    this.awaiting = false;
    this.dropHolding();
    if (length >= 0 && end - start >= length) {
      // All of it is here: the bytes are given to the body, and the connection is free before anybody looks at them.
      let body = emptyBody;
      const text = head.bodyText();
      if (text !== undefined) body = latin1Body(text);
      else if (length > 0) {
        const content = this.wire.chunk(bytes, start, start + length);
        if (content.buffer === bytes.buffer) this.wire.retain(bytes);
        body = bytesBody(content);
      }
      this.exchangeOver(end - start > length);
      resolve(new HttpResponse(status, headers, body, version));
      return;
    }
    const framing = length === Chunked ? new ChunkedDecoder(head.block) : length === UntilClose ? "untilClose" : length;
    const body = new IncomingBody(this, framing);
    this.body = body;
    this.wire.bulk = true;
    // The body is piped when the promise has been heard, which is before the next read.
    if (start < end) this.hold(bytes, start, end);
    if (this.sending !== undefined && !head.keepAlive) this.stopSending();
    resolve(new HttpResponse(status, headers, body, version));
  }

  private hold(bytes: Buffer, start: number, end: number): void {
    const kept = this.wire.chunk(bytes, start, end);
    if (kept.buffer === bytes.buffer) this.wire.retain(bytes);
    this.held = kept;
  }

  private readBody(body: IncomingBody, bytes: Buffer, start: number, end: number): void {
    this.takeEnd = end;
    this.taking = true;
    const next = body.take(this.wire, bytes, start, end);
    this.taking = false;
    // Within `take` the exchange may have ended, and the next one may have begun.
    if (this.body !== body) return;
    if (body.error !== undefined) {
      this.abort(new ResponseError(this.options.peer, body.error));
      return;
    }
    if (next < end) this.hold(bytes, next, end);
    if (!body.wanted) this.wire.pause();
    else if (this.peerEnded || this.wire.closed) this.endBody();
  }

  /** The body's sink is there, or takes more again. */
  bodyWanted(): void {
    const { body, held } = this;
    if (body === undefined || this.taking) return;
    if (held !== undefined) {
      this.held = undefined;
      this.readBody(body, held, 0, held.length);
    } else if (this.peerEnded || this.wire.closed) this.endBody();
    if (this.body === body && body.wanted) this.wire.resume();
  }

  bodyStopped(reason: Error): void {
    this.body = undefined;
    this.abort(reason);
  }

  bodyEnded(next: number): void {
    this.exchangeOver(next < this.takeEnd);
  }

  /**
   * The connection has ended under a body: well, if that is what the body waited for. What came before is taken first,
   * and a body that nobody has piped hears of the end when somebody does.
   */
  private endBody(): void {
    const { body } = this;
    if (body === undefined) return;
    if (this.wire.closed) this.leave();
    if (!body.wanted) return;
    this.takeEnd = 0;
    const lost = this.lossOf(body);
    if (this.peerEnded && this.wireError === undefined) body.close(lost);
    else body.fail(lost);
    if (this.body === body) this.abort(lost);
  }

  private lossOf(body: IncomingBody): Error {
    const of = body.length === undefined ? "" : ` of ${body.length}`;
    const message = `${this.options.peer} closed the connection after ${body.taken}${of} bytes of the body`;
    return new ConnectionLostError(message, { cause: this.wireError });
  }

  // The request.

  requestSent(): void {
    this.sending = undefined;
  }

  requestFailed(error: Error): void {
    // Before the answer it is what the call fails with; behind its head it would look like the answer's own failure.
    this.abort(this.awaiting ? error : new RequestBrokenError(this.options.peer, error));
  }

  /** The request will never be sent whole, so the connection is of no more use. */
  private stopSending(): void {
    const { sending } = this;
    if (sending === undefined) return;
    this.unfinished = true;
    this.sending = undefined;
    sending.stop(new ConnectionLostError(`${this.options.peer} answered before it had the whole request`));
  }

  get isBusy(): boolean {
    return this.status === "busy";
  }

  get waitsForPeer(): boolean {
    if (this.sending !== undefined || this.holding !== undefined) return false;
    return this.awaiting || this.body?.wanted === true;
  }

  cutOff(timeout: "read" | "write", afterMs: number): void {
    const { stats, peer } = this.options;
    if (timeout === "read") stats.readTimeouts.inc();
    else stats.writeTimeouts.inc();
    this.abort(new ConnectionLostError(`${peer} ${timeout === "read" ? "sent" : "took"} nothing for ${afterMs} ms`));
  }

  // Ends.

  /** Both messages are over as far as the response goes; `leftOver` says whether bytes came behind it. */
  private exchangeOver(leftOver: boolean): void {
    this.countSent();
    this.exchanges++;
    this.body = undefined;
    this.wire.bulk = false;
    this.stopSending();
    // A body that was never asked for may still be expected by the peer.
    const whole = !this.unfinished && (this.bodyUntouched ? this.req?.body === emptyBody : true);
    const reusable = this.head.keepAlive && whole && !leftOver && this.held === undefined && !this.peerEnded;
    this.req = undefined;
    this.ctx = undefined;
    if (reusable && this.closing === undefined && !this.wire.closed) {
      this.status = "open";
      this.wire.resume();
    } else this.shut();
  }

  /** No response will come: the call is made again if that is safe, and fails if it is not. */
  private lost(): void {
    const { owner, req, ctx, resolve } = this;
    const nothingSent = this.wire.sent === this.sentBefore;
    const isStale = this.exchanges > 0 && !this.begun;
    const isSafe = nothingSent || isIdempotent((req as HttpRequest).method);
    if (owner !== undefined && isStale && isSafe && this.bodyUntouched && ctx !== undefined) {
      this.awaiting = false;
      this.dropHolding();
      this.req = undefined;
      this.ctx = undefined;
      resolve(owner.redial(req as HttpRequest, ctx));
      this.shut();
      return;
    }
    const { refused } = this.options;
    if (refused !== undefined && nobodyHeard(this.wireError, this.exchanges, this.begun)) {
      this.abort(refused(this.wireError as Error));
      return;
    }
    const what = this.begun ? "within the head of its response" : "before it answered";
    this.abort(
      new ConnectionLostError(`${this.options.peer} closed the connection ${what}`, {
        cause: this.wireError,
        nothingSent,
      }),
    );
  }

  /** Gives up the exchange, and the connection with it. */
  private abort(error: Error): void {
    const { awaiting, reject, body, sending } = this;
    this.awaiting = false;
    this.body = undefined;
    this.sending = undefined;
    this.held = undefined;
    this.req = undefined;
    this.ctx = undefined;
    this.dropHolding();
    this.tunnel?.break(error);
    // A reset, since the peer may take the end of the connection for the end of the request alone, and work on.
    this.wire.reset();
    this.shut();
    sending?.stop(error);
    if (awaiting) reject(error);
    body?.fail(error);
  }

  /** Closes the connection. */
  private shut(): void {
    this.held = undefined;
    this.leave();
    this.wire.destroy();
  }

  private leave(): void {
    if (this.status === "closed") return;
    this.status = "closed";
    this.watch?.stop();
    this.owner?.sessionClosed();
  }

  private refusal(): Error {
    const { peer } = this.options;
    if (this.status === "closed")
      return new ConnectionLostError(`the connection to ${peer} is closed`, { nothingSent: true });
    return new ConnectionLostError(`the connection to ${peer} is in use`, { nothingSent: true });
  }

  private countSent(): void {
    const { sent } = this.wire;
    // A tunnel counts by itself.
    if (this.tunnel === undefined) this.options.stats.sentBytes.inc(sent - this.sentCounted);
    this.sentCounted = sent;
  }
}

function nobody(): void {}

/** A server that refuses the handshake has read nothing of what was sent behind it. */
function nobodyHeard(error: Error | undefined, exchanges: number, begun: boolean): boolean {
  return exchanges === 0 && !begun && isLateRefusal(error);
}
