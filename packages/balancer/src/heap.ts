import { nextInt, type Rng, type Status } from "@weftmesh/core";
import { type Audible, type CallListener, listenTo, stopListening } from "./call-listener.ts";
import type { BalancerKind, Picker } from "./kind.ts";
import { LeastLoadedNode } from "./least-loaded.ts";
import { OpenFirst } from "./open-first.ts";

/** What the heap asks of a node. */
export interface HeapNode extends Audible {
  readonly status: Status;
  readonly pending: number;
}

/**
 * The node with the fewest calls in flight of all that are open; of those that are not, when none is.
 *
 * Shape: it listens to each call. One that has become idle comes up among the idle ones at random.
 * Cost: O(log n) per pick, begin and end; no allocation.
 * Source: Finagle's HeapLeastLoaded, whose order breaks when what fills a gap belongs above it; here it may rise.
 */
export class HeapPicker<N extends HeapNode> implements Picker<N>, CallListener {
  readonly #rng: Rng;
  #nodes: readonly N[] = [];
  #loads: Float64Array = new Float64Array();
  #order: OpenFirst = new OpenFirst([], this.#loads, []);

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  rebuild(nodes: readonly N[]): void {
    stopListening(this.#nodes, this);
    this.#nodes = nodes;
    this.#loads = Float64Array.from(nodes, (node) => node.pending);
    this.#order = new OpenFirst(nodes, this.#loads, shuffled(nodes.length, this.#rng));
    listenTo(nodes, this);
  }

  pick(): N {
    const slot = this.#order.firstOpen();
    return this.#nodes[slot === -1 ? this.#order.firstDown() : slot] as N;
  }

  pickOpen(): N | undefined {
    const slot = this.#order.firstOpen();
    return slot === -1 ? undefined : this.#nodes[slot];
  }

  pickAny(): N {
    return this.#nodes[this.#order.firstOfAll()] as N;
  }

  close(): void {
    stopListening(this.#nodes, this);
  }

  began(slot: number): void {
    this.#loads[slot] = (this.#nodes[slot] as N).pending;
    this.#order.moved(slot);
  }

  ended(slot: number): void {
    const load = (this.#nodes[slot] as N).pending;
    this.#loads[slot] = load;
    if (load > 0) this.#order.moved(slot);
    else this.#order.scatter(slot, this.#rng);
  }
}

/** 0 to n - 1, in an order that chance gives. */
function shuffled(n: number, rng: Rng): Int32Array {
  const slots = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const at = nextInt(rng, i + 1);
    slots[i] = slots[at] as number;
    slots[at] = i;
  }
  return slots;
}

/**
 * The endpoint with the fewest calls in flight of all.
 *
 * Shape: unlike with power of two choices nothing limits what one endpoint draws: one that fails at once looks idle, and
 * gets all calls until its breaker opens.
 */
export function heap(): BalancerKind {
  return {
    algorithm: "heap_least_loaded",
    // One try finds an open endpoint if there is one.
    maxEffort: 1,
    newNode: (address, make, left) => new LeastLoadedNode(address, make, left),
    newPicker: (rng) => new HeapPicker(rng),
  };
}
