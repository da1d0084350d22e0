import type { MetricsTree } from "@weftmesh/telemetry";
import type { Registry } from "prom-client";
import { forEachSample } from "./series.ts";

interface CollectedValue {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Collected {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: string;
  readonly values: readonly CollectedValue[];
}

/**
 * The metrics tree as one metric of prom-client, for a registry that somebody else serves.
 *
 * Shape: prom-client asks a metric for its values and writes them; it never asks what class the metric is of. Each
 * value brings the name of its own series. prom-client writes a HELP and a TYPE line for the whole; the series have none.
 */
export class MetricsTreeCollector {
  readonly name = "weftmesh_metrics_tree";
  readonly help = "The series that follow are those of the metrics tree, under their own names";
  readonly type = "untyped";
  readonly aggregator = "omit";
  readonly #tree: () => MetricsTree | undefined;
  readonly #prefix: string;

  constructor(tree: () => MetricsTree | undefined, prefix = "") {
    this.#tree = tree;
    this.#prefix = prefix;
  }

  get(): Promise<Collected> {
    const values: CollectedValue[] = [];
    const tree = this.#tree();
    if (tree !== undefined) {
      forEachSample(tree, this.#prefix, ({ name, labels, value }) => {
        values.push({ metricName: name, labels: Object.fromEntries(labels), value });
      });
    }
    return Promise.resolve({
      name: this.name,
      help: this.help,
      type: this.type,
      aggregator: this.aggregator,
      values,
    });
  }

  /** Part of what prom-client expects: the tree's counters are not prom-client's to reset. */
  reset(): void {}
}

/** Adds the collector to a registry, once. */
export function register(registry: Registry, collector: MetricsTreeCollector): void {
  registry.registerMetric(collector as unknown as Parameters<Registry["registerMetric"]>[0]);
}
