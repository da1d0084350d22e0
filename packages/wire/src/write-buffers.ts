import { giveBuffer, ownBytes, takeBuffer } from "./read-buffers.ts";

const smallBytes = 16_384;
const maxFree = 64;

/** A wire gathers no more than this before it writes. */
export const maxGatheredBytes: number = ownBytes;

export const noBytes: Buffer = Buffer.alloc(0);

const free: Buffer[] = [];

/** Memory to gather the writes of a turn in: for as many bytes as these, which are `maxGatheredBytes` at most. */
export function takeOutput(bytes: number): Buffer {
  if (bytes > smallBytes) return takeBuffer();
  return free.pop() ?? Buffer.allocUnsafeSlow(smallBytes);
}

/** Gives back what nobody reads from any more. */
export function giveOutput(bytes: Buffer): void {
  if (bytes.length === ownBytes) giveBuffer(bytes);
  else if (bytes.length === smallBytes && free.length < maxFree) free.push(bytes);
}
