/** Slices of a window: enough to forget smoothly, few enough to keep per endpoint. */
const slices = 10;

/**
 * Counts the calls of the last `windowMs`, and how many of them were bad.
 *
 * Shape: ten slices, aligned to the clock and not to the first call. A slice is forgotten as a whole, so what counts
 * lies between nine tenths of the window and all of it.
 * Cost: O(1) per call, no allocation; 80 bytes and its object.
 */
export class CallWindow {
  readonly #sliceMs: number;
  readonly #totals = new Uint32Array(slices);
  readonly #bads = new Uint32Array(slices);
  #last = 0;
  #total = 0;
  #bad = 0;

  constructor(windowMs: number) {
    this.#sliceMs = windowMs / slices;
  }

  get total(): number {
    return this.#total;
  }

  get bad(): number {
    return this.#bad;
  }

  add(nowMs: number, bad: boolean): void {
    const at = this.#roll(nowMs);
    this.#totals[at] = (this.#totals[at] as number) + 1;
    this.#total++;
    if (!bad) return;
    this.#bads[at] = (this.#bads[at] as number) + 1;
    this.#bad++;
  }

  reset(): void {
    this.#totals.fill(0);
    this.#bads.fill(0);
    this.#total = 0;
    this.#bad = 0;
  }

  /** Forgets what is too old; the place of the present slice. */
  #roll(nowMs: number): number {
    const slice = Math.floor(nowMs / this.#sliceMs);
    if (slice - this.#last >= slices) this.reset();
    else {
      for (let each = this.#last + 1; each <= slice; each++) {
        const at = each % slices;
        this.#total -= this.#totals[at] as number;
        this.#bad -= this.#bads[at] as number;
        this.#totals[at] = 0;
        this.#bads[at] = 0;
      }
    }
    this.#last = Math.max(slice, this.#last);
    return this.#last % slices;
  }
}
