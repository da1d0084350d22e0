import { textHash } from "./text-hash.ts";

/** Which host each key belongs to: a circle of places, each of one host. */
export interface HashTable {
  /** The host of each place, by its number; on from a key's place stand the hosts that are next in line for it. */
  readonly owners: Uint16Array | Uint32Array;
  /** The place of a key with that hash (32 bits). */
  placeOf(hash: number): number;
}

/** Builds a table for hosts by their names and weights, each above 0 and at most 1. */
export type NewHashTable = (names: readonly string[], weights: Float64Array) => HashTable;

/** Two independent numbers for each host, and the order of the hosts in which discovery's own does not count. */
export interface HashedHosts {
  readonly first: Uint32Array;
  readonly second: Uint32Array;
  readonly order: Uint32Array;
}

export function hashHosts(names: readonly string[]): HashedHosts {
  const first = Uint32Array.from(names, (name) => textHash(name, 0x2545f491));
  const second = Uint32Array.from(names, (name) => textHash(name, 0x6c078965));
  const order = Uint32Array.from(names, (_, i) => i);
  order.sort((a, b) => {
    const byFirst = (first[a] as number) - (first[b] as number);
    return byFirst !== 0 ? byFirst : (second[a] as number) - (second[b] as number);
  });
  return { first, second, order };
}

/** The narrowest array that can hold numbers below `n`. */
export function newOwners(n: number, length: number): Uint16Array | Uint32Array {
  return n <= 65_536 ? new Uint16Array(length) : new Uint32Array(length);
}
