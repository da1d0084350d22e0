/** A call into native code costs more than to copy so many bytes. */
const fewBytes = 128;

const { copy } = Buffer.prototype as {
  copy(this: Uint8Array, to: Uint8Array, at: number, start: number, end: number): number;
};

/** Copies `from[start, end)` to `to`, which has the room, from `at` on. */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > fewBytes) copy.call(from, to, at, start, end);
  else for (let i = start, j = at; i < end; i++, j++) to[j] = from[i] as number;
}
