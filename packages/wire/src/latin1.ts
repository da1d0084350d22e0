interface Latin1Slice {
  latin1Slice?(this: Uint8Array, start: number, end: number): string;
}

/** What `toString("latin1")` ends in, without its checks; the types of Node leave it out. */
const slice = (Buffer.prototype as Latin1Slice).latin1Slice;

/** Up to here bytes cost less as part of the text around them than as a buffer of their own. */
export const inlineBytes = 6_144;

/** `bytes[start, end)` as text of one character per byte. */
export const latin1: (bytes: Uint8Array, start: number, end: number) => string =
  slice === undefined
    ? (bytes, start, end) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1", start, end)
    : (bytes, start, end) => slice.call(bytes, start, end);
