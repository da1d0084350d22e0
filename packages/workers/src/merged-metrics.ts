import { Histogram, type HistogramJson, type Metric, type MetricsTree } from "@weftmesh/telemetry";
import { joinedGauge } from "./joined-gauge.ts";
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
 * Shape: counters of one name are added, and gauges where a sum says something; distributions are merged without loss. What a worker that has ended
 * had counted stays: a sum never falls because a worker was replaced.
 */
export class MergedMetrics implements MetricsTree {
  readonly #own: MetricsTree;
  readonly #onlyWorkers: ReadonlySet<string>;
  readonly #workers = new Map<number, Map<number, Told>>();
  readonly #ended = new Map<string, Ended>();
  /** How many living workers have told of a name. */
  readonly #tellers = new Map<string, number>();

  /** Gauges below the scopes of `onlyWorkers` are not those of this process, which has the same stacks and no load. */
  constructor(own: MetricsTree, onlyWorkers: readonly string[] = []) {
    this.#own = own;
    this.#onlyWorkers = new Set(onlyWorkers);
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
        found = { key, name, kind, value: undefined, histogram: undefined };
        merged.set(key, found);
      }
      return found.kind === kind ? found : undefined;
    };
    this.#own.forEach((name, metric) => {
      if (metric.kind === "gauge" && this.#onlyWorkers.has(name[0] ?? "")) return;
      const each = at(name.join("\0"), name, metric.kind);
      if (each === undefined) return;
      if (metric.kind !== "stat") add(each, metric.value);
      else if (metric.summary instanceof Histogram) histogramOf(each).merge(metric.summary);
    });
    for (const told of this.#workers.values()) {
      for (const { key, name, kind, value, histogram } of told.values()) {
        const each = at(key, name, kind);
        if (each === undefined) continue;
        add(each, value);
        if (histogram !== undefined) histogramOf(each).mergeJson(histogram);
      }
    }
    for (const [key, { name, value }] of this.#ended) {
      const each = at(key, name, "counter");
      if (each !== undefined) add(each, value);
    }
    const sorted = [...merged.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    for (const { name, kind, value, histogram } of sorted) {
      visit(name, kind === "stat" ? { kind, summary: histogram } : { kind, value: value ?? 0 });
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

function add(merged: Merged, value: number): void {
  if (merged.value === undefined) merged.value = value;
  else merged.value = merged.kind === "gauge" ? joinedGauge(merged.name, merged.value, value) : merged.value + value;
}

function histogramOf(merged: Merged): Histogram {
  merged.histogram ??= new Histogram();
  return merged.histogram;
}

interface Merged {
  readonly key: string;
  readonly name: readonly string[];
  readonly kind: Metric["kind"];
  /** Undefined until somebody has told one. */
  value: number | undefined;
  histogram: Histogram | undefined;
}
