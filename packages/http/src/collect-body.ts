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

class Collector implements BodySink {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
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
    this.#flow = body.pipe(this);
    if (this.#over) this.#giveUp();
  }

  onData(chunk: Uint8Array): number {
    if (this.#over) return Taken;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) {
      this.#over = true;
      if (this.#flow !== undefined) this.#giveUp();
      return Taken;
    }
    this.#chunks.push(Buffer.from(chunk));
    return Taken;
  }

  onEnd(): void {
    if (!this.#over) this.#resolve(Buffer.concat(this.#chunks, this.#bytes));
  }

  onError(error: Error): void {
    if (!this.#over) this.#reject(error);
  }

  #giveUp(): void {
    const error = new BodyTooLongError(this.#maxBytes);
    this.#flow?.stop(error);
    this.#reject(error);
  }
}

/** The whole body in memory. Errors: `WEFT_PROTOCOL_BODY_TOO_LONG` past `maxBytes`, and whatever the source failed with. */
export function collectBody(body: Body, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => new Collector(maxBytes, resolve, reject).from(body));
}
