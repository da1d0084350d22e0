import { type Body, type BodySink, type Flow, Taken } from "./body.ts";

/**
 * Reads a body that nobody wants to its end, so that the connection behind it can be used again, unless it is longer
 * than `maxBytes`: beyond that the connection is not worth the bytes, and the source is stopped for `reason`.
 */
export function discardBody(body: Body, maxBytes: number, reason: Error): void {
  new Discard(maxBytes, reason).take(body);
}

class Discard implements BodySink {
  readonly #reason: Error;
  #leftBytes: number;
  #flow: Flow | undefined = undefined;

  constructor(maxBytes: number, reason: Error) {
    this.#leftBytes = maxBytes;
    this.#reason = reason;
  }

  take(body: Body): void {
    if (body.length !== undefined && body.length > this.#leftBytes) this.#leftBytes = -1;
    this.#flow = body.pipe(this);
    this.#check();
  }

  onData(chunk: Uint8Array): number {
    this.#leftBytes -= chunk.length;
    this.#check();
    return Taken;
  }

  onEnd(): void {
    this.#flow = undefined;
    this.#leftBytes = 0;
  }

  onError(): void {
    this.onEnd();
  }

  /** Without a flow this is still within `pipe`, after which it is asked again. */
  #check(): void {
    if (this.#leftBytes < 0) this.#flow?.stop(this.#reason);
  }
}
