import { type Clock, noClock, type Timer, WeftError } from "@weftmesh/core";
import { CounterCell } from "./counter.ts";
import { Histogram } from "./histogram.ts";
import type { Metric, MetricsTree, Summary } from "./metrics-tree.ts";
import type { Counter, Stat, StatsReceiver } from "./stats.ts";

export interface MetricsRegistryOptions {
  /** Tells the windows of the stats apart; only `start` reads it. */
  readonly clock?: Clock;
  /** How long a window of the stats is, in ms; 60 000 when not given. */
  readonly windowMs?: number;
  /** Scopes and metrics that the tree holds at most; 100 000 when not given. */
  readonly maxNames?: number;
}

/** A name is in use for another kind of metric. */
export class MetricKindError extends WeftError {
  constructor(name: string, is: string, wanted: string) {
    super("WEFT_METRIC_KIND", `the metric ${name} is a ${is} and cannot be a ${wanted} as well`);
  }
}

/** A distribution, of which the tree shows the last window that is over. */
class StatCell {
  readonly current: Histogram = new Histogram();
  last: Summary | undefined = undefined;
}

class GaugeCell {
  readonly #reads: (() => number)[] = [];

  get isEmpty(): boolean {
    return this.#reads.length === 0;
  }

  add(read: () => number): void {
    this.#reads.push(read);
  }

  delete(read: () => number): void {
    const at = this.#reads.indexOf(read);
    if (at !== -1) this.#reads.splice(at, 1);
  }

  /** A gauge that throws must not hide the other metrics. */
  value(): number {
    let sum = 0;
    try {
      for (const read of this.#reads) sum += read();
    } catch {
      return Number.NaN;
    }
    return sum;
  }
}

type Cell = CounterCell | StatCell | GaugeCell;

class Node {
  readonly name: string;
  readonly parent: Node | undefined;
  /** False once it was pruned, or when the tree was full: what is made below it is seen by nobody. */
  live: boolean;
  /** A receiver was handed out for it, so it outlives its last metric. */
  scoped = false;
  cell: Cell | undefined = undefined;
  children: Map<string, Node> | undefined = undefined;
  /** The children in the order of their names, until one comes or goes. */
  sorted: readonly Node[] | undefined = undefined;

  constructor(name: string, parent: Node | undefined, live: boolean) {
    this.name = name;
    this.parent = parent;
    this.live = live;
  }

  /** For messages. */
  get path(): string {
    return this.parent?.parent === undefined ? this.name : `${this.parent.path}/${this.name}`;
  }
}

function byName(a: Node, b: Node): number {
  return a.name < b.name ? -1 : 1;
}

const kindOf = (cell: Cell): string =>
  cell instanceof CounterCell ? "counter" : cell instanceof StatCell ? "stat" : "gauge";

/**
 * Every metric of the process, in a tree.
 *
 * Shape: the root of all receivers, and the tree that telemeters read. A receiver stands for one place in the tree:
 * once that was pruned, the receiver and all metrics below it go on counting, into nothing; the parent gives a fresh one.
 * Errors: `WEFT_METRIC_KIND` for a name that another kind of metric has. When the tree is full, metrics that are
 * refused count into nothing, and `telemetry/refused` says how many there were.
 * Cost: looking a metric up is for build time; `forEach` sorts only what has changed.
 */
export class MetricsRegistry implements StatsReceiver, MetricsTree {
  readonly #clock: Clock;
  readonly #windowMs: number;
  #maxNames: number;
  readonly #root = new Node("", undefined, true);
  readonly #receiver: ScopedStats;
  readonly #stats = new Set<StatCell>();
  #names = 0;
  #refused: CounterCell | undefined;
  #timer: Timer | undefined;

  constructor(options: MetricsRegistryOptions = {}) {
    this.#clock = options.clock ?? noClock;
    this.#windowMs = options.windowMs ?? 60_000;
    this.#maxNames = options.maxNames ?? 100_000;
    if (!(this.#windowMs > 0)) throw new RangeError(`windowMs must be above 0, not ${this.#windowMs}`);
    this.#receiver = new ScopedStats(this, this.#root);
  }

  /** Scopes and metrics in the tree now. */
  get size(): number {
    return this.#names;
  }

  counter(...name: readonly string[]): Counter {
    return this.#receiver.counter(...name);
  }

  stat(...name: readonly string[]): Stat {
    return this.#receiver.stat(...name);
  }

  gauge(read: () => number, ...name: readonly string[]): () => void {
    return this.#receiver.gauge(read, ...name);
  }

  scope(...name: readonly string[]): StatsReceiver {
    return this.#receiver.scope(...name);
  }

  /** Empties the whole tree. */
  prune(): void {
    this.#receiver.prune();
  }

  forEach(visit: (name: readonly string[], metric: Metric) => void): void {
    walk(this.#root, [], visit);
  }

  /** Closes the window of every stat and opens the next. */
  snapshot(): void {
    for (const stat of this.#stats) stat.last = stat.current.take();
  }

  /** Takes snapshots, one per window, until it is closed. A second start without a close changes nothing. */
  start(): { close(): Promise<void> } {
    if (this.#timer === undefined) this.#arm();
    return {
      close: () => {
        this.#timer?.cancel();
        this.#timer = undefined;
        return Promise.resolve();
      },
    };
  }

  #arm(): void {
    this.#timer = this.#clock.after(this.#windowMs, () => {
      this.#arm();
      this.snapshot();
    });
  }

  /** The node of that name below another, made when it is not there. For receivers. */
  resolve(from: Node, name: readonly string[]): Node {
    let node = from;
    for (const each of name) node = node.children?.get(each) ?? this.#grow(node, each);
    return node;
  }

  #grow(parent: Node, name: string): Node {
    if (parent.live && this.#names >= this.#maxNames) {
      this.#refused ??= this.#refusals();
      this.#refused.inc();
      return new Node(name, parent, false);
    }
    const node = new Node(name, parent, parent.live);
    parent.children ??= new Map();
    parent.children.set(name, node);
    parent.sorted = undefined;
    if (node.live) this.#names++;
    return node;
  }

  /** The one metric that may pass the limit. */
  #refusals(): CounterCell {
    const limit = this.#maxNames;
    this.#maxNames = Number.POSITIVE_INFINITY;
    const node = this.resolve(this.#root, ["telemetry", "refused"]);
    this.#maxNames = limit;
    const cell = node.cell instanceof CounterCell ? node.cell : new CounterCell();
    node.cell ??= cell;
    return cell;
  }

  /** Gives the node its metric. For receivers. */
  register(node: Node, cell: Cell): void {
    node.cell = cell;
    if (cell instanceof StatCell && node.live) this.#stats.add(cell);
  }

  /** Takes the node, and all below it, out of the tree. For receivers. */
  remove(node: Node): void {
    if (node.live) this.#forget(node);
    const { parent } = node;
    if (parent?.children?.get(node.name) !== node) return;
    parent.children.delete(node.name);
    parent.sorted = undefined;
  }

  /** Takes the node's own metric away. For receivers. */
  clear(node: Node): void {
    if (node.cell instanceof StatCell) this.#stats.delete(node.cell);
    node.cell = undefined;
  }

  #forget(node: Node): void {
    node.live = false;
    this.#names--;
    if (node.cell instanceof StatCell) this.#stats.delete(node.cell);
    if (node.cell !== undefined && node.cell === this.#refused) this.#refused = undefined;
    if (node.children !== undefined) for (const child of node.children.values()) this.#forget(child);
  }
}

function walk(node: Node, path: string[], visit: (name: readonly string[], metric: Metric) => void): void {
  if (node.cell !== undefined) visit([...path], read(node.cell));
  if (node.children === undefined) return;
  node.sorted ??= [...node.children.values()].sort(byName);
  for (const child of node.sorted) {
    path.push(child.name);
    walk(child, path, visit);
    path.pop();
  }
}

function read(cell: Cell): Metric {
  if (cell instanceof CounterCell) return { kind: "counter", value: cell.value };
  if (cell instanceof StatCell) return { kind: "stat", summary: cell.last };
  return { kind: "gauge", value: cell.value() };
}

class ScopedStats implements StatsReceiver {
  readonly #registry: MetricsRegistry;
  readonly #node: Node;

  constructor(registry: MetricsRegistry, node: Node) {
    this.#registry = registry;
    this.#node = node;
    node.scoped = true;
  }

  counter(...name: readonly string[]): Counter {
    const node = this.#registry.resolve(this.#node, name);
    if (node.cell === undefined) this.#registry.register(node, new CounterCell());
    if (node.cell instanceof CounterCell) return node.cell;
    throw new MetricKindError(node.path, kindOf(node.cell as Cell), "counter");
  }

  stat(...name: readonly string[]): Stat {
    const node = this.#registry.resolve(this.#node, name);
    if (node.cell === undefined) this.#registry.register(node, new StatCell());
    if (node.cell instanceof StatCell) return node.cell.current;
    throw new MetricKindError(node.path, kindOf(node.cell as Cell), "stat");
  }

  gauge(read: () => number, ...name: readonly string[]): () => void {
    const node = this.#registry.resolve(this.#node, name);
    if (node.cell !== undefined && !(node.cell instanceof GaugeCell)) {
      throw new MetricKindError(node.path, kindOf(node.cell), "gauge");
    }
    const cell = node.cell ?? new GaugeCell();
    if (node.cell === undefined) this.#registry.register(node, cell);
    // The same function may be added twice; each remover takes away its own.
    const own = (): number => read();
    cell.add(own);
    return () => {
      cell.delete(own);
      if (!cell.isEmpty || node.cell !== cell) return;
      node.cell = undefined;
      if (!node.scoped && (node.children === undefined || node.children.size === 0)) this.#registry.remove(node);
    };
  }

  scope(...name: readonly string[]): StatsReceiver {
    return name.length === 0 ? this : new ScopedStats(this.#registry, this.#registry.resolve(this.#node, name));
  }

  prune(): void {
    const node = this.#node;
    if (node.parent !== undefined) {
      this.#registry.remove(node);
      return;
    }
    if (node.children !== undefined) for (const child of [...node.children.values()]) this.#registry.remove(child);
    this.#registry.clear(node);
  }
}
