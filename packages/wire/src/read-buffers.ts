/** Enough for a head and a small body, and small enough that copying what must outlive the read is cheap. */
const sharedBytes = 16_384;
export const ownBytes = 65_536;
const maxFree = 32;

let shared: Buffer | undefined;
const free: Buffer[] = [];

/**
 * The memory that connections read into when they await the head of a message: one buffer for all of them, so that an
 * idle connection holds none. Its bytes are gone with the next read of any connection.
 */
export function sharedBuffer(): Buffer {
  if (shared === undefined) shared = Buffer.allocUnsafeSlow(sharedBytes);
  return shared;
}

export function isShared(bytes: Buffer): boolean {
  return bytes === shared;
}

/** A buffer of the connection's own, for the length of a body. */
export function takeBuffer(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(ownBytes);
}

/** Gives back a buffer of which nobody holds a chunk. */
export function giveBuffer(bytes: Buffer): void {
  if (free.length < maxFree) free.push(bytes);
}
