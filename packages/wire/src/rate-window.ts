/**
 * Tells when bytes come, or go, more slowly than they may: by windows that follow on each other.
 *
 * Shape: it is shown a running total every so often. A window begins when measuring does and is judged once it is full;
 * what is not measured, as when nobody waits for the bytes, belongs to no window.
 * Units: ms, bytes.
 */
export class RateWindow {
  /** Start of the window; -1 outside. */
  private sinceMs = -1;
  private total = 0;

  /** True when a window is over in which there were fewer bytes than `minPerSec`, or none at all. */
  isSlow(total: number, nowMs: number, windowMs: number, minPerSec: number): boolean {
    if (this.sinceMs === -1) {
      this.sinceMs = nowMs;
      this.total = total;
      return false;
    }
    const elapsedMs = nowMs - this.sinceMs;
    if (elapsedMs < windowMs) return false;
    if (total - this.total < Math.max(1, (minPerSec * elapsedMs) / 1_000)) return true;
    this.sinceMs = nowMs;
    this.total = total;
    return false;
  }

  /** Nobody waits for the bytes. */
  rest(): void {
    this.sinceMs = -1;
  }
}
