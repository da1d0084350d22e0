import { asError, type Clock } from "@weftmesh/core";
import { HeaderDecoder, HeaderEncoder, HpackError } from "@weftmesh/hpack";
import { StreamError } from "@weftmesh/http";
import type { FrameWire, WireReader } from "@weftmesh/wire";
import { ClosedStreams, Gone } from "./closed-streams.ts";
import type { EndpointOptions } from "./endpoint-options.ts";
import { ConnectionFault, malformedMessage } from "./errors.ts";
import { type FrameHandler, FrameReader } from "./frame-reader.ts";
import { defaultWindowBytes, ErrorCode } from "./frame-types.ts";
import { FrameWriter } from "./frame-writer.ts";
import { FrameBudget, type FrameRates } from "./rate-limits.ts";
import { ReceiveWindows } from "./receive-windows.ts";
import { SendQueue } from "./send-queue.ts";
import { PeerSettings, Setting } from "./settings.ts";
import type { Stream } from "./stream.ts";
import type { StreamHost } from "./stream-host.ts";
import { StreamTable } from "./stream-table.ts";

export interface SessionOptions {
  readonly clock: Clock;
  readonly endpoint: EndpointOptions;
  readonly rates: FrameRates;
}

/** How far a connection has come. */
export const SessionPhase = {
  Open: 0,
  /** No new streams; those that are there go on. */
  Draining: 1,
  /** Nothing is read or written any more, until the wire closes. */
  Closing: 2,
  Closed: 3,
} as const;
export type SessionPhase = (typeof SessionPhase)[keyof typeof SessionPhase];

/** Header blocks before they are decoded: no list that may be is compressed to more. */
const maxBlockBytes = 65_536;
const maxBlockFrames = 1_000;
/** A read of at least so many bytes says that more are on their way. */
const bulkReadBytes = 8_192;
/** Frames that are answers to the peer's own may wait for it up to here. */
const maxPendingBytes = 4_194_304;
/** An empty DATA frame costs the peer as much as one with so much content. */
const usefulBytes = 256;

/**
 * One connection of HTTP/2, whichever side of it we are: frames, settings, windows, and the table of streams.
 *
 * Shape: one object per connection. Nothing here allocates per frame, and what one read brings about goes out in one
 * write when the turn ends.
 * Errors: what a peer may not do ends the stream or the connection with the code of RFC 9113; nothing is thrown.
 */
export abstract class Session<S extends Stream> implements WireReader, FrameHandler, StreamHost {
  readonly wire: FrameWire;
  readonly frames: FrameWriter;
  readonly encoder: HeaderEncoder;
  readonly peer: PeerSettings = new PeerSettings();
  readonly sending: SendQueue;
  readonly receiving: ReceiveWindows;
  readonly streams: StreamTable<S> = new StreamTable();
  phase: SessionPhase = SessionPhase.Open;

  protected readonly clock: Clock;
  protected readonly endpoint: EndpointOptions;
  protected readonly decoder: HeaderDecoder;
  protected readonly reader: FrameReader;
  protected readonly budget: FrameBudget;
  protected readonly closedStreams: ClosedStreams = new ClosedStreams();
  /** The highest stream that the peer has opened. */
  protected lastPeerId = 0;
  /** What a new stream of the peer's may send; our setting, once the peer has acknowledged it. */
  inputWindow: number;
  /** Bytes of frames that were read. */
  private dataStream: S | undefined = undefined;
  private dataLength = 0;
  private dataContent = 0;

  constructor(wire: FrameWire, options: SessionOptions) {
    const { endpoint, clock } = options;
    this.wire = wire;
    this.clock = clock;
    this.endpoint = endpoint;
    this.frames = new FrameWriter(wire);
    this.encoder = new HeaderEncoder();
    this.decoder = new HeaderDecoder({
      maxTableBytes: endpoint.headerTableBytes,
      maxListBytes: endpoint.maxHeaderListBytes,
    });
    this.budget = new FrameBudget(options.rates, clock);
    this.sending = new SendQueue(this.frames, this.budget);
    this.receiving = new ReceiveWindows(this.frames, endpoint);
    this.inputWindow = Math.max(defaultWindowBytes, endpoint.initialStreamWindowBytes);
    this.reader = new FrameReader(this, { maxFrameBytes: endpoint.maxFrameBytes, maxBlockBytes, maxBlockFrames });
  }

  abstract onHeaders(id: number, endStream: boolean, bytes: Buffer, start: number, end: number): void;
  abstract onGoaway(lastId: number, code: number, bytes: Buffer, start: number, end: number): void;
  /** The peer's settings have changed. */
  protected abstract settingsChanged(): void;
  /** A stream is gone: the connection may have nothing left to do. */
  protected abstract streamGone(): void;
  /** Whether the stream was never opened by the side that may open it. */
  protected abstract isIdle(id: number): boolean;
  /** The peer made us reset a stream, or did so itself. */
  protected abstract peerReset(stream: S): void;
  protected abstract pingAcked(): void;
  /** The connection ends: streams below hear the error. */
  protected abstract lossOf(cause: Error): Error;

  /** The first frames of either side. */
  protected open(settings: (readonly [id: number, value: number])[]): void {
    const { endpoint, frames } = this;
    if (endpoint.initialStreamWindowBytes !== defaultWindowBytes) {
      settings.push([Setting.InitialWindowSize, endpoint.initialStreamWindowBytes]);
    }
    if (endpoint.headerTableBytes !== 4_096) settings.push([Setting.HeaderTableSize, endpoint.headerTableBytes]);
    if (endpoint.maxFrameBytes !== 16_384) settings.push([Setting.MaxFrameSize, endpoint.maxFrameBytes]);
    if (Number.isFinite(endpoint.maxHeaderListBytes)) {
      settings.push([Setting.MaxHeaderListSize, Math.min(endpoint.maxHeaderListBytes, 2 ** 32 - 1)]);
    }
    frames.settings(settings);
    this.receiving.open();
  }

  // What comes in.

  /** Reads frames. False when the connection broke over them. */
  protected readFrames(bytes: Buffer, start: number, end: number): boolean {
    const { receiving } = this;
    receiving.beginRead();
    try {
      this.reader.read(bytes, start, end);
    } catch (thrown) {
      this.broke(thrown);
      return false;
    }
    receiving.endRead();
    this.wire.bulk = end >= bulkReadBytes;
    return true;
  }

  onDataFrame(id: number, length: number): void {
    this.receiving.use(length);
    this.dataLength = length;
    this.dataContent = 0;
    this.dataStream = undefined;
    const stream = this.streams.get(id);
    if (stream === undefined) {
      this.strayFrame(id, "DATA");
      return;
    }
    const { input } = stream;
    if (stream.remoteEnded) stream.broke(closedByPeer(), ErrorCode.StreamClosed);
    else if (input === undefined)
      stream.broke(malformedMessage("content came before headers"), ErrorCode.ProtocolError);
    else if (input.use(length)) this.dataStream = stream;
    else stream.broke(overrun(), ErrorCode.FlowControlError);
  }

  onDataBytes(bytes: Buffer, start: number, end: number): void {
    this.dataContent += end - start;
    const stream = this.dataStream;
    if (stream !== undefined && !stream.gone) stream.content(bytes, start, end);
  }

  onDataEnd(endStream: boolean): void {
    const stream = this.dataStream;
    const { dataContent } = this;
    this.dataStream = undefined;
    if (dataContent >= usefulBytes) this.budget.useful();
    else if (dataContent === 0 && !endStream) this.budget.emptyData();
    if (stream === undefined || stream.gone) return;
    stream.input?.giveBack(this.dataLength - dataContent);
    if (endStream) stream.remoteEnd(undefined);
  }

  onPriority(id: number, dependsOn: number, isValid: boolean): void {
    this.budget.ignored();
    if (isValid && dependsOn !== id) return;
    const code = isValid ? ErrorCode.ProtocolError : ErrorCode.FrameSizeError;
    // What nobody opened cannot be reset.
    if (this.streams.get(id) === undefined && this.isIdle(id)) throw new ConnectionFault(code, "a PRIORITY is wrong");
    this.streamFault(id, code, "a PRIORITY is wrong");
  }

  onReset(id: number, code: number): void {
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw onIdle("RST_STREAM", id);
      return;
    }
    this.peerReset(stream);
    this.removeStream(stream, false);
    stream.lost(this.resetBy(code));
    this.streamGone();
  }

  /** What the streams of this side hear when the peer resets them. */
  protected abstract resetBy(code: number): Error;

  onSettings(ack: boolean, bytes: Buffer, start: number, end: number): void {
    if (ack) {
      this.settingsAcked();
      return;
    }
    this.budget.settings();
    const { peer } = this;
    const before = peer.initialWindowBytes;
    peer.read(bytes, start, end, this.isClient, this.encoder);
    const change = peer.initialWindowBytes - before;
    if (change !== 0) this.shiftWindows(change);
    this.reply();
    this.frames.settingsAck();
    this.settingsChanged();
  }

  /** The peer is a server. */
  protected abstract readonly isClient: boolean;

  private shiftWindows(change: number): void {
    for (const stream of this.streams.list()) {
      if (!stream.openWindow(change)) {
        throw new ConnectionFault(ErrorCode.FlowControlError, "INITIAL_WINDOW_SIZE makes a window too large");
      }
    }
  }

  /** From now on the peer goes by our window. */
  protected settingsAcked(): void {
    this.decoder.settingsAcknowledged();
    const change = this.endpoint.initialStreamWindowBytes - this.inputWindow;
    if (change === 0) return;
    this.inputWindow += change;
    for (const stream of this.streams.list()) stream.input?.shift(change);
  }

  onPing(ack: boolean, bytes: Buffer, start: number): void {
    this.budget.ping();
    if (ack) {
      this.pingAcked();
      return;
    }
    this.reply();
    this.frames.ping(true, bytes, start);
  }

  onWindowUpdate(id: number, increment: number): void {
    this.budget.windowUpdate();
    if (id === 0) {
      if (increment === 0) throw new ConnectionFault(ErrorCode.ProtocolError, "a WINDOW_UPDATE opens nothing");
      this.sending.open(increment);
      return;
    }
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw onIdle("WINDOW_UPDATE", id);
    } else if (increment === 0) {
      stream.broke(malformedMessage("a WINDOW_UPDATE opens nothing"), ErrorCode.ProtocolError);
    } else if (!stream.openWindow(increment)) stream.broke(overrun(), ErrorCode.FlowControlError);
  }

  onUnknown(): void {
    this.budget.ignored();
  }

  onWritable(): void {
    this.sending.pump();
  }

  /** A frame for a stream that is not there. Errors: `ConnectionFault` unless it may still come. */
  protected strayFrame(id: number, frame: string): void {
    if (this.isIdle(id)) throw onIdle(frame, id);
    const gone = this.closedStreams.find(id);
    if (gone === Gone.ResetByUs) return;
    if (gone === Gone.Closed)
      throw new ConnectionFault(ErrorCode.StreamClosed, `a ${frame} came for closed stream ${id}`);
    this.streamFault(id, ErrorCode.StreamClosed, `a ${frame} came for closed stream ${id}`);
  }

  /** What is wrong concerns one stream, whether it is there or not. */
  protected streamFault(id: number, code: number, why: string): void {
    const stream = this.streams.get(id);
    if (stream !== undefined) {
      stream.broke(new StreamError(code, why, { remote: false }), code);
      return;
    }
    this.budget.reset();
    // Once is enough (RFC 9113 section 5.4.2): the peer has not heard of it yet.
    if (this.closedStreams.find(id) === Gone.ResetByUs) return;
    this.reply();
    this.frames.reset(id, code);
    this.closedStreams.add(id, true);
  }

  /** Something is to be written only because the peer asked for it. Errors: `ConnectionFault` when it reads none of it. */
  protected reply(): void {
    if (!this.wire.full || this.wire.pending < maxPendingBytes) return;
    throw new ConnectionFault(ErrorCode.EnhanceYourCalm, `more than ${maxPendingBytes} bytes wait to be read`);
  }

  // Streams.

  closeStream(stream: Stream): void {
    this.removeStream(stream as S, false);
    this.streamGone();
  }

  resetStream(stream: Stream, http2Code: number): void {
    if (stream.gone) return;
    this.removeStream(stream as S, true);
    if (this.phase < SessionPhase.Closing) this.frames.reset(stream.id, http2Code);
    this.streamGone();
  }

  protected removeStream(stream: S, resetByUs: boolean): void {
    stream.gone = true;
    this.streams.delete(stream.id);
    this.closedStreams.add(stream.id, resetByUs);
  }

  // Ends.

  private broke(thrown: unknown): void {
    let fault: ConnectionFault;
    if (thrown instanceof ConnectionFault) fault = thrown;
    else if (thrown instanceof HpackError) fault = new ConnectionFault(ErrorCode.CompressionError, thrown.message);
    else fault = new ConnectionFault(ErrorCode.InternalError, asError(thrown).message);
    this.fail(fault);
  }

  /** Ends the connection and all of its streams. */
  fail(fault: ConnectionFault): void {
    if (this.phase >= SessionPhase.Closing) return;
    this.frames.goaway(this.lastPeerId, fault.http2Code, fault.message);
    this.shut(fault);
  }

  /** Writes no more, and lets the streams know. */
  protected shut(cause: Error): void {
    if (this.phase >= SessionPhase.Closing) return;
    this.phase = SessionPhase.Closing;
    this.loseStreams(cause);
    this.wire.bulk = false;
    this.wire.end();
  }

  protected loseStreams(cause: Error): void {
    if (this.streams.size === 0) return;
    const error = this.lossOf(cause);
    const all = this.streams.list();
    this.streams.clear();
    for (const stream of all) stream.gone = true;
    for (const stream of all) stream.lost(error);
  }

  abstract onBytes(bytes: Buffer, end: number): void;
  abstract onEof(): void;
  abstract onClosed(error: Error | undefined): void;
}

function onIdle(frame: string, id: number): ConnectionFault {
  return new ConnectionFault(ErrorCode.ProtocolError, `a ${frame} came for stream ${id}, which nobody opened`);
}

function closedByPeer(): StreamError {
  return new StreamError(ErrorCode.StreamClosed, "a frame came behind the end of its stream", { remote: false });
}

function overrun(): StreamError {
  return new StreamError(ErrorCode.FlowControlError, "a window was overrun", { remote: false });
}
