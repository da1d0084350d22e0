import { bestOf, type Clock, type Rng, type Status } from "@weftmesh/core";
import type { BalancerKind, Picker } from "./kind.ts";
import type { Node } from "./node.ts";

interface WeightClass<Req, Rep> {
  readonly weight: number;
  readonly nodes: Node<Req, Rep>[];
  readonly picker: Picker<Node<Req, Rep>>;
}

/**
 * Nodes by their weight: a class is drawn in proportion to weight times size, and within it the load decides.
 *
 * Shape: immutable, save that a class which both the old and the new set have keeps its picker.
 * Source: Finagle TrafficDistributor.
 */
export class WeightClasses<Req, Rep> {
  readonly #byWeight: ReadonlyMap<number, WeightClass<Req, Rep>>;
  readonly #classes: readonly WeightClass<Req, Rep>[];
  /** Where each class ends on the line from which it is drawn. */
  readonly #ends: Float64Array;
  readonly #maxEffort: number;
  readonly #rng: Rng;
  readonly #exhausted: () => void;

  constructor(
    nodes: Iterable<Node<Req, Rep>>,
    before: WeightClasses<Req, Rep> | undefined,
    kind: BalancerKind,
    rng: Rng,
    clock: Clock,
    exhausted: () => void,
  ) {
    this.#maxEffort = kind.maxEffort;
    this.#rng = rng;
    this.#exhausted = exhausted;
    const classes = new Map<number, WeightClass<Req, Rep>>();
    for (const node of nodes) {
      const weight = usableWeight(node.address.weight);
      let mine = classes.get(weight);
      if (mine === undefined) {
        const picker = before?.pickerOf(weight) ?? kind.newPicker<Req, Rep>(rng, clock);
        mine = { weight, nodes: [], picker };
        classes.set(weight, mine);
      }
      mine.nodes.push(node);
    }
    this.#byWeight = classes;
    this.#classes = [...classes.values()];
    for (const each of this.#classes) each.picker.rebuild(each.nodes);
    this.#ends = endsOf(this.#classes);
  }

  get size(): number {
    return this.#classes.length;
  }

  /** Classes without any open node. */
  get busy(): number {
    return this.#classes.filter((each) => bestOf(statuses(each.nodes)) !== "open").length;
  }

  pickerOf(weight: number): Picker<Node<Req, Rep>> | undefined {
    return this.#byWeight.get(weight)?.picker;
  }

  /** An open node if a few tries find one; else whatever comes. Undefined when there is none at all. */
  pick(): Node<Req, Rep> | undefined {
    if (this.#classes.length === 0) return undefined;
    const at = this.#classes.length === 1 ? 0 : this.#draw();
    const drawn = this.#classes[at] as WeightClass<Req, Rep>;
    const node = this.#open(drawn);
    if (node !== undefined) return node;
    // Another class may have what this one lacks. Rare, so that looking at every node is no harm.
    for (let i = 1; i < this.#classes.length; i++) {
      const other = this.#classes[(at + i) % this.#classes.length] as WeightClass<Req, Rep>;
      if (bestOf(statuses(other.nodes)) !== "open") continue;
      const found = this.#open(other);
      if (found !== undefined) return found;
    }
    this.#exhausted();
    return drawn.picker.pick();
  }

  #open(from: WeightClass<Req, Rep>): Node<Req, Rep> | undefined {
    for (let tries = 0; tries < this.#maxEffort; tries++) {
      const node = from.picker.pick();
      if (node.status === "open") return node;
    }
    return undefined;
  }

  #draw(): number {
    const ends = this.#ends;
    const point = this.#rng.next() * (ends[ends.length - 1] as number);
    let low = 0;
    let high = ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ends[middle] as number) > point) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** What discovery says, where it can be meant: not a number counts as 1, less than nothing as 0. */
function usableWeight(weight: number): number {
  if (Number.isNaN(weight)) return 1;
  return Math.min(Math.max(weight, 0), Number.MAX_VALUE);
}

function endsOf(classes: readonly { readonly weight: number; readonly nodes: readonly unknown[] }[]): Float64Array {
  // Relative to the greatest weight, so that no sum overflows; all alike when nobody has any weight.
  const most = classes.reduce((max, each) => Math.max(max, each.weight), 0);
  const ends = new Float64Array(classes.length);
  let end = 0;
  classes.forEach((each, i) => {
    end += (most === 0 ? 1 : each.weight / most) * each.nodes.length;
    ends[i] = end;
  });
  return ends;
}

function* statuses(nodes: readonly { readonly status: Status }[]): Iterable<Status> {
  for (const node of nodes) yield node.status;
}
