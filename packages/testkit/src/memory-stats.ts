import type { Counter, Stat, StatsReceiver } from "@weftmesh/telemetry";

interface Kept {
  readonly counters: Map<string, number>;
  readonly stats: Map<string, number[]>;
  readonly gauges: Map<string, () => number>;
}

/**
 * Metrics that a test can read back, whole: each name is its scopes joined by `/`.
 *
 * Shape: scopes share what they keep, and every `read...` takes the name below its own scope.
 */
export class MemoryStats implements StatsReceiver {
  readonly #kept: Kept;
  readonly #prefix: string;

  constructor(kept: Kept = { counters: new Map(), stats: new Map(), gauges: new Map() }, prefix = "") {
    this.#kept = kept;
    this.#prefix = prefix;
  }

  counter(...name: readonly string[]): Counter {
    const key = this.#key(name);
    const { counters } = this.#kept;
    counters.set(key, counters.get(key) ?? 0);
    return { inc: (delta = 1) => void counters.set(key, (counters.get(key) ?? 0) + delta) };
  }

  stat(...name: readonly string[]): Stat {
    const key = this.#key(name);
    const values = this.#kept.stats.get(key) ?? [];
    this.#kept.stats.set(key, values);
    return { add: (value) => void values.push(value) };
  }

  gauge(read: () => number, ...name: readonly string[]): () => void {
    const key = this.#key(name);
    this.#kept.gauges.set(key, read);
    return () => {
      if (this.#kept.gauges.get(key) === read) this.#kept.gauges.delete(key);
    };
  }

  scope(...name: readonly string[]): MemoryStats {
    return new MemoryStats(this.#kept, `${this.#key(name)}/`);
  }

  prune(): void {
    for (const map of [this.#kept.counters, this.#kept.stats, this.#kept.gauges]) {
      for (const key of [...map.keys()]) if (key.startsWith(this.#prefix)) map.delete(key);
    }
  }

  /** The counter's value; 0 when nobody asked for it. */
  readCounter(name: string): number {
    return this.#kept.counters.get(this.#prefix + name) ?? 0;
  }

  /** Everything that was added to the stat, in order. */
  readStat(name: string): readonly number[] {
    return this.#kept.stats.get(this.#prefix + name) ?? [];
  }

  /** What the gauge says now; undefined when there is none. */
  readGauge(name: string): number | undefined {
    return this.#kept.gauges.get(this.#prefix + name)?.();
  }

  /** Every name below this scope, sorted. */
  names(): readonly string[] {
    const names: string[] = [];
    for (const map of [this.#kept.counters, this.#kept.stats, this.#kept.gauges]) {
      for (const key of map.keys()) if (key.startsWith(this.#prefix)) names.push(key.slice(this.#prefix.length));
    }
    return names.sort();
  }

  #key(name: readonly string[]): string {
    return this.#prefix + name.join("/");
  }
}
