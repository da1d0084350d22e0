import { CancelledError, Ctx } from "@weftmesh/core";
import {
  AbsoluteFormKey,
  type Body,
  type Connection,
  ConnectionKey,
  emptyBody,
  type Headers,
  HttpRequest,
  TunnelRequest,
} from "@weftmesh/http";
import { type ConnectionOwner, countConnection, type FrameWire, type ServedConnection } from "@weftmesh/wire";
import { Gone } from "./closed-streams.ts";
import { noLength } from "./content-length.ts";
import { DowngradedStream } from "./downgraded-stream.ts";
import { ConnectionFault, leftByClient, malformedMessage } from "./errors.ts";
import { ErrorCode, maxStreamId, preface } from "./frame-types.ts";
import { Http2Request } from "./http2-request.ts";
import type { ServesHttp2 } from "./http2-serving.ts";
import { downgradedHeaders, type OrigProto, origProto, takeMark } from "./orig-proto.ts";
import { hasUnderscore, RequestFields, TrailerFields } from "./request-fields.ts";
import type { Http2ServerSettings } from "./server-settings.ts";
import { ServerStream, type ServerStreamHost } from "./server-stream.ts";
import { ServerWatch, type WatchedSession } from "./server-watch.ts";
import { Session, SessionPhase } from "./session.ts";
import { Setting } from "./settings.ts";
import { statusField } from "./status-field.ts";
import { StreamInput } from "./stream-input.ts";
import { keyField } from "./websocket.ts";

/** A block is decoded as soon as it is whole, so one of each serves all connections. */
const request = new RequestFields();
const trailers = new TrailerFields();
const drainPing = Buffer.from("draining", "latin1");
/** How long a half-closed client is given before it is asked whether it is still there. */
const probeMs = 20;

/** One connection of a client: its requests, each with a ctx of its own, and their responses. */
export class ServerSession extends Session<ServerStream> implements ServerStreamHost, ServedConnection, WatchedSession {
  requests = 0;
  silentStreams = 0;
  readonly openedMs: number;
  settings: Http2ServerSettings;
  protected readonly isClient = false;

  private readonly watch: ServerWatch;
  private owner: ConnectionOwner<ServesHttp2>;
  private readonly connection: Connection;
  /** Bytes of the preface that have come. */
  private begun = 0;
  /** What the last GOAWAY promised to serve. */
  private servesUpTo: number = maxStreamId;
  private toldLimit = false;
  private refusedUntold = 0;
  private openHeaderBytes = 0;
  private eof = false;
  /** We said that extended CONNECT is taken. */
  private readonly takesProtocols: boolean;

  /** `wasHttp1` says that the connection was counted when it came. */
  constructor(owner: ConnectionOwner<ServesHttp2>, wire: FrameWire, connection: Connection, wasHttp1 = false) {
    const { settings } = owner.serving.http2;
    super(wire, settings);
    this.owner = owner;
    this.settings = settings;
    this.connection = connection;
    this.openedMs = settings.clock.now();
    this.watch = new ServerWatch(settings, this.openedMs);
    if (!wasHttp1) settings.stats.connects.inc();
    const first: [number, number][] = [[Setting.MaxConcurrentStreams, settings.limits.maxConcurrentStreams]];
    this.takesProtocols = settings.tunnels !== undefined && settings.tunnels.upgrades.size > 0;
    if (this.takesProtocols) first.push([Setting.EnableConnectProtocol, 1]);
    this.open(first);
  }

  onBytes(bytes: Buffer, end: number): void {
    this.settings.stats.receivedBytes.inc(end);
    if (this.phase >= SessionPhase.Closing) return;
    let start = 0;
    if (this.begun < preface.length) {
      start = this.readPreface(bytes, end);
      if (start === -1) return;
    }
    this.readFrames(bytes, start, end);
  }

  private readPreface(bytes: Buffer, end: number): number {
    const count = Math.min(end, preface.length - this.begun);
    if (preface.compare(bytes, 0, count, this.begun, this.begun + count) !== 0) {
      this.settings.stats.malformed.inc();
      this.fail(new ConnectionFault(ErrorCode.ProtocolError, "the connection does not begin as HTTP/2 does"));
      return -1;
    }
    this.begun += count;
    return count;
  }

  // Requests.

  /** The connection came from HTTP/1.1: its request is stream 1, and whole (RFC 7540 section 3.2). */
  upgraded(req: HttpRequest, settings: Buffer): void {
    this.peer.read(settings, 0, settings.length, false, this.encoder);
    this.lastPeerId = 1;
    const ctx = new Ctx();
    ctx.set(ConnectionKey, this.connection);
    const stream = new ServerStream(1, this, ctx, 0);
    stream.remoteEnded = true;
    this.streams.add(stream);
    if (this.owner.draining || this.settings.guard.keepsNone) this.drain();
    this.requests++;
    stream.serve(req, this.settings, false);
  }

  onHeaders(id: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    const stream = this.streams.get(id);
    if (stream !== undefined) this.onTrailers(stream, endStream, bytes, start, end);
    else if (id > this.lastPeerId) this.onRequest(id, endStream, bytes, start, end);
    else this.onLateHeaders(id, bytes, start, end);
  }

  private onRequest(id: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    if ((id & 1) === 0) throw new ConnectionFault(ErrorCode.ProtocolError, `a client opened stream ${id}`);
    this.lastPeerId = id;
    const { limits, stats } = this.settings;
    if (id > this.servesUpTo) {
      this.decoder.skip(bytes, start, end);
      this.closedStreams.add(id, true);
      return;
    }
    if (this.streams.size >= limits.maxConcurrentStreams || this.openHeaderBytes > limits.maxOpenHeaderBytes) {
      this.decoder.skip(bytes, start, end);
      this.refuse(id);
      return;
    }
    request.begin();
    if (!this.decoder.decode(bytes, start, end, request)) {
      stats.malformed.inc();
      this.answerBare(id, 431, endStream);
      return;
    }
    request.finish(this.takesProtocols);
    if (endStream && request.length > 0) request.fault ??= "it has a content-length and no content";
    if (this.reader.dependsOnItself) request.fault ??= "its stream depends on itself";
    if (request.fault !== undefined) {
      stats.malformed.inc();
      this.streamFault(id, ErrorCode.ProtocolError, request.fault);
    } else if (request.fields.length > limits.maxHeaderFields) {
      stats.malformed.inc();
      this.answerBare(id, 431, endStream);
    } else if (limits.refuseUnderscores && hasUnderscore(request.fields)) {
      stats.malformed.inc();
      this.answerBare(id, 400, endStream);
    } else if (request.method?.value === "CONNECT" && !this.tunnelIsAllowed()) {
      this.answerBare(id, request.protocol === undefined ? 405 : 501, endStream);
    } else if (!endStream && this.silentStreams >= limits.maxSilentStreams) this.refuse(id);
    else this.begin(id, endStream);
  }

  private begin(id: number, endStream: boolean): void {
    const { settings } = this;
    const { method, authority, path, scheme, listBytes, length } = request;
    const ctx = new Ctx();
    ctx.set(ConnectionKey, this.connection);
    const { headers } = request;
    const isMarked = settings.downgrade !== undefined && headers.has(origProto);
    const mark = isMarked ? takeMark(headers) : undefined;
    const isDowngraded = mark !== undefined && method?.value !== "CONNECT";
    const stream = new (isDowngraded ? DowngradedStream : ServerStream)(id, this, ctx, listBytes);
    let body: Body = emptyBody;
    if (endStream) stream.remoteEnded = true;
    else {
      const known = length === noLength ? undefined : length;
      stream.input = new StreamInput(stream, this.receiving, known, this.inputWindow);
      body = stream.input;
    }
    this.streams.add(stream);
    if (this.owner.draining || settings.guard.keepsNone) this.drain();
    this.openHeaderBytes += listBytes;
    this.requests++;
    this.budget.useful();
    const isSecure = this.connection.secure || scheme?.value === "https";
    if (method?.value === "CONNECT") {
      stream.serve(tunnelRequest(isSecure ? "https" : "http", headers), settings, false);
      return;
    }
    if (isDowngraded) {
      if (mark.isAbsolute) ctx.set(AbsoluteFormKey, true);
      const { expectsContinue } = request;
      stream.serve(downgradedRequest(mark, this.connection.secure, headers, body), settings, expectsContinue);
      return;
    }
    const req = new Http2Request(
      method as NonNullable<typeof method>,
      isSecure ? "https" : "http",
      authority,
      request.authorityText,
      path,
      headers,
      body,
    );
    stream.serve(req, settings, request.expectsContinue);
  }

  private tunnelIsAllowed(): boolean {
    const { tunnels } = this.settings;
    if (request.protocol === undefined) return tunnels?.connect === true;
    return tunnels?.upgrades.has(request.protocol.value.toLowerCase()) === true;
  }

  private onTrailers(stream: ServerStream, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    trailers.begin();
    const fits = this.decoder.decode(bytes, start, end, trailers);
    if (stream.remoteEnded) {
      stream.broke(malformedMessage("headers came behind the end of a request"), ErrorCode.StreamClosed);
    } else if (!endStream) {
      stream.broke(malformedMessage("trailers do not end their request"), ErrorCode.ProtocolError);
    } else if (!fits || trailers.fault !== undefined) {
      stream.broke(malformedMessage(trailers.fault ?? "trailers are too long"), ErrorCode.ProtocolError);
    } else if (this.settings.limits.refuseUnderscores && hasUnderscore(trailers.fields)) {
      stream.broke(malformedMessage("a name among its trailers has a _"), ErrorCode.ProtocolError);
    } else stream.remoteEnd(trailers.headers);
  }

  /** Headers on a stream that is not there any more, or was left out. */
  private onLateHeaders(id: number, bytes: Buffer, start: number, end: number): void {
    this.decoder.skip(bytes, start, end);
    const gone = this.closedStreams.find(id);
    if (gone === Gone.ResetByUs) return;
    const code = gone === Gone.Closed ? ErrorCode.StreamClosed : ErrorCode.ProtocolError;
    throw new ConnectionFault(code, `headers came for stream ${id}, which is closed`);
  }

  private refuse(id: number): void {
    // A client that could know the limit has no reason to try; what another one had on its way is not without end.
    if (this.toldLimit || ++this.refusedUntold > this.settings.limits.maxConcurrentStreams) this.budget.reset();
    this.reply();
    this.frames.reset(id, ErrorCode.RefusedStream);
    this.closedStreams.add(id, true);
  }

  /** An answer to what is no request, or none that is served. */
  private answerBare(id: number, status: number, endStream: boolean): void {
    this.reply();
    this.encoder.begin();
    this.encoder.field(statusField(status));
    this.frames.headers(id, true, this.encoder, nowhere);
    if (!endStream) this.frames.reset(id, ErrorCode.NoError);
    this.closedStreams.add(id, !endStream);
  }

  streamBroke(): void {
    this.settings.stats.malformed.inc();
    this.budget.reset();
  }

  protected override peerReset(stream: ServerStream): void {
    if (!stream.answered) this.budget.reset();
  }

  protected resetBy(code: number): Error {
    return leftByClient(code);
  }

  protected override settingsAcked(): void {
    super.settingsAcked();
    this.toldLimit = true;
  }

  protected settingsChanged(): void {}

  protected isIdle(id: number): boolean {
    return id > this.lastPeerId || (id & 1) === 0;
  }

  protected override removeStream(stream: ServerStream, resetByUs: boolean): void {
    this.openHeaderBytes -= stream.listBytes;
    if (stream.answered && stream.outputOver) this.budget.answered();
    super.removeStream(stream, resetByUs);
  }

  protected streamGone(): void {
    if (this.streams.size > 0) return;
    if (this.phase === SessionPhase.Draining || this.eof) this.finish();
    else if (this.owner.handsOver) this.moveIfIdle();
    else if (this.owner.closesIdle) this.drain();
  }

  onGoaway(): void {
    // The client opens no more streams; those that are there go on.
    this.drain();
  }

  protected lossOf(cause: Error): Error {
    return cause;
  }

  // Ends.

  moveIfIdle(): void {
    if (this.streams.size > 0 || this.phase !== SessionPhase.Open) return;
    this.owner = this.owner.handOver(this);
    this.settings = this.owner.serving.http2.settings;
    this.watch.settings = this.settings;
    if (this.owner.closesIdle) this.drainNow();
  }

  drainNow(): void {
    this.drain();
  }

  check(nowMs: number): void {
    this.watch.check(this, nowMs);
  }

  get isWithinFrame(): boolean {
    return this.reader.isWithin || this.begun < preface.length || !this.peer.known;
  }

  get owesAck(): boolean {
    return !this.toldLimit && this.peer.known;
  }

  get framesRead(): number {
    return this.reader.count;
  }

  get isAwaited(): boolean {
    return this.owner.handsOver;
  }

  /** Serves what is under way, and takes no more: first of all it says so, and lets arrive what is on its way. */
  drain(): void {
    if (this.phase !== SessionPhase.Open) return;
    this.phase = SessionPhase.Draining;
    this.frames.goaway(maxStreamId, ErrorCode.NoError, "");
    this.frames.ping(false, drainPing, 0);
  }

  /** What was on its way when the client heard of the end has come. */
  protected pingAcked(): void {
    if (this.phase === SessionPhase.Draining) this.endDrain();
  }

  endDrain(): void {
    if (this.servesUpTo !== maxStreamId) return;
    this.servesUpTo = this.lastPeerId;
    this.frames.goaway(this.lastPeerId, ErrorCode.NoError, "");
    this.streamGone();
  }

  /** Nothing is left to be done. */
  private finish(): void {
    if (this.phase === SessionPhase.Draining && this.servesUpTo === maxStreamId && !this.eof) return;
    this.shut(connectionClosed);
  }

  onEof(): void {
    this.eof = true;
    if (this.phase >= SessionPhase.Closing) return;
    for (const stream of this.streams.list()) {
      if (!stream.remoteEnded) stream.broke(new CancelledError("the client left within its request"), ErrorCode.Cancel);
    }
    if (this.streams.size === 0) this.finish();
    else this.askLater();
  }

  /** A client may close its half and read on; one that is gone looks the same until something is sent to it. */
  private askLater(): void {
    this.frames.ping(false, drainPing, 0);
    this.clock.after(probeMs, () => this.wire.probe());
  }

  onClosed(error: Error | undefined): void {
    const { stats } = this.settings;
    this.phase = SessionPhase.Closed;
    countConnection(stats, this.wire, this.clock.now() - this.openedMs, this.requests);
    stats.sentBytes.inc(this.wire.sent);
    this.owner.closed(this);
    this.loseStreams(new CancelledError("the client went away", { cause: error }));
  }

  destroy(): void {
    this.wire.destroy();
  }
}

/** Extended CONNECT is what `GET` with `Upgrade` is in HTTP/1 (RFC 8441 section 5). */
function tunnelRequest(scheme: "http" | "https", headers: Headers): TunnelRequest {
  const { protocol, path, authorityText } = request;
  const protocols = protocol === undefined ? [] : [protocol.value];
  const method = protocol === undefined ? "CONNECT" : "GET";
  if (protocol?.value.toLowerCase() === "websocket") headers.setField(keyField());
  return new TunnelRequest("2", method, scheme, authorityText, path?.value ?? "/", headers, protocols);
}

/** Whether it came through TLS is said by the connection alone, as in HTTP/1. */
function downgradedRequest({ version }: OrigProto, isSecure: boolean, headers: Headers, body: Body): HttpRequest {
  const { method, authorityText, path, fields } = request;
  const restored = downgradedHeaders(version, authorityText, headers, fields);
  const [verb, target] = [method?.value as string, path?.value as string];
  return new HttpRequest(version, verb, isSecure ? "https" : "http", authorityText, target, restored, body);
}

const nowhere = { at: -1, base: 0 };
const connectionClosed = new CancelledError("the connection is closed");
