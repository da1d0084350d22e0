import type { Backoff } from "@weftmesh/backoff";
import type { Rng } from "@weftmesh/core";

/** How long an endpoint is out once its backoff has no more to say. */
export const exhaustedMs = 300_000;

/** The waits of one endpoint: each longer than the last, as its backoff has it, until it is back. */
export class DeadTime {
  readonly #backoff: Backoff;
  readonly #rng: Rng;
  #attempt = 0;
  #previousMs = 0;

  constructor(backoff: Backoff, rng: Rng) {
    this.#backoff = backoff;
    this.#rng = rng;
  }

  nextMs(): number {
    const ms = this.#backoff.delayMs(this.#attempt, this.#previousMs, this.#rng);
    if (ms === undefined) return exhaustedMs;
    this.#attempt++;
    this.#previousMs = ms;
    return ms;
  }

  reset(): void {
    this.#attempt = 0;
    this.#previousMs = 0;
  }
}
