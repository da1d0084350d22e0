import type { Status } from "@weftmesh/core";
import type { Counter, StatsReceiver } from "@weftmesh/telemetry";

/** What the gauges read; each reading walks over the nodes. */
interface Subject {
  nodes(): Iterable<{ readonly status: Status; readonly pending: number }>;
  classes(): { readonly size: number; readonly busy: number };
}

/** The metrics of one balancer, under `loadbalancer`, with the names of Linkerd 1. */
export class BalancerMetrics {
  readonly adds: Counter;
  readonly removes: Counter;
  readonly rebuilds: Counter;
  readonly updates: Counter;
  readonly exhausted: Counter;
  readonly #removeGauges: (() => void)[];

  constructor(stats: StatsReceiver, algorithm: string, subject: Subject) {
    const scope = stats.scope("loadbalancer");
    this.adds = scope.counter("adds");
    this.removes = scope.counter("removes");
    this.rebuilds = scope.counter("rebuilds");
    this.updates = scope.counter("updates");
    this.exhausted = scope.counter("max_effort_exhausted");
    const count = (status: Status) => () => sum(subject.nodes(), (node) => (node.status === status ? 1 : 0));
    this.#removeGauges = [
      scope.gauge(() => sum(subject.nodes(), () => 1), "size"),
      scope.gauge(count("open"), "available"),
      scope.gauge(count("busy"), "busy"),
      scope.gauge(count("closed"), "closed"),
      scope.gauge(() => sum(subject.nodes(), (node) => node.pending), "load"),
      scope.gauge(() => subject.classes().size, "num_weight_classes"),
      scope.gauge(() => subject.classes().busy, "busy_weight_classes"),
      scope.gauge(() => 1, "algorithm", algorithm),
    ];
  }

  close(): void {
    for (const remove of this.#removeGauges) remove();
  }
}

function sum<T>(items: Iterable<T>, of: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += of(item);
  return total;
}
