import type { Rng } from "@weftmesh/core";
import { AliasTable } from "./alias-table.ts";
import { type ApertureWindow, maxDraws } from "./aperture-window.ts";
import { type PeerCoordinate, ringSlice } from "./ring-slice.ts";
import { WeightLine } from "./weights.ts";

/**
 * The nodes on this process's slice of a ring, each as heavy as what of it is within the slice.
 *
 * Shape: nothing but another set of nodes, or another coordinate, changes it.
 * Source: Finagle's DeterministicAperture.
 */
export class RingWindow implements ApertureWindow {
  first = 0;
  second = 0;
  readonly weights: Float64Array;
  readonly #members: Int32Array;
  readonly #table: AliasTable;
  readonly #line: WeightLine;

  /** `order` has all slots, as all peers order them; `weights` are those of the slots. */
  constructor(weights: Float64Array, order: Int32Array, peer: PeerCoordinate, minAperture: number) {
    const slice = ringSlice(
      Array.from(order, (slot) => weights[slot] as number),
      peer,
      minAperture,
    );
    const greatest = slice.reduce((most, each) => Math.max(most, each), 0);
    this.weights = new Float64Array(weights.length);
    for (const [place, slot] of order.entries()) this.weights[slot] = (slice[place] as number) / greatest;
    this.#members = order.filter((slot) => (this.weights[slot] as number) > 0);
    this.#table = new AliasTable(Array.from(this.#members, (slot) => this.weights[slot] as number));
    this.#line = new WeightLine(weights);
  }

  get size(): number {
    return this.#members.length;
  }

  has(slot: number): boolean {
    return (this.weights[slot] as number) > 0;
  }

  draw(rng: Rng, ofAll: boolean): void {
    const first = this.#one(rng, ofAll);
    let second = first;
    for (let i = 0; i < maxDraws && second === first; i++) second = this.#one(rng, ofAll);
    this.first = first;
    this.second = second;
  }

  foundDown(): void {}

  outdated(): boolean {
    return false;
  }

  #one(rng: Rng, ofAll: boolean): number {
    return ofAll ? this.#line.at(rng.next()) : (this.#members[this.#table.at(rng.next())] as number);
  }
}
