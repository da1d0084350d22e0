import { ClosedError, type Ctx, type Status, type Timer } from "@weftmesh/core";
import { AbsoluteFormKey, emptyBody, type HttpRequest, type HttpResponse, TunnelRequest } from "@weftmesh/http";
import type { MultiplexedSession, SessionOwner } from "@weftmesh/pool";
import {
  type ClientSettings,
  ClientWatch,
  ConnectionLostError,
  countConnection,
  type FrameWire,
  ResponseError,
  type WatchedExchange,
} from "@weftmesh/wire";
import { ClientStream, type ClientStreamHost } from "./client-stream.ts";
import { ConnectionFault, leftBehind, resetByServer } from "./errors.ts";
import { codeName, ErrorCode, maxStreamId, preface } from "./frame-types.ts";
import { KeepAlive, type KeepAliveOptions, type KeptAlive } from "./keep-alive.ts";
import { encodeUpgraded } from "./orig-proto.ts";
import { TrailerFields } from "./request-fields.ts";
import { encodeRequest } from "./request-writer.ts";
import { ResponseFields } from "./response-fields.ts";
import { Session, type SessionOptions, SessionPhase } from "./session.ts";
import { Setting } from "./settings.ts";
import { UpgradedStream } from "./upgraded-stream.ts";
import { webSocketKey } from "./websocket.ts";

export interface ClientSessionOptions extends SessionOptions, ClientSettings {
  /** A silent server is not asked if not given. */
  readonly keepAlive?: KeepAliveOptions;
  /** Requests of HTTP/1 go upgraded, and are told to the peer as such; not if not given. */
  readonly upgrade?: UpgradePeer;
}

/** What those who upgrade requests learn of the peer. */
export interface UpgradePeer {
  /** Octets of a header list that it takes, as HTTP/2 counts them; a guess until it has said so. */
  maxHeaderListBytes: number;
}

/** A block is decoded as soon as it is whole, so one of each serves all connections. */
const response = new ResponseFields();
const trailers = new TrailerFields();
const keepAlivePing = Buffer.from("are you?", "latin1");
const closedAlready: Promise<void> = Promise.resolve();

/**
 * One connection to a server: a session that takes many calls at once.
 *
 * Shape: `busy` while it has as many calls as the server takes, `closed` as soon as no more can be made on it; those
 * that are under way go on.
 * Errors: of a call see `ClientStream`. `WEFT_CONNECTION_LOST` where the connection takes no call.
 */
export class ClientSession
  extends Session<ClientStream>
  implements MultiplexedSession<HttpRequest, HttpResponse>, ClientStreamHost, WatchedExchange, KeptAlive
{
  owner: SessionOwner<HttpRequest, HttpResponse> | undefined = undefined;
  readonly name: string;
  protected readonly isClient = true;

  private readonly options: ClientSessionOptions;
  private readonly openedMs: number;
  private readonly watch: ClientWatch | undefined;
  private readonly keepAlive: KeepAlive | undefined;
  private nextId = 1;
  private exchanges = 0;
  private sentCounted = 0;
  private wireError: Error | undefined = undefined;
  private hasClosed = false;
  private closing: Promise<void> | undefined = undefined;
  private closeSettled: (() => void) | undefined = undefined;
  /** Whoever waits for the server's first settings. */
  private onReady: ((error: Error | undefined) => void) | undefined = undefined;
  private resolve: (rep: HttpResponse | Promise<HttpResponse>) => void = nobody;
  private reject: (error: Error) => void = nobody;

  constructor(wire: FrameWire, options: ClientSessionOptions) {
    super(wire, options);
    this.options = options;
    this.name = options.peer;
    this.openedMs = options.clock.now();
    options.stats.connections++;
    const { clock, timeouts, keepAlive } = options;
    this.watch = timeouts === undefined ? undefined : new ClientWatch(clock, wire, timeouts, this);
    this.keepAlive = keepAlive === undefined ? undefined : new KeepAlive(clock, wire, keepAlive, this);
    const at = wire.reserve(preface.length);
    preface.copy(wire.output, at);
    this.open([[Setting.EnablePush, 0]]);
  }

  /** Resolves when the server has shown that it speaks HTTP/2, by its settings. */
  ready(ctx: Ctx, withinMs: number): Promise<this> {
    if (this.peer.known) return Promise.resolve(this);
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      this.onReady = (error) => {
        this.onReady = undefined;
        timer?.cancel();
        if (error === undefined) resolve(this);
        else reject(error);
      };
      const giveUp = (error: Error): void => {
        this.onReady?.(error);
        this.wire.destroy();
      };
      if (Number.isFinite(withinMs)) {
        timer = this.clock.after(withinMs, () => {
          if (this.onReady !== undefined) giveUp(new Error(`it sent no settings within ${withinMs} ms`));
        });
      }
      ctx.onCancel((reason) => {
        if (this.onReady !== undefined) giveUp(reason);
      });
      if (this.phase !== SessionPhase.Open) this.onReady?.(this.wireError ?? new Error("it closed the connection"));
    });
  }

  /** For the promise of each call. */
  private readonly executor = (
    resolve: (rep: HttpResponse | Promise<HttpResponse>) => void,
    reject: (error: Error) => void,
  ): void => {
    this.resolve = resolve;
    this.reject = reject;
  };

  get status(): Status {
    if (this.phase !== SessionPhase.Open) return "closed";
    return this.streams.size < this.peer.maxConcurrentStreams ? "open" : "busy";
  }

  /** Calls under way. */
  get load(): number {
    return this.streams.size;
  }

  call(req: HttpRequest, ctx: Ctx): Promise<HttpResponse> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    if (this.status !== "open") return Promise.reject(this.refusal());
    const key = req instanceof TunnelRequest ? req.headers.get(webSocketKey) : undefined;
    const { upgrade } = this.options;
    const isUpgraded = upgrade !== undefined && req.version !== "2" && !(req instanceof TunnelRequest);
    try {
      if (isUpgraded) encodeUpgraded(this.encoder, req, ctx.get(AbsoluteFormKey));
      else encodeRequest(this.encoder, req, this.peer.connectProtocol);
    } catch (error) {
      return Promise.reject(error);
    }
    const id = this.nextId;
    this.nextId = id + 2;
    const promise = new Promise<HttpResponse>(this.executor);
    const stream = new (isUpgraded ? UpgradedStream : ClientStream)(id, this, req, ctx, this.resolve, this.reject, key);
    this.streams.add(stream);
    ctx.onCancel((reason) => {
      if (stream.ctx === ctx || stream.input !== undefined) stream.cancel(reason);
    });
    this.watch?.start();
    this.keepAlive?.start();
    this.frames.headers(id, req.body === emptyBody && !(req instanceof TunnelRequest), this.encoder, stream);
    stream.sendBody();
    if (this.nextId > maxStreamId) this.drain();
    return promise;
  }

  get isBusy(): boolean {
    return this.streams.size > 0;
  }

  get waitsForPeer(): boolean {
    for (const stream of this.streams.list()) if (stream.waitsForPeer) return true;
    return false;
  }

  cutOff(timeout: "read" | "write", afterMs: number): void {
    const { stats } = this.options;
    if (timeout === "read") stats.readTimeouts.inc();
    else stats.writeTimeouts.inc();
    this.lose(`${this.name} ${timeout === "read" ? "sent" : "took"} nothing for ${afterMs} ms`);
  }

  ping(): void {
    this.frames.ping(false, keepAlivePing, 0);
  }

  silent(afterMs: number): void {
    this.options.stats.readTimeouts.inc();
    this.lose(`${this.name} did not answer a PING within ${afterMs} ms`);
  }

  private lose(why: string): void {
    this.shut(new ConnectionLostError(why));
  }

  holdBody(goOn: () => void): Timer {
    return this.clock.after(this.options.continueTimeoutMs, goOn);
  }

  private refusal(): Error {
    const why = this.phase === SessionPhase.Open ? "takes no more calls at once" : "is closed";
    return new ConnectionLostError(`the connection to ${this.name} ${why}`, { nothingSent: true });
  }

  // What comes in.

  onBytes(bytes: Buffer, end: number): void {
    this.options.stats.receivedBytes.inc(end);
    if (this.phase < SessionPhase.Closing) this.readFrames(bytes, 0, end);
  }

  onHeaders(id: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    const stream = this.streams.get(id);
    if (stream === undefined) this.onStrayHeaders(id, bytes, start, end);
    else if (stream.awaiting) this.onResponse(stream, endStream, bytes, start, end);
    else this.onTrailers(stream, endStream, bytes, start, end);
  }

  private onResponse(stream: ClientStream, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    response.begin();
    const fits = this.decoder.decode(bytes, start, end, response);
    response.finish();
    const { status, length } = response;
    if (!fits) stream.bad(`its header list is longer than ${this.endpoint.maxHeaderListBytes} bytes`);
    else if (response.fault !== undefined) stream.bad(response.fault);
    else if (status < 200) {
      if (endStream) stream.bad("it ends with an interim response");
      else stream.inform(status, response);
    } else {
      this.budget.useful();
      this.exchanges++;
      stream.answer(status, response.headers, length, endStream);
    }
  }

  private onTrailers(stream: ClientStream, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    trailers.begin();
    const fits = this.decoder.decode(bytes, start, end, trailers);
    if (!endStream) stream.bad("trailers do not end it");
    else if (!fits) stream.bad("its trailers are too long");
    else if (trailers.fault !== undefined) stream.bad(trailers.fault);
    else stream.remoteEnd(trailers.headers);
  }

  /** Headers on a stream that is not there any more. */
  private onStrayHeaders(id: number, bytes: Buffer, start: number, end: number): void {
    this.decoder.skip(bytes, start, end);
    this.strayFrame(id, "HEADERS");
  }

  protected isIdle(id: number): boolean {
    return (id & 1) === 0 || id >= this.nextId;
  }

  protected peerReset(): void {}

  protected resetBy(code: number): Error {
    return resetByServer(this.name, code);
  }

  protected pingAcked(): void {}

  protected settingsChanged(): void {
    const { upgrade } = this.options;
    if (upgrade !== undefined) upgrade.maxHeaderListBytes = this.peer.maxHeaderListBytes;
    this.onReady?.(undefined);
    if (this.status === "open") this.owner?.sessionRoom?.();
  }

  onGoaway(lastId: number, code: number): void {
    const isBad = code !== ErrorCode.NoError;
    for (const stream of this.streams.list()) {
      if (stream.id <= lastId) continue;
      this.removeStream(stream, true);
      stream.lost(leftBehind(this.name, code));
    }
    if (isBad) this.wireError ??= new Error(`it went away with ${codeName(code)}`);
    this.onReady?.(this.wireError ?? new Error("it went away"));
    this.leave();
    this.streamGone();
  }

  protected streamGone(): void {
    this.countSent();
    const { size } = this.streams;
    if (this.phase === SessionPhase.Open) {
      if (size === this.peer.maxConcurrentStreams - 1) this.owner?.sessionRoom?.();
    } else if (size === 0 && this.phase === SessionPhase.Draining) this.shut(new ClosedError("the connection"));
  }

  // Ends.

  close(): Promise<void> {
    if (this.closing !== undefined) return this.closing;
    if (this.hasClosed) return closedAlready;
    this.closing = new Promise((resolve) => {
      this.closeSettled = resolve;
    });
    this.drain();
    // Whoever made the call has left it where it was: nobody is there to wait for the rest.
    for (const stream of this.streams.list()) {
      if (stream.ctx?.ended === true) stream.cancel(new ClosedError(`the connection to ${this.name}`));
    }
    this.streamGone();
    return this.closing;
  }

  /** Makes no more calls; the connection closes behind the last. */
  private drain(): void {
    if (this.phase !== SessionPhase.Open) return;
    this.frames.goaway(0, ErrorCode.NoError, "");
    this.leave();
  }

  private leave(): void {
    if (this.phase !== SessionPhase.Open) return;
    this.phase = SessionPhase.Draining;
    this.owner?.sessionClosed();
  }

  onEof(): void {
    if (this.phase < SessionPhase.Closing) this.shut(new Error("it closed the connection"));
    this.wire.destroy();
  }

  protected override shut(cause: Error): void {
    this.leave();
    this.watch?.stop();
    this.keepAlive?.stop();
    super.shut(cause);
    this.onReady?.(cause);
    this.wire.destroy();
  }

  onClosed(error: Error | undefined): void {
    this.wireError ??= error;
    this.hasClosed = true;
    const { stats, clock } = this.options;
    this.countSent();
    stats.connections--;
    countConnection(stats, this.wire, clock.now() - this.openedMs, this.exchanges);
    this.watch?.stop();
    this.keepAlive?.stop();
    this.closeSettled?.();
    this.leave();
    this.phase = SessionPhase.Closed;
    this.loseStreams(error ?? this.wireError ?? new Error("it was closed"));
    this.onReady?.(this.wireError ?? new Error("it closed the connection"));
  }

  /** A server may have closed an idle connection when the call was on its way: nobody has begun to answer it then. */
  protected override loseStreams(cause: Error): void {
    const { owner } = this;
    if (owner !== undefined && this.exchanges > 0 && !(cause instanceof ConnectionFault)) {
      for (const stream of this.streams.list()) {
        const { req, ctx } = stream;
        if (req === undefined || ctx === undefined || !stream.isStale) continue;
        this.removeStream(stream, true);
        stream.redone(owner.redial(req, ctx));
      }
    }
    super.loseStreams(cause);
  }

  protected lossOf(cause: Error): Error {
    if (cause instanceof ConnectionLostError) return cause;
    if (cause instanceof ConnectionFault) return new ResponseError(this.name, cause);
    const error = new ConnectionLostError(`${this.name} closed the connection before it answered`, {
      cause: this.wireError ?? cause,
    });
    return error;
  }

  private countSent(): void {
    const { sent } = this.wire;
    this.options.stats.sentBytes.inc(sent - this.sentCounted);
    this.sentCounted = sent;
  }
}

function nobody(): void {}
