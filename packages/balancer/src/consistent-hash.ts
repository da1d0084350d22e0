import type { Ctx, Rng } from "@weftmesh/core";
import type { Address } from "@weftmesh/naming";
import type { HashKey } from "./hash-key.ts";
import { HashPicker, type SharedLoad } from "./hash-picker.ts";
import { HashRing } from "./hash-ring.ts";
import type { NewHashTable } from "./hash-table.ts";
import type { BalancerKind, Picker } from "./kind.ts";
import { isPrime, MaglevTable } from "./maglev-table.ts";
import { Node } from "./node.ts";

class HashNode<Req, Rep> extends Node<Req, Rep> {
  shared: SharedLoad = { pending: 0 };

  load(): number {
    return this.pending;
  }

  protected override watch(req: Req, ctx: Ctx): void {
    this.shared.pending++;
    super.watch(req, ctx);
  }

  protected override release(): void {
    this.shared.pending--;
    super.release();
  }
}

export interface ConsistentHashOptions<Req> {
  /** What calls are kept together by; those without a key are balanced by load. */
  readonly key: HashKey<Req>;
  /** Hosts that are tried for a key before its own one is taken, whatever its status: 32 if not given. */
  readonly maxEffort?: number;
  /** A host takes at most this many times its share of the calls in flight, above 1: no bound if not given. */
  readonly loadFactor?: number;
}

export interface RingHashOptions<Req> extends ConsistentHashOptions<Req> {
  /** Points on the ring of a host of the greatest weight: 160 if not given. */
  readonly pointsPerHost?: number;
  /** Points on the ring in all: 262,144 if not given. */
  readonly maxPoints?: number;
}

export interface MaglevOptions<Req> extends ConsistentHashOptions<Req> {
  /** Places in the table, a prime: 65,537 if not given. It grows by itself when there are too many hosts for it. */
  readonly tableSize?: number;
}

/**
 * Consistent hashing on a ring: calls with one key go to one host, and few keys move when hosts come and go.
 *
 * Errors: RangeError for options that make no sense.
 * @example
 * const kind = ringHash({ key: headerKey("x-user"), loadFactor: 1.25 });
 */
export function ringHash<Req>(options: RingHashOptions<Req>): BalancerKind {
  const pointsPerHost = atLeast(1, options.pointsPerHost ?? 160, "pointsPerHost");
  const maxPoints = atLeast(1, options.maxPoints ?? 262_144, "maxPoints");
  return consistentHash(
    "ring_hash",
    options,
    (names, weights) => new HashRing(names, weights, { pointsPerHost, maxPoints }),
  );
}

/**
 * Maglev hashing: as `ringHash`, with shares that are all but equal, and a few more keys that move.
 *
 * Errors: RangeError for options that make no sense, as for a table size that is no prime.
 */
export function maglev<Req>(options: MaglevOptions<Req>): BalancerKind {
  const size = options.tableSize ?? 65_537;
  if (!isPrime(size) || size > 5_000_011) {
    throw new RangeError(`tableSize is ${size}: it must be a prime up to 5000011`);
  }
  return consistentHash("maglev", options, (names, weights) => new MaglevTable(names, weights, size));
}

function consistentHash<Req>(
  algorithm: string,
  options: ConsistentHashOptions<Req>,
  newTable: NewHashTable,
): BalancerKind {
  const { loadFactor = Number.POSITIVE_INFINITY } = options;
  if (!(loadFactor > 1)) throw new RangeError(`loadFactor is ${loadFactor}: it must be above 1`);
  const settings = {
    // A kind is for the requests of the stack that it is put in; what those are, it cannot know.
    key: options.key as HashKey<unknown>,
    newTable,
    maxHosts: atLeast(1, options.maxEffort ?? 32, "maxEffort"),
    loadFactor,
  };
  return {
    algorithm,
    // The picker tries other hosts itself, each once.
    maxEffort: 1,
    weighted: true,
    newNode: (address: Address, make, left) => new HashNode(address, make, left),
    newPicker: <Q, P>(rng: Rng) => new HashPicker<HashNode<Q, P>>(rng, settings) as Picker<Node<Q, P>>,
  };
}

function atLeast(least: number, value: number, name: string): number {
  if (!(value >= least)) throw new RangeError(`${name} is ${value}: it must be ${least} or more`);
  return value;
}
