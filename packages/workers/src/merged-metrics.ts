import { Histogram, type HistogramJson, type Metric, type MetricsTree } from "@weftmesh/telemetry";
import type { MetricsReport } from "./messages.ts";

interface Told {
  readonly name: readonly string[];
  readonly key: string;
  readonly kind: Metric["kind"];
  value: number;
  histogram: HistogramJson | undefined;
}

interface Ended {
  readonly name: readonly string[];
  value: number;
}

/** Names of workers that have ended which are kept at most, beside those that a living worker has. */
const maxEnded = 100_000;

/**
 * The metrics of this process and of its workers as one tree.
 *
 * Shape: counters and gauges of one name are added, and distributions merged without loss. What a worker that has ended
 * had counted stays: a sum never falls because a worker was replaced.
 */
export class MergedMetrics implements MetricsTree {
  readonly #own: MetricsTree;
  readonly #workers = new Map<number, Map<number, Told>>();
  readonly #ended = new Map<string, Ended>();
  /** How many living workers have told of a name. */
  readonly #tellers = new Map<string, number>();

  constructor(own: MetricsTree) {
    this.#own = own;
  }

  /** What a worker, by a number of its own that is never used again, has told. */
  apply(worker: number, report: MetricsReport): void {
    let told = this.#workers.get(worker);
    if (told === undefined) {
      told = new Map();
      this.#workers.set(worker, told);
    }
    for (const id of report.gone) {
      const gone = told.get(id);
      told.delete(id);
      // What no worker has any more was taken out of its tree: in one process it would begin anew as well.
      if (gone !== undefined && this.#untell(gone.key)) this.#ended.delete(gone.key);
    }
    for (const [id, kind, name] of report.names) {
      const key = name.join("\0");
      told.set(id, { name, key, kind, value: 0, histogram: undefined });
      this.#tellers.set(key, (this.#tellers.get(key) ?? 0) + 1);
    }
    for (let i = 0; i + 1 < report.values.length; i += 2) {
      const each = told.get(report.values[i] as number);
      if (each !== undefined) each.value = report.values[i + 1] ?? Number.NaN;
    }
    for (const [id, histogram] of report.stats) {
      const each = told.get(id);
      if (each !== undefined) each.histogram = histogram;
    }
  }

  /** The worker has ended: its counters stay, its gauges and distributions go. */
  end(worker: number): void {
    const told = this.#workers.get(worker);
    if (told === undefined) return;
    this.#workers.delete(worker);
    for (const { key, name, kind, value } of told.values()) {
      this.#untell(key);
      if (kind !== "counter") continue;
      const ended = this.#ended.get(key);
      if (ended !== undefined) ended.value += value;
      else if (this.#ended.size < maxEnded) this.#ended.set(key, { name, value });
    }
  }

  forEach(visit: (name: readonly string[], metric: Metric) => void): void {
    const merged = new Map<string, Merged>();
    const at = (key: string, name: readonly string[], kind: Metric["kind"]): Merged | undefined => {
      let found = merged.get(key);
      if (found === undefined) {
        found = { key, name, kind, value: 0, histogram: undefined };
        merged.set(key, found);
      }
      return found.kind === kind ? found : undefined;
    };
    this.#own.forEach((name, metric) => {
      const each = at(name.join("\0"), name, metric.kind);
      if (each === undefined) return;
      if (metric.kind !== "stat") each.value += metric.value;
      else if (metric.summary instanceof Histogram) histogramOf(each).merge(metric.summary);
    });
    for (const told of this.#workers.values()) {
      for (const { key, name, kind, value, histogram } of told.values()) {
        const each = at(key, name, kind);
        if (each === undefined) continue;
        each.value += value;
        if (histogram !== undefined) histogramOf(each).mergeJson(histogram);
      }
    }
    for (const [key, { name, value }] of this.#ended) {
      const each = at(key, name, "counter");
      if (each !== undefined) each.value += value;
    }
    const sorted = [...merged.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    for (const { name, kind, value, histogram } of sorted) {
      visit(name, kind === "stat" ? { kind, summary: histogram } : { kind, value });
    }
  }

  /** True when that was the last worker with this name. */
  #untell(key: string): boolean {
    const left = (this.#tellers.get(key) ?? 1) - 1;
    if (left > 0) this.#tellers.set(key, left);
    else this.#tellers.delete(key);
    return left <= 0;
  }
}

function histogramOf(merged: Merged): Histogram {
  merged.histogram ??= new Histogram();
  return merged.histogram;
}

interface Merged {
  readonly key: string;
  readonly name: readonly string[];
  readonly kind: Metric["kind"];
  value: number;
  histogram: Histogram | undefined;
}
