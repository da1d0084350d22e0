/**
 * 32 bits of a text, the same on every machine and in every process.
 *
 * Cost: one step for two characters, no allocation. Not against an enemy: who may choose keys may choose colliding ones.
 * Source: MurmurHash3 (x86, 32 bits) over UTF-16 code units.
 */
export function textHash(text: string, seed: number): number {
  const { length } = text;
  let hash = seed | 0;
  let i = 0;
  for (; i + 1 < length; i += 2) {
    hash ^= scramble(text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  if (i < length) hash ^= scramble(text.charCodeAt(i));
  return mixed(hash ^ (length * 2));
}

/** Every bit of a number in every bit of the result; no two numbers share one. */
export function mixed(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(value: number): number {
  const block = Math.imul(value, 0xcc9e2d51);
  return Math.imul((block << 15) | (block >>> 17), 0x1b873593);
}
