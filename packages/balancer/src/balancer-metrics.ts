import type { Status } from "@weftmesh/core";
import type { Counter, StatsReceiver } from "@weftmesh/telemetry";

/** What the gauges read; each reading walks over the nodes. */
interface Subject {
  nodes(): Iterable<{ readonly status: Status; readonly pending: number }>;
  classes(): { readonly size: number; readonly busy: number };
  panicking(): boolean;
}

/** Which of the metrics there are that only some balancers have. */
interface Options {
  readonly zone: boolean;
  readonly panic: boolean;
}

const uncounted: Counter = { inc: () => {} };

/** The metrics of one balancer, under `loadbalancer`, with the names of Linkerd 1. */
export class BalancerMetrics {
  readonly adds: Counter;
  readonly removes: Counter;
  readonly rebuilds: Counter;
  readonly updates: Counter;
  readonly exhausted: Counter;
  readonly crossZone: Counter;
  readonly panicPicks: Counter;
  readonly #removeGauges: (() => void)[];

  constructor(stats: StatsReceiver, algorithm: string, subject: Subject, options: Options) {
    const scope = stats.scope("loadbalancer");
    this.adds = scope.counter("adds");
    this.removes = scope.counter("removes");
    this.rebuilds = scope.counter("rebuilds");
    this.updates = scope.counter("updates");
    this.exhausted = scope.counter("max_effort_exhausted");
    this.crossZone = options.zone ? scope.counter("cross_zone") : uncounted;
    this.panicPicks = options.panic ? scope.counter("panic_picks") : uncounted;
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
    if (options.panic) this.#removeGauges.push(scope.gauge(() => (subject.panicking() ? 1 : 0), "panicking"));
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
