import { copyBytes } from "@weftmesh/http";

const slabBytes = 65_536;
const maxFree = 16;

/** Memory in which content waits for a short while: that of many streams, one behind the other. */
export class Slab {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  /** So much is taken. */
  end = 0;
  /** Who still has something here. */
  users = 0;
}

let current = new Slab();
const free: Slab[] = [];

/** What is longer has memory of its own. */
export const maxSlabContent = 16_384;

/** A copy of `bytes[start, end)`, which stands at the end of the slab that is answered. */
export function keep(bytes: Uint8Array, start: number, end: number): Slab {
  const length = end - start;
  if (current.end + length > slabBytes) current = free.pop() ?? new Slab();
  const slab = current;
  copyBytes(bytes, start, end, slab.bytes, slab.end);
  slab.end += length;
  slab.users++;
  return slab;
}

/** Adds to what was kept last. False where something else stands behind it. */
export function keepMore(slab: Slab, at: number, bytes: Uint8Array, start: number, end: number): boolean {
  if (slab !== current || slab.end !== at || at + end - start > slabBytes) return false;
  copyBytes(bytes, start, end, slab.bytes, at);
  slab.end += end - start;
  return true;
}

/** One of those who kept something there needs it no more. */
export function release(slab: Slab): void {
  if (--slab.users > 0) return;
  slab.end = 0;
  if (slab !== current && free.length < maxFree) free.push(slab);
}
