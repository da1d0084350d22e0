import type { Clock, Rng, Status } from "@weftmesh/core";
import type { BalancerKind, Picker } from "./kind.ts";
import { LeastLoadedNode } from "./least-loaded.ts";
import { OpenFirst } from "./open-first.ts";
import { type SlowStart, type SlowStartOptions, slowStartOf } from "./slow-start.ts";

/** New nodes that slow start may pass over in one pick. */
const mostPassed = 32;

/** A smaller share has no turn within any time that matters, and the gap between its turns must stay exact. */
const leastWeight = 1e-12;

/** Where the line of turns begins anew. */
const farthest = 2 ** 32;

/** Steps of this length round a circle of length 1 leave no part of it empty for long. */
const goldenStep = (Math.sqrt(5) - 1) / 2;

/** What weighted round robin asks of a node. */
export interface WeightedTurnTaker {
  readonly status: Status;
  /** When it joined, in ms of the clock; asked by slow start alone. */
  readonly sinceMs: number;
}

/**
 * Turns in proportion to weight, and each node's own spread evenly: never two in a row where that can be helped.
 *
 * Shape: a node of weight w is due every 1 / w, from a place within its first gap that differs from node to node; whoever
 * is due first has the turn. So while the statuses stay as they are, when one of weight w has k turns, one of weight v
 * has more than k v / w - 1 and fewer than k v / w + 1. A node that stays keeps how long it still has to wait; one that
 * joins or is open again begins within its first gap, and has nothing to catch up on.
 * Cost: O(log n) per pick, no allocation.
 * Source: nginx's smooth weighted round robin, by earliest deadline first as Envoy has it, since nginx's looks at all
 * nodes for each pick.
 */
export class WeightedRoundRobin<N extends WeightedTurnTaker> implements Picker<N> {
  readonly #rng: Rng;
  readonly #clock: Clock;
  readonly #slowStart: SlowStart | undefined;
  readonly #origin: number;
  #nodes: readonly N[] = [];
  #gaps: Float64Array = new Float64Array();
  #dues: Float64Array = new Float64Array();
  #order: OpenFirst = new OpenFirst([], this.#dues, []);
  /** When the last turn was due. */
  #now = 0;

  constructor(rng: Rng, clock: Clock, slowStart?: SlowStart) {
    this.#rng = rng;
    this.#clock = clock;
    this.#slowStart = slowStart;
    this.#origin = rng.next();
  }

  rebuild(nodes: readonly N[], weights?: Float64Array): void {
    const waits = new Map<N, number>();
    for (const [slot, node] of this.#nodes.entries()) {
      const wait = (this.#dueOf(slot) - this.#now) / (this.#gaps[slot] as number);
      if (wait >= 0) waits.set(node, wait);
    }
    this.#nodes = nodes;
    this.#gaps = Float64Array.from(nodes, (_, slot) => 1 / Math.max(weights?.[slot] ?? 1, leastWeight));
    this.#dues = this.#gaps.map((gap, slot) => gap * (waits.get(nodes[slot] as N) ?? this.#phaseOf(slot)));
    this.#now = 0;
    this.#order = new OpenFirst(nodes, this.#dues, nodes.keys());
    this.#slowStart?.rebuild(nodes);
  }

  pick(): N {
    return this.pickOpen() ?? this.#taken(this.#order.firstDown());
  }

  pickOpen(): N | undefined {
    for (let passed = 0; ; ) {
      const slot = this.#order.firstOpen();
      if (slot === -1) return undefined;
      if (this.#dueOf(slot) < this.#now) {
        // It was not open for a while: others have had its turns.
        this.#dues[slot] = this.#now + this.#phaseOf(slot) * (this.#gaps[slot] as number);
        this.#order.moved(slot);
        continue;
      }
      const node = this.#taken(slot);
      if (passed++ === mostPassed || !this.#passesOver(node)) return node;
    }
  }

  pickAny(): N {
    return this.#taken(this.#order.firstOfAll());
  }

  #dueOf(slot: number): number {
    return this.#dues[slot] as number;
  }

  /** Where in its first gap a node begins. */
  #phaseOf(slot: number): number {
    return (this.#origin + slot * goldenStep) % 1;
  }

  /** The node, whose turn is over. */
  #taken(slot: number): N {
    if (this.#now > farthest) this.#rebase();
    this.#now = Math.max(this.#dueOf(slot), this.#now);
    this.#dues[slot] = this.#now + (this.#gaps[slot] as number);
    this.#order.moved(slot);
    return this.#nodes[slot] as N;
  }

  /** Numbers that have grown large are not exact: all move back alike, and their order stays. */
  #rebase(): void {
    for (let slot = 0; slot < this.#dues.length; slot++) this.#dues[slot] = this.#dueOf(slot) - this.#now;
    this.#now = 0;
  }

  /** Whether slow start says that it is not the node's turn yet. */
  #passesOver(node: N): boolean {
    const slowStart = this.#slowStart;
    if (slowStart === undefined) return false;
    const nowMs = this.#clock.now();
    return slowStart.active(nowMs) && this.#rng.next() >= slowStart.share(node, nowMs);
  }
}

export interface WeightedRoundRobinOptions {
  /** How new endpoints come to their share; at once if not given. */
  readonly slowStart?: SlowStartOptions;
}

/** Every endpoint in turn, as often as its weight says and evenly spread, however busy it is. */
export function weightedRoundRobin(options?: WeightedRoundRobinOptions): BalancerKind {
  return {
    algorithm: "round_robin_weighted",
    // One try finds an open endpoint if there is one.
    maxEffort: 1,
    weighted: true,
    newNode: (address, make, left) => new LeastLoadedNode(address, make, left),
    newPicker: (rng, clock) => new WeightedRoundRobin(rng, clock, slowStartOf(options?.slowStart)),
  };
}
