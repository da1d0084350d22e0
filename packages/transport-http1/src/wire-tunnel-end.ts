import { type Body, type BodySink, type Flow, Full, Retained, Taken, type TunnelEnd } from "@weftmesh/http";
import type { Counter } from "@weftmesh/telemetry";
import type { Wire, WireReader } from "@weftmesh/wire";
import { HeldBytes } from "./held-bytes.ts";

/** The connection that a tunnel took over. */
export interface TunnelOwner {
  /** Both ways have ended, or with an error the tunnel broke. Comes once. */
  tunnelOver(error: Error | undefined): void;
  /** Why the tunnel breaks when the wire closes before both ways have ended. */
  tunnelLost(cause: Error | undefined): Error;
  /** The wire closed. */
  onClosed(error: Error | undefined): void;
}

export interface TunnelCounts {
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
}

/** A read of at least this many bytes says that more are on their way. */
const bulkReadBytes = 8_192;

/**
 * A connection as the end of a tunnel: what the wire brings is a body, and a body is what the wire is given.
 *
 * Shape: reads the wire in its connection's place, from when it is made; nothing is read until somebody pipes what
 * comes. Neither way holds more than one read and what the wire itself lets wait.
 * Cost: two objects per connection; a read costs a copy unless reads are large.
 */
export class WireTunnelEnd implements TunnelEnd, Body, Flow, BodySink, WireReader {
  readonly length: undefined = undefined;
  private readonly owner: TunnelOwner;
  private readonly wire: Wire;
  private readonly counts: TunnelCounts;
  /** Came before anybody piped. */
  private readonly early: HeldBytes = new HeldBytes();
  private sink: BodySink | undefined = undefined;
  private source: Flow | undefined = undefined;
  private isPiped = false;
  /** The sink takes no more for now. */
  private isFull = false;
  /** The peer sends no more; whoever pipes has heard of it. */
  private peerEnded = false;
  private toldEnd = false;
  /** What goes to the peer has ended. */
  private sentEnd = false;
  private over = false;
  /** Why nothing comes any more, for a sink that is still to come. */
  private failure: Error | undefined = undefined;

  /** `peerEnded` says that the peer ended its half before this took over. */
  constructor(owner: TunnelOwner, wire: Wire, counts: TunnelCounts, peerEnded: boolean) {
    this.owner = owner;
    this.wire = wire;
    this.counts = counts;
    this.peerEnded = peerEnded;
    wire.pause();
    wire.readBy(this);
  }

  get incoming(): Body {
    return this;
  }

  /** Bytes that came along with the head, in memory that stays as it is. */
  unread(bytes: Buffer): void {
    this.early.append(bytes, bytes.length);
  }

  // What comes from the peer.

  pipe(sink: BodySink): Flow {
    if (this.isPiped) throw new TypeError("a body is piped once");
    this.isPiped = true;
    if (this.failure !== undefined) {
      sink.onError(this.failure);
      return this;
    }
    this.sink = sink;
    this.goOn();
    return this;
  }

  resume(): void {
    if (!this.isFull) return;
    this.isFull = false;
    this.goOn();
  }

  stop(reason: Error): void {
    this.sink = undefined;
    this.break(reason);
  }

  private goOn(): void {
    const { early } = this;
    if (!early.isEmpty) {
      const bytes = early.bytes.subarray(early.start, early.end);
      early.clear();
      this.give(bytes);
    }
    if (this.isFull || this.over) return;
    if (this.peerEnded) this.end();
    else this.wire.resume();
  }

  private give(bytes: Buffer): number {
    const flags = this.sink?.onData(bytes) ?? Taken;
    if ((flags & Full) !== 0) {
      this.isFull = true;
      this.wire.pause();
    }
    return flags;
  }

  private end(): void {
    if (this.toldEnd) return;
    this.toldEnd = true;
    const { sink } = this;
    this.sink = undefined;
    sink?.onEnd(undefined);
    this.settle();
  }

  onBytes(bytes: Buffer, end: number): void {
    this.counts.receivedBytes.inc(end);
    const { wire } = this;
    wire.bulk = end >= bulkReadBytes;
    const chunk = wire.chunk(bytes, 0, end);
    if (this.sink === undefined || this.isFull) {
      if (!this.over) this.unread(chunk);
      return;
    }
    if ((this.give(chunk) & Retained) !== 0) wire.retain(bytes);
  }

  onEof(): void {
    this.peerEnded = true;
    if (this.sink !== undefined && !this.isFull && this.early.isEmpty) this.end();
  }

  // What goes to the peer.

  send(outgoing: Body): void {
    if (this.over) {
      outgoing.pipe(this).stop(this.failure as Error);
      return;
    }
    this.source = outgoing.pipe(this);
    if (this.failure !== undefined) this.source.stop(this.failure);
  }

  onData(chunk: Uint8Array): number {
    if (this.over || this.sentEnd) return Taken;
    this.counts.sentBytes.inc(chunk.length);
    return this.wire.writeBytes(chunk);
  }

  onEnd(): void {
    if (this.over || this.sentEnd) return;
    this.sentEnd = true;
    this.wire.end();
    this.settle();
  }

  onError(error: Error): void {
    this.source = undefined;
    this.break(error);
  }

  onWritable(): void {
    this.source?.resume();
  }

  // Ends.

  onClosed(error: Error | undefined): void {
    if (!this.over) this.fail(this.owner.tunnelLost(error));
    this.owner.onClosed(error);
  }

  /** Closes the connection in such a way that the peer cannot take it for the end of what was sent. */
  break(reason: Error): void {
    if (this.over) return;
    this.wire.reset();
    this.fail(reason);
  }

  private fail(reason: Error): void {
    this.over = true;
    this.failure = reason;
    const { sink, source } = this;
    this.sink = undefined;
    this.source = undefined;
    this.early.clear();
    sink?.onError(reason);
    source?.stop(reason);
    this.owner.tunnelOver(reason);
  }

  private settle(): void {
    if (this.over || !this.toldEnd || !this.sentEnd) return;
    this.over = true;
    this.owner.tunnelOver(undefined);
  }
}
