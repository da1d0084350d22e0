import { type HashTable, hashHosts, newOwners } from "./hash-table.ts";

/** What a table grows to when there are more hosts than it could serve well: each is a prime. */
const sizes: readonly number[] = [65_537, 655_373, 5_000_011];

/** Places for one host at least, before the table grows: below that, shares differ by as much. */
const leastPlaces = 2;

/**
 * A table in which every host has an equal number of places, give or take one, or its share by weight.
 *
 * Shape: immutable. Far more even than a ring; a host that comes or goes moves a few keys of others too.
 * Cost: building takes about M log M steps for M places; a key is one division.
 * Source: Eisenbud et al., "Maglev", section 3.4; the turns by weight are as in Envoy.
 */
export class MaglevTable implements HashTable {
  readonly owners: Uint16Array | Uint32Array;

  /** `size` has to be a prime; with more hosts than it has room for, a larger table is built. */
  constructor(names: readonly string[], weights: Float64Array, size: number) {
    const n = names.length;
    const places = size >= n * leastPlaces ? size : (sizes.find((each) => each >= n * leastPlaces) ?? size);
    const { first, second, order } = hashHosts(names);
    const owners = newOwners(n, places);
    const taken = new Uint8Array(places);
    const next = Uint32Array.from(first, (each) => each % places);
    const skips = Uint32Array.from(second, (each) => (each % (places - 1)) + 1);
    const turns = new Float64Array(n);
    let left = places;
    for (let round = 0; left > 0; round++) {
      for (const host of order) {
        if ((turns[host] as number) > round * (weights[host] as number)) continue;
        const skip = skips[host] as number;
        let at = next[host] as number;
        while (taken[at] === 1) {
          at += skip;
          if (at >= places) at -= places;
        }
        taken[at] = 1;
        owners[at] = host;
        next[host] = at;
        turns[host] = (turns[host] as number) + 1;
        if (--left === 0) break;
      }
    }
    this.owners = owners;
  }

  placeOf(hash: number): number {
    return hash % this.owners.length;
  }
}

/** Whether Maglev's walks visit every place of a table of that size. */
export function isPrime(n: number): boolean {
  if (!Number.isInteger(n) || n < 2) return false;
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return true;
}
