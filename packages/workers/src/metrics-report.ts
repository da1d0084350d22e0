import { Histogram, type Metric, type MetricsTree, type Summary } from "@weftmesh/telemetry";
import type { MetricsReport } from "./messages.ts";

interface Reported {
  readonly id: number;
  readonly kind: Metric["kind"];
  value: number | undefined;
  summary: Summary | undefined;
  seen: number;
}

/**
 * Tells what has changed in a tree of metrics since it was asked the last time.
 *
 * Shape: each name is sent once, and stands for itself as a number from then on. Metrics below the scopes of `except`
 * are left out.
 * Cost: one walk of the tree for each report.
 */
export class MetricsReporter {
  readonly #tree: MetricsTree;
  readonly #except: ReadonlySet<string>;
  readonly #reported = new Map<string, Reported>();
  #reports = 0;
  #lastId = 0;

  constructor(tree: MetricsTree, except: readonly string[] = []) {
    this.#tree = tree;
    this.#except = new Set(except);
  }

  report(): MetricsReport {
    const turn = ++this.#reports;
    const names: [number, Metric["kind"], readonly string[]][] = [];
    const values: (number | null)[] = [];
    const stats: (readonly [number, readonly number[]])[] = [];
    const gone: number[] = [];
    this.#tree.forEach((name, metric) => {
      if (this.#except.has(name[0] ?? "")) return;
      const key = name.join("\0");
      let known = this.#reported.get(key);
      if (known !== undefined && known.kind !== metric.kind) {
        gone.push(known.id);
        known = undefined;
      }
      if (known === undefined) {
        known = { id: ++this.#lastId, kind: metric.kind, value: undefined, summary: undefined, seen: turn };
        this.#reported.set(key, known);
        names.push([known.id, metric.kind, name]);
      }
      known.seen = turn;
      if (metric.kind !== "stat") {
        if (Object.is(known.value, metric.value)) return;
        known.value = metric.value;
        values.push(known.id, Number.isFinite(metric.value) ? metric.value : null);
      } else if (metric.summary !== known.summary && metric.summary instanceof Histogram) {
        known.summary = metric.summary;
        stats.push([known.id, metric.summary.toJSON()]);
      }
    });
    for (const [key, { id, seen }] of this.#reported) {
      if (seen === turn) continue;
      this.#reported.delete(key);
      gone.push(id);
    }
    return { names, values, stats, gone };
  }
}
