import { WeftError } from "@weftmesh/core";
import { type Body, type BodySink, type Flow, Taken } from "./body.ts";

/** A body was longer than whoever wanted it whole would hold. */
export class BodyTooLongError extends WeftError {
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super("WEFT_PROTOCOL_BODY_TOO_LONG", `a body is longer than ${maxBytes} bytes`, { flags: ["nonRetryable"] });
    this.maxBytes = maxBytes;
  }
}

const firstBytes = 1_024;

/** Keeps what came in one growing buffer: a million chunks of a byte cost a million bytes. */
class Collector implements BodySink {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  #flow: Flow | undefined;
  #over = false;
  readonly #maxBytes: number;
  readonly #resolve: (bytes: Buffer) => void;
  readonly #reject: (error: Error) => void;

  constructor(maxBytes: number, resolve: (bytes: Buffer) => void, reject: (error: Error) => void) {
    this.#maxBytes = maxBytes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  from(body: Body): void {
    if (body.length !== undefined && body.length > this.#maxBytes) this.#over = true;
    this.#flow = body.pipe(this);
    if (this.#over) this.#giveUp();
  }

  onData(chunk: Uint8Array): number {
    if (this.#over) return Taken;
    const length = this.#length + chunk.length;
    if (length > this.#maxBytes) {
      this.#over = true;
      // Without a flow this is still within `pipe`, and `from` gives up when that returns.
      if (this.#flow !== undefined) this.#giveUp();
      return Taken;
    }
    if (length > this.#bytes.length) this.#grow(length);
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
    return Taken;
  }

  onEnd(): void {
    if (!this.#over) this.#resolve(this.#bytes.subarray(0, this.#length));
  }

  onError(error: Error): void {
    if (!this.#over) this.#reject(error);
  }

  #grow(least: number): void {
    const larger = Buffer.allocUnsafeSlow(
      Math.min(Math.max(least, this.#bytes.length * 2, firstBytes), this.#maxBytes),
    );
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  #giveUp(): void {
    const error = new BodyTooLongError(this.#maxBytes);
    this.#bytes = Buffer.alloc(0);
    this.#flow?.stop(error);
    this.#reject(error);
  }
}

/** The whole body in memory. Errors: `WEFT_PROTOCOL_BODY_TOO_LONG` past `maxBytes`, and whatever the source failed with. */
export function collectBody(body: Body, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => new Collector(maxBytes, resolve, reject).from(body));
}
