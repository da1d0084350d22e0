/** Bits per octet of the code in RFC 7541 appendix B, as digits of base 36. */
const lengthDigits =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq";

const endOfString = 256;
const endOfStringBits = 30;

/** Bits of each octet's code. */
export const huffmanBits: Uint8Array = Uint8Array.from(lengthDigits, (digit) => Number.parseInt(digit, 36));
/** Each octet's code, right-aligned. */
export const huffmanCodes: Uint32Array = canonicalCodes();

/** The code is canonical: in order of length, and of octets within a length, each is the one before it plus one. */
function canonicalCodes(): Uint32Array {
  const codes = new Uint32Array(256);
  let code = 0;
  for (let bits = 1; bits <= endOfStringBits; bits++) {
    code *= 2;
    for (let octet = 0; octet < 256; octet++) if (huffmanBits[octet] === bits) codes[octet] = code++;
  }
  return codes;
}

/** What a step over four bits leads to: the next state in the low byte, the octet that ended above it, and flags. */
export const emitsOctet = 0x10000;
export const failsAtEnd = 0x20000;

export interface HuffmanMachine {
  /** Sixteen steps per state; state 0 stands between two codes. */
  readonly steps: Int32Array;
  /** 1 for a state in which a string may end: after at most seven ones that begin no code of their own. */
  readonly mayEnd: Uint8Array;
}

/** Built from the code when the module is loaded: 256 states, one for each proper beginning of a code. */
export function huffmanMachine(): HuffmanMachine {
  // A tree first: two children per node, as the number of a node, or as -1 - octet.
  const children: number[] = [0, 0];
  const insert = (code: number, bits: number, octet: number): void => {
    let node = 0;
    for (let bit = bits - 1; bit > 0; bit--) {
      const at = node * 2 + ((code >>> bit) & 1);
      if (children[at] === 0) {
        children[at] = children.length / 2;
        children.push(0, 0);
      }
      node = children[at] as number;
    }
    children[node * 2 + (code & 1)] = -1 - octet;
  };
  for (let octet = 0; octet < 256; octet++) insert(huffmanCodes[octet] as number, huffmanBits[octet] as number, octet);
  insert(2 ** endOfStringBits - 1, endOfStringBits, endOfString);
  const states = children.length / 2;
  const steps = new Int32Array(states * 16);
  for (let i = 0; i < steps.length; i++) {
    let node = i >> 4;
    let found = 0;
    for (let bit = 3; bit >= 0; bit--) {
      const child = children[node * 2 + ((i >> bit) & 1)] as number;
      node = Math.max(child, 0);
      if (child === -1 - endOfString) found |= failsAtEnd;
      else if (child < 0) found |= emitsOctet | ((-1 - child) << 8);
    }
    steps[i] = found | node;
  }
  const mayEnd = new Uint8Array(states);
  let node = 0;
  for (let ones = 0; ones <= 7; ones++) {
    mayEnd[node] = 1;
    node = children[node * 2 + 1] as number;
  }
  return { steps, mayEnd };
}
