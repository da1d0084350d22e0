import type { Headers } from "@weftmesh/http";

const none = Buffer.alloc(0);

/** Content that waits for window, `bytes[start, end)`, and the end that waits behind it. */
export class HeldOutput {
  bytes: Buffer = none;
  start = 0;
  end = 0;
  /** Nothing comes behind it but the end. */
  isLast = false;
  trailers: Headers | undefined = undefined;

  add(bytes: Uint8Array, start: number, end: number): void {
    const more = end - start;
    if (this.end + more > this.bytes.length) {
      const kept = this.end - this.start;
      const grown = Buffer.allocUnsafe(kept === 0 ? more : Math.max(kept + more, 2 * kept));
      this.bytes.copy(grown, 0, this.start, this.end);
      this.bytes = grown;
      this.start = 0;
      this.end = kept;
    }
    this.bytes.set(bytes.subarray(start, end), this.end);
    this.end += more;
  }
}
