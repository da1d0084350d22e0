import type { Connection } from "@weftmesh/http";
import {
  type ConnectionOwner,
  countConnection,
  type FrameWire,
  type ServedConnection,
  type WireReader,
} from "@weftmesh/wire";
import type { HttpServing } from "./http-serving.ts";

/** What a client that speaks HTTP/2 sends first (RFC 9113 section 3.4). */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const none = Buffer.alloc(0);
/** Whoever sends a longer first line is told by HTTP/1.1 what is wrong with it. */
const maxLineBytes = 8_192;

/**
 * A connection that has not shown yet what it speaks: reads until its bytes are HTTP/2's preface, or cannot become it.
 *
 * Shape: stands for the connection at its owner until then, and another object from there on. A client that sends part
 * of a preface has as long for the rest as for the head of a request.
 */
export class PrefaceReader implements WireReader, ServedConnection {
  private owner: ConnectionOwner<HttpServing>;
  private readonly wire: FrameWire;
  private readonly connection: Connection;
  private readonly openedMs: number;
  /** When the first byte came. */
  private begunMs: number | undefined = undefined;
  private held: Buffer = none;

  constructor(owner: ConnectionOwner<HttpServing>, wire: FrameWire, connection: Connection) {
    this.owner = owner;
    this.wire = wire;
    this.connection = connection;
    this.openedMs = owner.serving.clock.now();
  }

  onBytes(bytes: Buffer, end: number): void {
    const { held } = this;
    const from = held.length;
    const count = Math.min(end, preface.length - from);
    const isPreface = preface.compare(bytes, 0, count, from, from + count) === 0;
    if (isPreface && from + count < preface.length) {
      this.begunMs ??= this.owner.serving.clock.now();
      this.held = Buffer.concat([held, bytes.subarray(0, end)]);
      return;
    }
    const served = this.begin(isPreface || this.isNeither(bytes, end));
    this.held = none;
    if (from > 0) served.onBytes(held, from);
    served.onBytes(bytes, end);
  }

  /** Where HTTP/1.1 is there for its upgrades alone, what is no request of it is told so in HTTP/2. */
  private isNeither(bytes: Buffer, end: number): boolean {
    if (this.owner.serving.takesHttp1) return false;
    const text = this.held.toString("latin1") + bytes.toString("latin1", 0, Math.min(end, maxLineBytes));
    const line = text.indexOf("\n");
    return line !== -1 && !/ HTTP\/1\.[01]\r?$/.test(text.slice(0, line));
  }

  private begin(isHttp2: boolean): WireReader {
    const { owner, wire, connection } = this;
    const { http1, http2 } = owner.serving;
    const served = (isHttp2 ? http2 : http1).begin(owner, wire, connection);
    owner.replace(this, served);
    return served;
  }

  onEof(): void {
    this.wire.end();
  }

  onWritable(): void {}

  onClosed(): void {
    const { stats, clock } = this.owner.serving;
    stats.connects.inc();
    countConnection(stats, this.wire, clock.now() - this.openedMs, 0);
    stats.receivedBytes.inc(this.wire.received);
    this.owner.closed(this);
  }

  moveIfIdle(): void {
    this.owner = this.owner.handOver(this);
    if (this.owner.closesIdle) this.drainNow();
  }

  drainNow(): void {
    this.wire.destroy();
  }

  destroy(): void {
    this.wire.destroy();
  }

  check(nowMs: number): void {
    const { idleTimeMs, lifeTimeMs, readTimeoutMs, limits } = this.owner.serving.http1.settings;
    const { stats } = this.owner.serving;
    const silentMs = nowMs - (this.begunMs ?? this.openedMs);
    if (this.begunMs !== undefined) {
      if (silentMs < Math.min(limits.headerTimeoutMs, readTimeoutMs)) return;
      stats.readTimeout.inc();
    } else if (silentMs >= readTimeoutMs) stats.readTimeout.inc();
    else if (silentMs >= idleTimeMs) stats.idle.inc();
    else if (silentMs >= lifeTimeMs) stats.lifetime.inc();
    else return;
    this.wire.destroy();
  }
}
