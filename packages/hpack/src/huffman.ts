import { emitsOctet, failsAtEnd, huffmanBits, huffmanCodes, huffmanMachine } from "./huffman-code.ts";

const { steps, mayEnd } = huffmanMachine();

/** The shortest code has five bits, so that n octets become no more than this many. */
export function decodedLimit(octets: number): number {
  return ((octets * 8) / 5) | 0;
}

/**
 * The text of `bytes[start, end)` into `out`, which has room for `decodedLimit` octets; how many they are, or -1 when
 * the padding is not what RFC 7541 section 5.2 asks for, or the code that ends strings stands among them.
 *
 * Cost: two steps of a table per octet, whatever is in it.
 */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let state = 0;
  let seen = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    let step = steps[(state << 4) | (byte >> 4)] as number;
    seen |= step;
    if ((step & emitsOctet) !== 0) out[length++] = step >> 8;
    step = steps[((step & 0xff) << 4) | (byte & 15)] as number;
    seen |= step;
    if ((step & emitsOctet) !== 0) out[length++] = step >> 8;
    state = step & 0xff;
  }
  return (seen & failsAtEnd) !== 0 || mayEnd[state] === 0 ? -1 : length;
}

/** Writes `text[start, end)`, latin1, in the code; where it ends. There has to be room for 30 bits each. */
export function huffmanEncode(text: string, start: number, end: number, out: Uint8Array, at: number): number {
  let held = 0;
  let bits = 0;
  let to = at;
  for (let i = start; i < end; i++) {
    const octet = text.charCodeAt(i) & 0xff;
    let count = huffmanBits[octet] as number;
    let code = huffmanCodes[octet] as number;
    if (count > 24) {
      // Up to seven bits are held, and thirty more do not fit beside them.
      const rest = count - 16;
      held = (held << rest) | (code >>> 16);
      bits += rest;
      while (bits >= 8) {
        bits -= 8;
        out[to++] = held >>> bits;
      }
      count = 16;
      code &= 0xffff;
    }
    held = (held << count) | code;
    bits += count;
    while (bits >= 8) {
      bits -= 8;
      out[to++] = held >>> bits;
    }
  }
  // What is left is filled up with the beginning of the code that ends strings: ones.
  if (bits > 0) out[to++] = (held << (8 - bits)) | (0xff >>> bits);
  return to;
}
