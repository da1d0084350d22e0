import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HashRing } from "../src/hash-ring.ts";
import type { HashTable, NewHashTable } from "../src/hash-table.ts";
import { isPrime, MaglevTable } from "../src/maglev-table.ts";
import { textHash } from "../src/text-hash.ts";

const ones = (n: number): Float64Array => new Float64Array(n).fill(1);
const hostName = (n: number): string => `10.0.${n >> 8}.${n & 255}:80`;
const namesOf = (hosts: readonly number[]): string[] => hosts.map(hostName);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const ring: NewHashTable = (names, weights) => new HashRing(names, weights, { pointsPerHost: 160, maxPoints: 1 << 20 });
const maglev: NewHashTable = (names, weights) => new MaglevTable(names, weights, 65_537);
const smallMaglev: NewHashTable = (names, weights) => new MaglevTable(names, weights, 1009);

const keyHashes = Uint32Array.from({ length: 20_000 }, (_, i) => textHash(`user-${i}`, 0));

/** The host of each key, by its number. */
function ownersOf(table: HashTable, hosts: readonly number[]): number[] {
  return Array.from(keyHashes, (hash) => hosts[table.owners[table.placeOf(hash)] as number] as number);
}

function counts(owners: readonly number[], n: number): number[] {
  const all = upTo(n).map(() => 0);
  for (const owner of owners) all[owner] = (all[owner] as number) + 1;
  return all;
}

const fiveSigma = (p: number, n: number): number => 5 * Math.sqrt((p * (1 - p)) / n);

const arbHosts = fc.uniqueArray(fc.nat({ max: 500 }), { minLength: 2, maxLength: 20 });

describe("the hash ring", () => {
  it("takes keys only for a host that comes, and gives up only those of one that goes, exactly", () => {
    fc.assert(
      fc.property(arbHosts, fc.array(fc.constantFrom(1, 0.5, 0.25), { minLength: 20, maxLength: 20 }), (hosts, all) => {
        // The greatest weight stays: points are counted by it.
        const weights = Float64Array.from(hosts, (_, i) => (i === 0 ? 1 : (all[i] as number)));
        const last = hosts[hosts.length - 1] as number;
        const with_ = ownersOf(ring(namesOf(hosts), weights), hosts);
        const without = ownersOf(ring(namesOf(hosts.slice(0, -1)), weights.slice(0, -1)), hosts);
        const hadTo = with_.filter((owner) => owner === last).length;
        const moved = with_.filter((owner, i) => owner !== without[i]).length;
        const needless = with_.filter((owner, i) => owner !== last && owner !== without[i]).length;
        expect([needless, moved]).toEqual([0, hadTo]);
        expect(hadTo).toBeGreaterThan(0);
      }),
      { numRuns: 30 },
    );
  });

  it("gives hosts of equal weight equal shares, as closely as its points allow: five standard deviations", () => {
    for (const [n, pointsPerHost] of [
      [10, 160],
      [100, 160],
      [10, 1000],
    ] as const) {
      const table = new HashRing(namesOf(upTo(n)), ones(n), { pointsPerHost, maxPoints: 1 << 20 });
      const share = 1 / n;
      for (const count of counts(ownersOf(table, upTo(n)), n)) {
        // The length of its arcs varies by one in the root of its points, and the keys that fall on them as they do.
        const bound = (5 * share) / Math.sqrt(pointsPerHost) + fiveSigma(share, keyHashes.length);
        expect(Math.abs(count / keyHashes.length - share)).toBeLessThanOrEqual(bound);
      }
    }
  });

  it("gives points by weight, one at least, and no more than it may have in all", () => {
    const table = (weights: readonly number[], pointsPerHost: number, maxPoints: number): number[] =>
      counts(
        Array.from(
          new HashRing(namesOf(upTo(weights.length)), Float64Array.from(weights), { pointsPerHost, maxPoints }).owners,
        ),
        weights.length,
      );
    expect(table([1, 0.5, 0.001, 1e-300], 100, 1e6)).toEqual([100, 50, 1, 1]);
    expect(table([1, 1, 0.5], 100, 25)).toEqual([10, 10, 5]);
    expect(table([1, 1, 1, 1], 100, 2)).toEqual([1, 1, 1, 1]);
  });

  it("finds for every hash the first point at or after it, around the end", () => {
    const table = ring(namesOf(upTo(5)), ones(5)) as HashRing;
    expect(table.placeOf(0)).toBe(0);
    // The greatest hash there is comes after all points, so it belongs to the first.
    expect(table.placeOf(0xffffffff)).toBe(0);
    let before = 0;
    for (let hash = 0; hash < 0xffffffff; hash += 0x100001) {
      const at = table.placeOf(hash);
      if (at === 0 && before > 0) break;
      expect(at).toBeGreaterThanOrEqual(before);
      before = at;
    }
    expect(before).toBe(table.owners.length - 1);
  });
});

describe("the Maglev table", () => {
  it("has as many places for one host as for another, give or take one", () => {
    fc.assert(
      fc.property(arbHosts, (hosts) => {
        const table = smallMaglev(namesOf(hosts), ones(hosts.length));
        const places = counts(Array.from(table.owners), hosts.length);
        expect(places.reduce((sum, each) => sum + each, 0)).toBe(1009);
        expect(Math.max(...places) - Math.min(...places)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("has places in proportion to weights, give or take one for each host, and one for each at least", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 }),
        (others) => {
          const weights = Float64Array.from([1, ...others]);
          const whole = weights.reduce((sum, each) => sum + each, 0);
          const n = weights.length;
          const places = counts(Array.from(smallMaglev(namesOf(upTo(n)), weights).owners), n);
          places.forEach((count, i) => {
            const fair = (1009 * (weights[i] as number)) / whole;
            expect(count).toBeGreaterThanOrEqual(1);
            expect(Math.abs(count - fair)).toBeLessThanOrEqual(n);
          });
        },
      ),
    );
  });

  it("moves few keys beyond those that have to: one in 100 at most, of 65,537 places", () => {
    for (const n of [3, 10, 50, 200]) {
      for (const gone of [0, n - 1]) {
        const hosts = upTo(n);
        const left = hosts.filter((each) => each !== gone);
        const before = ownersOf(maglev(namesOf(hosts), ones(n)), hosts);
        const after = ownersOf(maglev(namesOf(left), ones(n - 1)), left);
        const needless = before.filter((owner, i) => owner !== gone && owner !== after[i]).length;
        const had = before.filter((owner) => owner === gone).length;
        expect(needless / before.length).toBeLessThanOrEqual(0.01);
        expect(Math.abs(had / before.length - 1 / n)).toBeLessThanOrEqual(fiveSigma(1 / n, before.length) + 2 / 65_537);
      }
    }
  });

  it("gives keys in proportion to the places, to five standard deviations", () => {
    const n = 10;
    for (const count of counts(ownersOf(maglev(namesOf(upTo(n)), ones(n)), upTo(n)), n)) {
      const share = count / keyHashes.length;
      expect(Math.abs(share - 1 / n)).toBeLessThanOrEqual(fiveSigma(1 / n, keyHashes.length) + 1 / 65_537);
    }
  });

  it("grows to the next prime when it has less than two places for each host", () => {
    const sizeFor = (n: number, size: number): number => new MaglevTable(namesOf(upTo(n)), ones(n), size).owners.length;
    expect([sizeFor(5, 11), sizeFor(6, 11), sizeFor(33_000, 65_537)]).toEqual([11, 65_537, 655_373]);
  });

  it("knows a prime when it sees one", () => {
    expect(upTo(30).filter(isPrime)).toEqual([2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
    expect([isPrime(65_537), isPrime(5_000_011), isPrime(65_536), isPrime(2.5), isPrime(-7), isPrime(49)]).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe.each([
  ["the hash ring", ring],
  ["the Maglev table", smallMaglev],
] as const)("%s", (_name, build) => {
  it("is the same whatever the order of discovery", () => {
    fc.assert(
      fc.property(
        arbHosts.chain((hosts) =>
          fc.tuple(fc.constant(hosts), fc.shuffledSubarray(hosts, { minLength: hosts.length })),
        ),
        (both) => {
          const [one, other] = both.map((hosts) => {
            const weights = Float64Array.from(hosts, (host) => 1 / (1 + (host % 3)));
            weights[hosts.indexOf(both[0][0] as number)] = 1;
            return ownersOf(build(namesOf(hosts), weights), hosts);
          });
          expect(one).toEqual(other);
        },
      ),
      { numRuns: 20 },
    );
  });
});

it("a ring has its points in the same order whatever discovery's, where two fall together as well", () => {
  // Of 400,000 points about 19 pairs fall on one of the 2^32 places.
  const options = { pointsPerHost: 200_000, maxPoints: 1e6 };
  const [a, b] = namesOf([1, 2]) as [string, string];
  const one = new HashRing([a, b], ones(2), options);
  const turned = new HashRing([b, a], ones(2), options);
  expect(Array.from(turned.owners, (owner) => 1 - owner).every((owner, i) => owner === one.owners[i])).toBe(true);
});

describe("hosts whose names hash alike", () => {
  it.each([
    ["ring", ring],
    ["Maglev table", maglev],
  ] as const)("still have an order of their own and a place each in a %s", (_name, build) => {
    // The same 32 bits by the first of the two hashes of a host.
    const [a, b] = colliding();
    const first = build([a, b], ones(2));
    const turned = build([b, a], ones(2));
    const owners = Array.from(first.owners, (owner) => [a, b][owner]);
    const turnedOwners = Array.from(turned.owners, (owner) => [b, a][owner]);
    expect(owners.filter((owner, i) => owner !== turnedOwners[i])).toEqual([]);
    expect(new Set(owners).size).toBe(2);
  });
});

/** Two names with one first hash, found by the birthday of 2^32. */
function colliding(): readonly [string, string] {
  const seen = new Map<number, string>();
  for (let i = 0; ; i++) {
    const name = `host-${i}:80`;
    const hash = textHash(name, 0x2545f491);
    const other = seen.get(hash);
    if (other !== undefined) return [other, name];
    seen.set(hash, name);
  }
}
