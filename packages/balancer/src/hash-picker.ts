import { type Ctx, compareStatus, type Rng, type Status } from "@weftmesh/core";
import { type Address, showAddress } from "@weftmesh/naming";
import type { HashKey } from "./hash-key.ts";
import type { HashTable, NewHashTable } from "./hash-table.ts";
import type { Picker } from "./kind.ts";
import { textHash } from "./text-hash.ts";
import { WeightLine } from "./weights.ts";

/** Places that are looked at for each host that may be tried: hosts come again and again on the circle. */
const placesPerTry = 16;

/** Draws for two different nodes, for a call without a key. */
const pairDraws = 5;

/** Calls in flight, over all the nodes of one picker. */
export interface SharedLoad {
  pending: number;
}

/** What consistent hashing asks of a node. */
export interface HashedNode {
  readonly status: Status;
  readonly address: Address;
  readonly pending: number;
  /** Where the node counts its calls as well. */
  shared: SharedLoad;
}

export interface HashPickerSettings {
  readonly key: HashKey<unknown>;
  readonly newTable: NewHashTable;
  /** Hosts that are tried for a key, its own first. */
  readonly maxHosts: number;
  /** A host may have this many times its share of all calls in flight; `Infinity` for any number. */
  readonly loadFactor: number;
}

/**
 * Sends calls with the same key to the same node, and to the next one in line while that one is not open or is full.
 *
 * Shape: a call without a key goes to the better of two nodes, drawn by weight.
 * Cost: with a key, its hash and a few places of the table; without, two nodes.
 * Source: Mirrokni et al., "Consistent Hashing with Bounded Loads", for `loadFactor`.
 */
export class HashPicker<N extends HashedNode> implements Picker<N> {
  readonly #settings: HashPickerSettings;
  readonly #rng: Rng;
  #nodes: readonly N[] = [];
  #weights: Float64Array = new Float64Array();
  #table: HashTable;
  #line: WeightLine;
  #shared: SharedLoad = { pending: 0 };
  /** The calls that each may have, for each one that there is. */
  #caps: Float64Array = new Float64Array();
  /** The walk in which each node was seen last. */
  #seen: Float64Array = new Float64Array();
  #walks = 0;

  constructor(rng: Rng, settings: HashPickerSettings) {
    this.#rng = rng;
    this.#settings = settings;
    this.#table = { owners: new Uint16Array(), placeOf: () => 0 };
    this.#line = new WeightLine([]);
  }

  rebuild(nodes: readonly N[], weights: Float64Array = new Float64Array(nodes.length).fill(1)): void {
    const { newTable, loadFactor } = this.#settings;
    this.#nodes = nodes;
    this.#weights = weights;
    this.#table = newTable(
      nodes.map((node) => showAddress(node.address)),
      weights,
    );
    this.#line = new WeightLine(weights);
    this.#seen = new Float64Array(nodes.length);
    this.#walks = 0;
    const whole = weights.reduce((sum, each) => sum + each, 0);
    this.#caps = weights.map((each) => (loadFactor * each) / whole);
    // A new count: those that left go on counting down the old one.
    const shared = { pending: 0 };
    for (const node of nodes) {
      shared.pending += node.pending;
      node.shared = shared;
    }
    this.#shared = shared;
  }

  pick(req: unknown, ctx: Ctx): N {
    const key = this.#settings.key(req, ctx);
    return key === undefined ? this.#better() : this.#ownerOf(this.#placeOf(key));
  }

  pickOpen(req: unknown, ctx: Ctx): N | undefined {
    const key = this.#settings.key(req, ctx);
    return key === undefined ? this.#openPair() : this.#walk(this.#placeOf(key), true);
  }

  pickAny(req: unknown, ctx: Ctx): N {
    const key = this.#settings.key(req, ctx);
    if (key === undefined) return this.#better();
    const place = this.#placeOf(key);
    return this.#walk(place, false) ?? this.#ownerOf(place);
  }

  #placeOf(key: string): number {
    return this.#table.placeOf(textHash(key, 0));
  }

  #ownerOf(place: number): N {
    return this.#nodes[this.#table.owners[place] as number] as N;
  }

  /** Whether the node may have one more call. */
  #hasRoom(host: number, node: N): boolean {
    return node.pending < Math.ceil((this.#caps[host] as number) * (this.#shared.pending + 1));
  }

  /** The first in line from a place that is open and has room; if all are full, the first that is open. */
  #walk(place: number, openOnly: boolean): N | undefined {
    const { owners } = this.#table;
    const bounded = this.#settings.loadFactor !== Number.POSITIVE_INFINITY;
    const own = owners[place] as number;
    const first = this.#nodes[own] as N;
    const firstOpen = !openOnly || first.status === "open";
    if (firstOpen && (!bounded || this.#hasRoom(own, first))) return first;
    return this.#walkOn(place, openOnly, bounded, firstOpen ? first : undefined);
  }

  #walkOn(place: number, openOnly: boolean, bounded: boolean, full: N | undefined): N | undefined {
    const { owners } = this.#table;
    const seen = this.#seen;
    const { maxHosts } = this.#settings;
    const walk = ++this.#walks;
    let least = full;
    let hosts = 1;
    seen[owners[place] as number] = walk;
    const steps = Math.min(owners.length, maxHosts * placesPerTry);
    for (let i = 1; i < steps && hosts < maxHosts; i++) {
      const host = owners[(place + i) % owners.length] as number;
      if (seen[host] === walk) continue;
      seen[host] = walk;
      hosts++;
      const node = this.#nodes[host] as N;
      if (openOnly && node.status !== "open") continue;
      if (!bounded || this.#hasRoom(host, node)) return node;
      least ??= node;
    }
    return least ?? this.#leftOver(owners[place] as number);
  }

  /** Among few hosts one with very few places may not have come up at all: whoever is open now. */
  #leftOver(own: number): N | undefined {
    const nodes = this.#nodes;
    if (nodes.length > this.#settings.maxHosts) return undefined;
    for (let i = 1; i < nodes.length; i++) {
      const node = nodes[(own + i) % nodes.length] as N;
      if (node.status === "open") return node;
    }
    return undefined;
  }

  #openPair(): N | undefined {
    for (let tries = 0; tries < this.#settings.maxHosts; tries++) {
      const node = this.#better();
      if (node.status === "open") return node;
    }
    return undefined;
  }

  /** Power of two choices; loads compare by what each node may have. */
  #better(): N {
    const nodes = this.#nodes;
    if (nodes.length < 2) return nodes[0] as N;
    const first = this.#line.at(this.#rng.next());
    let second = first;
    for (let i = 0; i < pairDraws && second === first; i++) second = this.#line.at(this.#rng.next());
    const a = nodes[first] as N;
    const b = nodes[second] as N;
    const order = compareStatus(a.status, b.status);
    if (order !== 0) return order > 0 ? a : b;
    const weights = this.#weights;
    return a.pending / (weights[first] as number) <= b.pending / (weights[second] as number) ? a : b;
  }
}
