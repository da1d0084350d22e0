import { asError, CancelledError, Ctx, failed, ok } from "@weftmesh/core";
import {
  AbsoluteFormKey,
  type Body,
  type Connection,
  ConnectionKey,
  dropBody,
  emptyBody,
  type Headers,
  HttpRequest,
  type HttpResponse,
  hasToken,
  type InterimSink,
  Names,
  TunnelRequest,
  TunnelResponse,
} from "@weftmesh/http";
import {
  type ConnectionOwner,
  countConnection,
  type ServedConnection,
  type Wire,
  type WireReader,
} from "@weftmesh/wire";
import { ChunkedDecoder } from "./chunked.ts";
import { ConnectionWatch, Verdict, type WatchedConnection } from "./connection-watch.ts";
import { ProtocolError, tooSlow } from "./errors.ts";
import { Incomplete } from "./header-block.ts";
import { HeldBytes } from "./held-bytes.ts";
import type { ServesHttp1 } from "./http1-serving.ts";
import { type BodyOwner, IncomingBody } from "./incoming-body.ts";
import { Phase } from "./phase.ts";
import { asksFor, type ProtocolSwitch } from "./protocol-switch.ts";
import type { RequestHead } from "./request-head.ts";
import { type ResponseOwner, ResponseWriter } from "./response-writer.ts";
import type { ServerSettings } from "./server-settings.ts";
import { ServerTunnel } from "./server-tunnel.ts";
import { isInterimStatus } from "./status-line.ts";

/** Requests that a client sends before it has its answers wait here, up to about this many bytes; then in its socket. */
const maxHeldBytes = 16_384;
/** A read of at least this many bytes within a body says that more are on their way. */
const bulkReadBytes = 8_192;
/** How long a half-closed client is given before it is asked whether it is still there. */
const probeMs = 20;

/**
 * One connection of a client: reads requests, calls the service for one at a time and has the responses written.
 *
 * Shape: one object for all requests of the connection. The ctx of a request ends when its response body has ended or
 * failed. What a client sends ahead of its answers waits.
 * Cost: per request a `Ctx`, a `Headers`, an `HttpRequest`, and a body where there is one; one write where the
 * response is whole when its head arrives. The methods stand in the order in which a request meets them; they share
 * one state, which is why they are one file.
 */
export class ServerConnection
  implements WireReader, BodyOwner, ResponseOwner, WatchedConnection, ServedConnection, InterimSink
{
  requests = 0;
  phase: Phase = Phase.Idle;
  /** Goes up whenever a phase begins. */
  marks = 0;
  /** All of the request was read. */
  requestDone = true;
  /** The wire is not read. */
  paused = false;
  readonly wire: Wire;
  readonly writer: ResponseWriter;
  readonly openedMs: number;

  private owner: ConnectionOwner<ServesHttp1>;
  private settings: ServerSettings;
  private head: RequestHead;
  private readonly connection: Connection;
  private readonly watch: ConnectionWatch;
  private readonly onRep: (rep: HttpResponse) => void = (rep) => {
    try {
      this.answer(rep);
    } catch (thrown) {
      this.crashed(thrown);
    }
  };
  private readonly onFailure: (thrown: unknown) => void = (thrown) => {
    try {
      this.callFailed(thrown);
    } catch (second) {
      this.crashed(second);
    }
  };
  /** What was read and could not be used yet. */
  private readonly held: HeldBytes = new HeldBytes();
  /** Within `process`, which goes on by itself when something is wanted meanwhile. */
  private busy = false;
  private eof = false;
  private ctx: Ctx | undefined = undefined;
  private req: HttpRequest | undefined = undefined;
  private body: IncomingBody | undefined = undefined;
  private owesContinue = false;
  private isOld = false;
  /** Bytes that were read for nobody; -1 while somebody wants them. */
  private wasted = -1;
  private probed: Ctx | undefined = undefined;
  /** Who reads the wire since it went over to another protocol. */
  private wentTo: WireReader | undefined = undefined;

  constructor(owner: ConnectionOwner<ServesHttp1>, wire: Wire, connection: Connection) {
    const { settings, head } = owner.serving.http1;
    this.owner = owner;
    this.settings = settings;
    this.head = head;
    this.wire = wire;
    this.connection = connection;
    this.writer = new ResponseWriter(this, wire, settings.stats.sentBytes);
    this.openedMs = settings.clock.now();
    this.watch = new ConnectionWatch(settings, this.openedMs);
    settings.stats.connects.inc();
  }

  // Bytes come in.

  onBytes(bytes: Buffer, end: number): void {
    this.settings.stats.receivedBytes.inc(end);
    try {
      if (this.phase >= Phase.Closing) this.waste(end);
      else if (this.held.isEmpty) this.process(bytes, 0, end);
      else {
        this.held.append(bytes, end);
        this.processHeld();
      }
    } catch (thrown) {
      this.crashed(thrown);
    }
  }

  private processHeld(): void {
    const { held } = this;
    this.process(held.bytes, held.start, held.end);
  }

  private process(bytes: Buffer, start: number, end: number): void {
    let p = start;
    this.busy = true;
    while (p < end && this.phase < Phase.Closing) {
      const next = this.phase === Phase.Exchange ? this.readBody(bytes, p, end) : this.readHead(bytes, p, end);
      if (next === p) break;
      p = next;
    }
    this.busy = false;
    this.keep(bytes, p, end, end - start);
  }

  /** Reads one head and calls the service. Answers the position behind it, or `start`. */
  private readHead(bytes: Buffer, start: number, end: number): number {
    // A client that does not read its answers gets no more of them.
    if (this.wire.full) return start;
    const { head } = this;
    let decoder: ChunkedDecoder | undefined;
    let next: number;
    try {
      next = head.scan(bytes, start, end);
      if (next !== Incomplete && head.length === -1) {
        // A body that is broken in what is here already does not reach the service at all.
        new ChunkedDecoder(head.block).check(bytes, next, end);
        decoder = new ChunkedDecoder(head.block);
      }
    } catch (thrown) {
      this.refuse(thrown as ProtocolError);
      return start;
    }
    if (next !== Incomplete) {
      this.begin(head, decoder);
      return next;
    }
    if (this.phase === Phase.Idle) {
      this.phase = Phase.Head;
      this.marks++;
    }
    return start;
  }

  private begin(head: RequestHead, decoder: ChunkedDecoder | undefined): void {
    const isOld = head.version === "1.0";
    const ctx = new Ctx();
    ctx.set(ConnectionKey, this.connection);
    if (head.isAbsolute) ctx.set(AbsoluteFormKey, true);
    this.ctx = ctx;
    this.requests++;
    this.marks++;
    this.phase = Phase.Exchange;
    this.isOld = isOld;
    this.owesContinue = head.expectsContinue;
    // By now: what concerns one hop alone is gone when the answer comes.
    const takesTrailers = head.headers.has(Names.te) && hasToken(head.headers, Names.te, "trailers");
    this.writer.begin(ctx, head.keepAlive, isOld, head.method === "HEAD", takesTrailers);
    let body: Body = emptyBody;
    if (head.length !== 0) {
      this.requestDone = false;
      this.body = new IncomingBody(this, decoder ?? head.length);
      body = this.body;
    }
    const scheme = this.connection.secure ? "https" : head.scheme;
    const { version, method, authority, path, headers, protocols } = head;
    const req =
      protocols === undefined
        ? new HttpRequest(version, method, scheme, authority, path, headers, body)
        : new TunnelRequest(version, method, scheme, authority, path, headers, protocols);
    this.req = req;
    const { switchTo, passesInterim } = this.settings;
    if (passesInterim && !isOld) req.interim = this;
    if (switchTo !== undefined && body === emptyBody && this.goesOver(switchTo, req)) return;
    let call: Promise<HttpResponse>;
    try {
      const { guard, service } = this.settings;
      if (guard.refusal === undefined) call = service.call(req, ctx);
      else call = Promise.reject(guard.refuse());
    } catch (thrown) {
      call = Promise.reject(asError(thrown));
    }
    call.then(this.onRep, this.onFailure);
  }

  /** The connection goes over to another protocol, whose first answer is that to this request. */
  private goesOver(to: ProtocolSwitch, req: HttpRequest): boolean {
    const { connection, wire } = this;
    if (!asksFor(to.protocol, req) || !to.accepts(req, connection)) return false;
    wire.writeText(`HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: ${to.protocol}\r\n\r\n`);
    this.phase = Phase.Closed;
    this.ctx = undefined;
    this.req = undefined;
    this.wentTo = to.begin(this, this.owner, wire, connection, req);
    wire.readBy(this.wentTo);
    return true;
  }

  /** Answers how far it came; `start` when nobody wants the body now, or it is all there. */
  private readBody(bytes: Buffer, start: number, end: number): number {
    const { body } = this;
    if (body === undefined || this.requestDone || this.isWastedEnough()) return start;
    const next = body.take(this.wire, bytes, start, end);
    if (this.wasted !== -1) this.wasted += next - start;
    if (body.error !== undefined) this.requestBroke(body.error);
    return next;
  }

  /** Keeps what `process` left from `p` on, and decides whether more is read. */
  private keep(bytes: Buffer, p: number, end: number, length: number): void {
    const { held, wire } = this;
    if (this.phase >= Phase.Closing) {
      // A copy: the memory that was lent goes by its identity.
      const rest = this.wentTo === undefined || p === end ? undefined : Buffer.from(bytes.subarray(p, end));
      held.clear();
      if (rest === undefined) this.waste(end - p);
      else this.wentTo?.onBytes(rest, rest.length);
      return;
    }
    if (p === end) {
      held.clear();
      wire.bulk = !this.requestDone && length >= bulkReadBytes;
      this.resume();
      return;
    }
    wire.bulk = false;
    if (bytes === held.bytes) held.start = p;
    else {
      held.hold(wire.chunk(bytes, p, end));
      wire.retain(bytes);
    }
    if (this.phase === Phase.Head) this.resume();
    else if (!this.requestDone || wire.full || held.length >= maxHeldBytes) this.pause();
    else this.resume();
  }

  /** Goes on with what is held, and reads more when that is used up. */
  private pump(): void {
    if (this.busy || this.phase >= Phase.Closing) return;
    if (this.held.isEmpty) this.resume();
    else this.processHeld();
    if (this.eof) this.afterEof();
  }

  private pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.wire.pause();
  }

  private resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.wire.resume();
  }

  // The request body.

  bodyWanted(): void {
    if (this.phase !== Phase.Exchange) return;
    if (this.owesContinue) {
      this.owesContinue = false;
      if (!this.writer.answered) this.writer.writeContinue();
    }
    this.pump();
  }

  bodyStopped(): void {
    this.drain();
    this.pump();
  }

  bodyEnded(): void {
    this.requestDone = true;
    if (this.writer.done && this.phase === Phase.Exchange) this.next();
  }

  /** The request is being read and somebody takes its body. */
  get wantsBody(): boolean {
    return !this.requestDone && this.body?.wanted === true;
  }

  /** Reads the rest of the body for nobody, so that a client that writes before it reads comes to its response. */
  private drain(): void {
    if (this.wasted !== -1) return;
    this.wasted = 0;
    this.body?.drain();
  }

  /** True when enough was read for nobody: the connection is given up behind the response. */
  private isWastedEnough(): boolean {
    if (this.wasted < this.settings.limits.lingerBytes) return false;
    this.writer.keepAlive = false;
    if (this.writer.done) this.startClosing();
    return true;
  }

  private requestBroke(error: Error): void {
    if (this.phase !== Phase.Exchange) return;
    this.settings.stats.malformed.inc();
    if (this.writer.answered) this.abort(error);
    else this.fail(error, error instanceof ProtocolError ? error.status : 400);
  }

  // The response.

  /** One for which the client has no room is not kept for it. */
  onInterim(status: number, headers: Headers, ctx: Ctx): void {
    if (this.phase !== Phase.Exchange || this.writer.answered || ctx.root !== this.ctx || this.wire.full) return;
    if (isInterimStatus(status)) this.writer.writeInterim(status, headers);
  }

  private answer(rep: HttpResponse): void {
    const { writer } = this;
    if (this.phase !== Phase.Exchange || writer.answered) {
      dropBody(rep.body, new CancelledError());
      return;
    }
    if (this.settings.tunnels !== undefined && this.req instanceof TunnelRequest) {
      if (rep instanceof TunnelResponse) {
        this.openTunnel(rep);
        return;
      }
      // What follows was meant for a tunnel, or may have been: it is no request.
      if (this.req.method === "CONNECT" || !this.held.isEmpty) writer.keepAlive = false;
    }
    // A client that still waits for leave to send its body will not send it, or it will: who can tell?
    if (this.owesContinue || this.owner.draining || this.settings.guard.keepsNone || this.isPastLife()) {
      writer.keepAlive = false;
    }
    if (this.eof && this.held.isEmpty) writer.keepAlive = false;
    writer.write(rep);
  }

  /** Another object reads the wire from here on; this one hears when it closes. */
  private openTunnel(rep: TunnelResponse): void {
    const { wire, writer, settings, held, ctx } = this;
    if (!writer.writeTunnel(rep)) return;
    const tunnel = new ServerTunnel(settings, ctx as Ctx, wire, this, this.eof);
    if (!held.isEmpty) tunnel.unread(held.bytes.subarray(held.start, held.end));
    held.clear();
    tunnel.open(rep);
  }

  tunnelOver(error: Error | undefined): void {
    if (this.phase !== Phase.Exchange) return;
    if (error === undefined) {
      this.ctx?.end(ok);
      this.startClosing();
    } else this.abort(error);
  }

  private callFailed(thrown: unknown): void {
    const { ctx, req } = this;
    if (this.phase !== Phase.Exchange || this.writer.answered || ctx === undefined || req === undefined) return;
    const error = asError(thrown);
    const { respond } = this.settings;
    if (respond === undefined) {
      this.fail(error, 502);
      return;
    }
    let rep: HttpResponse;
    try {
      rep = respond(error, req, ctx);
    } catch (second) {
      this.fail(asError(second), 502);
      return;
    }
    this.writer.failure = error;
    this.answer(rep);
  }

  responseEnded(): void {
    // An observer of the end may have closed the server, or the client be gone.
    if (this.phase !== Phase.Exchange) return;
    if (this.requestDone) this.next();
    else if (!this.writer.keepAlive) this.startClosing();
    else {
      this.marks++;
      if (this.body?.piped === false) this.drain();
      this.pump();
    }
  }

  responseBroke(error: Error, unsent: boolean): void {
    if (this.phase !== Phase.Exchange) return;
    if (unsent) this.fail(error, 502);
    else this.abort(error);
  }

  /** Both request and response are over. */
  private next(): void {
    this.ctx = undefined;
    this.req = undefined;
    this.body = undefined;
    this.wasted = -1;
    // Who was not told that the connection closes may have sent a request already.
    if (!this.writer.keepAlive || this.owner.closesIdle) {
      this.startClosing();
      return;
    }
    this.phase = Phase.Idle;
    this.marks++;
    if (this.owner.handsOver) this.move();
    this.pump();
  }

  onWritable(): void {
    if (this.phase === Phase.Exchange) this.writer.resume();
    this.pump();
  }

  // Failures.

  /** Answers what does not reach the service. */
  private refuse(error: ProtocolError): void {
    this.settings.stats.malformed.inc();
    this.writer.writeMinimal(error.status);
    this.startClosing();
  }

  /** Answers with a status alone in place of the response, and closes. */
  private fail(error: Error, status: number): void {
    this.phase = Phase.Closing;
    this.endExchange(error);
    this.writer.writeMinimal(status);
    this.linger();
  }

  /** Ends the exchange in such a way that the client cannot take it for whole. */
  private abort(error: Error): void {
    this.phase = Phase.Closing;
    this.endExchange(error);
    if (this.writer.endsWithClose) this.wire.reset();
    else this.wire.destroy();
  }

  /** A module threw where it may not, as an observer or a sink: that costs its request, and nobody else's. */
  private crashed(thrown: unknown): void {
    this.busy = false;
    if (this.phase === Phase.Exchange) this.abort(asError(thrown));
    else this.wire.destroy();
  }

  /** Lets go of everything below, and ends the ctx as failed if it has not ended. */
  private endExchange(error: Error): void {
    const { ctx, body } = this;
    this.ctx = undefined;
    this.req = undefined;
    this.body = undefined;
    this.requestDone = true;
    ctx?.cancel(error);
    body?.fail(error);
    if (!this.writer.done) this.writer.stop(error);
    ctx?.end(failed(error));
  }

  // The end of the connection.

  onEof(): void {
    this.eof = true;
    if (!this.busy) this.afterEof();
  }

  private afterEof(): void {
    if (this.phase !== Phase.Exchange) this.startClosing();
    else if (this.requestDone) this.askLater();
    else if (this.held.isEmpty) this.abort(new CancelledError("the client left within its request"));
  }

  /** A client may close its half and read on; one that is gone looks the same until something is sent to it. */
  private askLater(): void {
    const { ctx } = this;
    if (this.probed === ctx) return;
    this.probed = ctx;
    this.settings.clock.after(probeMs, () => {
      if (this.phase !== Phase.Exchange || this.ctx !== ctx) return;
      if (this.writer.answered || this.isOld) this.wire.probe();
      else this.writer.writeContinue();
      this.settings.clock.after(probeMs, () => {
        if (this.phase === Phase.Exchange && this.ctx === ctx) this.wire.probe();
      });
    });
  }

  onClosed(error: Error | undefined): void {
    const wasExchange = this.phase === Phase.Exchange;
    const { stats, clock } = this.settings;
    this.phase = Phase.Closed;
    this.held.clear();
    countConnection(stats, this.wire, clock.now() - this.openedMs, this.requests);
    this.owner.closed(this);
    if (wasExchange) this.endExchange(new CancelledError("the client went away", { cause: error }));
  }

  /** Writes no more. */
  private startClosing(): void {
    if (this.phase >= Phase.Closing) return;
    const wasExchange = this.phase === Phase.Exchange;
    this.phase = Phase.Closing;
    if (wasExchange) this.endExchange(connectionClosed);
    this.linger();
  }

  /** Reads on for a while behind the last response: closing at once could take back what was just written. */
  private linger(): void {
    this.marks++;
    this.wasted = 0;
    this.held.clear();
    this.wire.bulk = false;
    this.wire.end();
    this.resume();
  }

  private waste(bytes: number): void {
    this.wasted += bytes;
    if (this.phase === Phase.Closing && this.wasted > this.settings.limits.lingerBytes) this.wire.destroy();
  }

  /** The server takes no more: a connection without a response under way closes now, any other behind it. */
  drainNow(): void {
    if (this.phase <= Phase.Head) this.startClosing();
  }

  /** Another server is there for what comes. A response that is under way is finished by the present one. */
  moveIfIdle(): void {
    if (this.phase !== Phase.Exchange) this.move();
  }

  private move(): void {
    this.owner = this.owner.handOver(this);
    const { settings, head } = this.owner.serving.http1;
    this.settings = settings;
    this.head = head;
    this.watch.settings = settings;
    if (this.owner.closesIdle) this.drainNow();
  }

  destroy(): void {
    this.wire.destroy();
  }

  // Time.

  private isPastLife(): boolean {
    const { lifeTimeMs, clock } = this.settings;
    return lifeTimeMs !== Number.POSITIVE_INFINITY && clock.now() - this.openedMs >= lifeTimeMs;
  }

  /** Called every so often with the time. */
  check(nowMs: number): void {
    const { stats, limits } = this.settings;
    switch (this.watch.check(this, nowMs)) {
      case Verdict.Idle:
        stats.idle.inc();
        this.startClosing();
        return;
      case Verdict.Lifetime:
        stats.lifetime.inc();
        this.startClosing();
        return;
      case Verdict.SlowHead:
        stats.readTimeout.inc();
        this.refuse(tooSlow(`a head took longer than ${limits.headerTimeoutMs} ms`));
        return;
      case Verdict.SlowBody:
        stats.readTimeout.inc();
        this.fail(
          tooSlow(`a body was slower than ${limits.minBodyBytesPerSec} bytes/s for ${limits.bodyTimeoutMs} ms`),
          408,
        );
        return;
      case Verdict.Silent:
        stats.readTimeout.inc();
        this.wire.destroy();
        return;
      case Verdict.Stalled:
        stats.writeTimeout.inc();
        this.wire.destroy();
        return;
      case Verdict.Lingered:
        if (this.phase === Phase.Closing) this.wire.destroy();
        else this.startClosing();
        return;
      default:
        // While nothing is read, a reset shows only in a write.
        if (this.phase === Phase.Exchange && (this.paused || this.eof)) this.wire.probe();
    }
  }
}

const connectionClosed = new CancelledError("the connection is closed behind its last response");
