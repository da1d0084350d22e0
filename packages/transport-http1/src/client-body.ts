import { type Body, type BodySink, type Flow, Full, type Headers, Taken } from "@weftmesh/http";
import { RequestError, type Wire } from "@weftmesh/wire";
import { chunkEnd, chunkHead, lastChunk } from "./chunked.ts";

/** Whose request it is. */
export interface RequestBodyOwner {
  /** All of it was given to the wire. */
  requestSent(): void;
  /** The source failed, or is not as long as it said. */
  requestFailed(error: Error): void;
}

/**
 * Writes the body of a request behind its head: one object per request that has a body, so that a source that goes on
 * after the end can do no harm to the next request on the connection.
 */
export class RequestBody implements BodySink {
  private readonly owner: RequestBodyOwner;
  private readonly wire: Wire;
  /** The head, until it is written: with the first bytes, or without them when they let wait. */
  private head: string;
  /** Bytes that are still to come; undefined when the body is chunked. */
  private remaining: number | undefined = undefined;
  private flow: Flow | undefined = undefined;
  private full = false;
  private over = false;

  constructor(owner: RequestBodyOwner, wire: Wire, head: string) {
    this.owner = owner;
    this.wire = wire;
    this.head = head;
  }

  /** `length` is what the head says of the body; undefined when that is chunked. */
  start(body: Body, length: number | undefined): void {
    this.remaining = length;
    const flow = body.pipe(this);
    if (this.over) {
      if (this.stopReason !== undefined) flow.stop(this.stopReason);
      return;
    }
    this.flow = flow;
    this.sendHead();
  }

  /** Set when it was stopped before the source gave its flow. */
  private stopReason: Error | undefined = undefined;

  /** Wants no more of the source. */
  stop(reason: Error): void {
    if (this.over) return;
    this.over = true;
    if (this.flow === undefined) this.stopReason = reason;
    else this.flow.stop(reason);
  }

  writable(): void {
    if (!this.full || this.over) return;
    this.full = false;
    this.flow?.resume();
  }

  onData(chunk: Uint8Array): number {
    const { length } = chunk;
    if (this.over || length === 0) return Taken;
    const { wire, head, remaining } = this;
    this.head = "";
    let flags: number;
    if (remaining === undefined) flags = wire.writeAround(head + chunkHead(length), chunk, chunkEnd);
    else {
      if (length > remaining) {
        this.fail(new RequestError("the body of the request is longer than it said"));
        return Taken;
      }
      this.remaining = remaining - length;
      flags = head === "" ? wire.writeBytes(chunk) : wire.writeAround(head, chunk, "");
    }
    if ((flags & Full) !== 0) this.full = true;
    return flags;
  }

  onEnd(trailers: Headers | undefined): void {
    if (this.over) return;
    if (this.remaining === undefined) {
      this.wire.writeText(this.head + lastChunk(trailers));
      this.head = "";
    } else if (this.remaining > 0) {
      this.fail(new RequestError(`the body of the request ended ${this.remaining} bytes before it said`));
      return;
    } else this.sendHead();
    this.over = true;
    this.owner.requestSent();
  }

  onError(error: Error): void {
    if (this.over) return;
    this.over = true;
    this.owner.requestFailed(error);
  }

  /** The owner stops the source. */
  private fail(error: Error): void {
    this.owner.requestFailed(error);
  }

  private sendHead(): void {
    if (this.head === "") return;
    this.wire.writeText(this.head);
    this.head = "";
  }
}
