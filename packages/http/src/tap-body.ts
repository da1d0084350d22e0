import type { Body } from "./body.ts";
import { BodyRelay } from "./body-relay.ts";
import type { Headers } from "./headers.ts";

/**
 * Watches a body go by: a classifier that needs the trailers, or whoever counts bytes. One tap may serve every body of
 * a stack, or hold what it learns of a single one.
 *
 * Of `onEnd`, `onError` and `onStop` exactly one comes, and last, before the sink hears of it.
 */
export interface BodyTap {
  /** The bytes are only lent until this returns. */
  onData?(chunk: Uint8Array): void;
  onEnd?(trailers: Headers | undefined): void;
  onError?(error: Error): void;
  /** The sink wants no more of it. */
  onStop?(reason: Error): void;
}

class TappedBody extends BodyRelay {
  readonly #tap: BodyTap;
  #over = false;

  constructor(source: Body, tap: BodyTap) {
    super(source);
    this.#tap = tap;
  }

  override onData(chunk: Uint8Array): number {
    this.#tap.onData?.(chunk);
    return super.onData(chunk);
  }

  override onEnd(trailers: Headers | undefined): void {
    this.#over = true;
    this.#tap.onEnd?.(trailers);
    super.onEnd(trailers);
  }

  override onError(error: Error): void {
    this.#over = true;
    this.#tap.onError?.(error);
    super.onError(error);
  }

  override stop(reason: Error): void {
    if (!this.#over) {
      this.#over = true;
      this.#tap.onStop?.(reason);
    }
    super.stop(reason);
  }
}

/** The same body, watched. Cost: one object; no chunk is copied or held. */
export function tapBody(body: Body, tap: BodyTap): Body {
  return new TappedBody(body, tap);
}
