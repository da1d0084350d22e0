import { type Clock, type CtxKey, ctxKey } from "@weftmesh/core";
import { type Body, BodyRelay, type Headers } from "@weftmesh/http";
import { elapsedMs, ticksNow } from "./ticks.ts";

/**
 * The body of a request as it goes by, and what came of it: whoever counts the stream of a call looks here when the call
 * is over.
 *
 * Cost: an object per body, a call and an addition per chunk.
 */
export class RequestStream extends BodyRelay {
  bytes = 0;
  /** It came to its end. */
  isWhole = false;
  /** From the request's head to the end of its stream, however that ended; undefined while it goes on. */
  durationMs: number | undefined = undefined;
  readonly #clock: Clock;
  readonly #startTicks: number;

  constructor(source: Body, clock: Clock) {
    super(source);
    this.#clock = clock;
    this.#startTicks = ticksNow(clock);
  }

  override onData(chunk: Uint8Array): number {
    this.bytes += chunk.length;
    return super.onData(chunk);
  }

  get takesSlices(): boolean {
    return this.sinkTakesSlices;
  }

  onSlice(bytes: Uint8Array, start: number, end: number): number {
    this.bytes += end - start;
    return this.passSlice(bytes, start, end);
  }

  override onEnd(trailers: Headers | undefined): void {
    this.isWhole = true;
    this.#over();
    super.onEnd(trailers);
  }

  override onError(error: Error): void {
    this.#over();
    super.onError(error);
  }

  override stop(reason: Error): void {
    this.#over();
    super.stop(reason);
  }

  #over(): void {
    this.durationMs ??= elapsedMs(this.#clock, this.#startTicks);
  }
}

/** The stream of the request that a call is for; undefined for one without a body. */
export const RequestStreamKey: CtxKey<RequestStream | undefined> = ctxKey<RequestStream | undefined>(
  "requestStream",
  undefined,
);
