import { bestOf, type Ctx, type Rng, type Status } from "@weftmesh/core";
import type { Distribution, DistributionSettings } from "./distribution.ts";
import type { Picker } from "./kind.ts";
import type { Node } from "./node.ts";
import { usableWeight, WeightLine } from "./weights.ts";

/** The class of all nodes that have any weight, when the kind looks at weights itself. */
const anyWeight = 1;

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
export class WeightClasses<Req, Rep> implements Distribution<Req, Rep> {
  readonly #byWeight: ReadonlyMap<number, WeightClass<Req, Rep>>;
  readonly #classes: readonly WeightClass<Req, Rep>[];
  readonly #line: WeightLine;
  readonly #maxEffort: number;
  readonly #rng: Rng;
  readonly #exhausted: () => void;

  constructor(
    nodes: Iterable<Node<Req, Rep>>,
    before: WeightClasses<Req, Rep> | undefined,
    settings: DistributionSettings,
  ) {
    const { kind, rng, clock, stats, exhausted } = settings;
    this.#maxEffort = kind.maxEffort;
    this.#rng = rng;
    this.#exhausted = exhausted;
    const weighted = kind.weighted === true;
    const classes = new Map<number, WeightClass<Req, Rep>>();
    for (const node of nodes) {
      const own = usableWeight(node.address.weight);
      const weight = weighted && own > 0 ? anyWeight : own;
      let mine = classes.get(weight);
      if (mine === undefined) {
        const picker = before?.pickerOf(weight) ?? kind.newPicker<Req, Rep>(rng, clock, stats);
        mine = { weight, nodes: [], picker };
        classes.set(weight, mine);
      }
      mine.nodes.push(node);
    }
    this.#byWeight = classes;
    this.#classes = [...classes.values()];
    for (const each of this.#classes) each.picker.rebuild(each.nodes, weighted ? relativeWeights(each) : undefined);
    this.#line = new WeightLine(sharesOf(this.#classes));
    before?.close(this);
  }

  /** Ends its pickers, save those that its successor has taken over. */
  close(successor?: WeightClasses<Req, Rep>): void {
    for (const { weight, picker } of this.#classes) if (successor?.pickerOf(weight) !== picker) picker.close?.();
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

  pick(req: Req, ctx: Ctx): Node<Req, Rep> | undefined {
    if (this.#classes.length === 0) return undefined;
    const at = this.#draw();
    const node = this.#openFrom(at, req, ctx);
    if (node !== undefined) return node;
    this.#exhausted();
    return (this.#classes[at] as WeightClass<Req, Rep>).picker.pick(req, ctx);
  }

  open(req: Req, ctx: Ctx): Node<Req, Rep> | undefined {
    return this.#classes.length === 0 ? undefined : this.#openFrom(this.#draw(), req, ctx);
  }

  any(req: Req, ctx: Ctx): Node<Req, Rep> | undefined {
    if (this.#classes.length === 0) return undefined;
    const { picker } = this.#classes[this.#draw()] as WeightClass<Req, Rep>;
    return picker.pickAny === undefined ? picker.pick(req, ctx) : picker.pickAny(req, ctx);
  }

  #draw(): number {
    return this.#classes.length === 1 ? 0 : this.#line.at(this.#rng.next());
  }

  #openFrom(at: number, req: Req, ctx: Ctx): Node<Req, Rep> | undefined {
    const node = this.#openIn(this.#classes[at] as WeightClass<Req, Rep>, req, ctx);
    if (node !== undefined) return node;
    // Another class may have what this one lacks. Rare, so that looking at every node is no harm.
    for (let i = 1; i < this.#classes.length; i++) {
      const other = this.#classes[(at + i) % this.#classes.length] as WeightClass<Req, Rep>;
      if (bestOf(statuses(other.nodes)) !== "open") continue;
      const found = this.#openIn(other, req, ctx);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #openIn(from: WeightClass<Req, Rep>, req: Req, ctx: Ctx): Node<Req, Rep> | undefined {
    const { picker } = from;
    for (let tries = 0; tries < this.#maxEffort; tries++) {
      if (picker.pickOpen !== undefined) {
        const node = picker.pickOpen(req, ctx);
        if (node !== undefined) return node;
        continue;
      }
      const node = picker.pick(req, ctx);
      if (node.status === "open") return node;
    }
    return undefined;
  }
}

/** Relative to the greatest, so that nothing overflows; all alike when nobody has any weight. */
function relativeWeights(within: {
  readonly nodes: readonly { readonly address: { weight: number } }[];
}): Float64Array {
  const weights = Float64Array.from(within.nodes, (node) => usableWeight(node.address.weight));
  const most = weights.reduce((max, each) => Math.max(max, each), 0);
  // Weights so far apart that their ratio is nothing still leave each a little.
  return weights.map((each) => (most === 0 ? 1 : Math.max(each / most, Number.MIN_VALUE)));
}

/** What each class has of all calls, by weight times size, relative to the greatest weight. */
function sharesOf(classes: readonly { readonly weight: number; readonly nodes: readonly unknown[] }[]): number[] {
  const most = classes.reduce((max, each) => Math.max(max, each.weight), 0);
  return classes.map((each) => (most === 0 ? 1 : each.weight / most) * each.nodes.length);
}

function* statuses(nodes: readonly { readonly status: Status }[]): Iterable<Status> {
  for (const node of nodes) yield node.status;
}
