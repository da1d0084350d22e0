import { nextInt, type Rng, type Status } from "@weftmesh/core";
import { type ApertureWindow, maxDraws } from "./aperture-window.ts";
import { WeightLine } from "./weights.ts";

/** Picks that pay for looking at n nodes anew: one for each of so many. */
const nodesPerPick = 32;

/** A window ends before its limit by this part of it: what a sum of weights may be out by. */
const rounding = 1 - 1e-12;

const rank: Readonly<Record<Status, number>> = { open: 0, busy: 1, closed: 2 };

/**
 * The first nodes of an order that chance gave, those that are open before the others: as many as `width` says, of
 * average weight.
 *
 * Shape: the width may change at any time. The window is outdated when one that was open is found not to be, or one that
 * was not is open again; not more often than every n / 32 picks, so that statuses which change all the time cost no
 * pick more than a look at 32 nodes, on average.
 * Source: Finagle's RandomAperture.
 */
export class RandomWindow implements ApertureWindow {
  first = 0;
  second = 0;
  readonly weights: Float64Array;
  readonly #nodes: readonly { readonly status: Status }[];
  readonly #width: { readonly width: number };
  readonly #slots: Int32Array;
  readonly #places: Int32Array;
  /** Undefined while all weigh the same. */
  readonly #line: WeightLine | undefined;
  /** So many of the first were open. */
  readonly #open: number;
  #lookAt: number;
  #stale = false;
  #tries = 0;

  /** `order` has all slots, `weights` those of the slots. */
  constructor(
    nodes: readonly { readonly status: Status }[],
    weights: Float64Array,
    order: Int32Array,
    width: { readonly width: number },
  ) {
    this.weights = weights;
    this.#nodes = nodes;
    this.#width = width;
    const ranks = Uint8Array.from(nodes, (node) => rank[node.status]);
    this.#slots = order.slice().sort((a, b) => (ranks[a] as number) - (ranks[b] as number));
    this.#places = new Int32Array(nodes.length);
    for (const [place, slot] of this.#slots.entries()) this.#places[slot] = place;
    this.#line = weights.every((each) => each === weights[0])
      ? undefined
      : new WeightLine(Array.from(this.#slots, (slot) => weights[slot] as number));
    this.#open = ranks.reduce((count, each) => count + (each === 0 ? 1 : 0), 0);
    this.#lookAt = this.#open;
  }

  get size(): number {
    const { width } = this.#width;
    return this.#line === undefined ? width : this.#line.at((width / this.#slots.length) * rounding) + 1;
  }

  has(slot: number): boolean {
    return (this.#places[slot] as number) < this.size;
  }

  draw(rng: Rng, ofAll: boolean): void {
    const slots = this.#slots;
    const width = ofAll ? slots.length : this.#width.width;
    if (this.#line !== undefined) {
      this.#drawByWeight(this.#line, rng, (width / slots.length) * rounding);
      return;
    }
    const first = nextInt(rng, width);
    this.first = this.second = slots[first] as number;
    if (width === 1) return;
    const second = nextInt(rng, width - 1);
    this.second = slots[second >= first ? second + 1 : second] as number;
  }

  foundDown(slot: number): void {
    if ((this.#places[slot] as number) < this.#open) this.#stale = true;
  }

  outdated(): boolean {
    this.#tries++;
    if (!this.#stale && this.#open < this.#slots.length) this.#look();
    return this.#stale && this.#tries * nodesPerPick >= this.#slots.length;
  }

  #drawByWeight(line: WeightLine, rng: Rng, part: number): void {
    const first = line.at(rng.next() * part);
    let second = first;
    for (let i = 0; i < maxDraws && second === first; i++) second = line.at(rng.next() * part);
    this.first = this.#slots[first] as number;
    this.second = this.#slots[second] as number;
  }

  /** One of those that were not open, each in turn. */
  #look(): void {
    const slot = this.#slots[this.#lookAt] as number;
    if ((this.#nodes[slot] as { readonly status: Status }).status === "open") this.#stale = true;
    this.#lookAt = this.#lookAt + 1 === this.#slots.length ? this.#open : this.#lookAt + 1;
  }
}
