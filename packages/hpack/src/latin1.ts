interface Latin1 {
  latin1Slice?(this: Uint8Array, start: number, end: number): string;
  latin1Write?(this: Uint8Array, text: string, at: number): number;
}

/** What `toString("latin1")` and `write` end in, without their checks; the types of Node leave them out. */
const { latin1Slice, latin1Write } = Buffer.prototype as Latin1;

const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

/** `bytes[start, end)` as text of one character per byte. */
export const latin1: (bytes: Uint8Array, start: number, end: number) => string =
  latin1Slice === undefined
    ? (bytes, start, end) => view(bytes).toString("latin1", start, end)
    : (bytes, start, end) => latin1Slice.call(bytes, start, end);

/** Writes the text at `at`, one byte per character. */
export const writeLatin1: (bytes: Uint8Array, text: string, at: number) => void =
  latin1Write === undefined
    ? (bytes, text, at) => void view(bytes).write(text, at, "latin1")
    : (bytes, text, at) => void latin1Write.call(bytes, text, at);

/** The same text in memory of its own: what was cut out of a longer one keeps all of that alive. */
export function ownText(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}
