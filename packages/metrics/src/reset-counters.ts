import { knownCodeName, StreamError } from "@weftmesh/http";
import type { Counter, StatsReceiver } from "@weftmesh/telemetry";

/** Counts the streams that were reset, by which side and with which code: `remote/reset`, `remote/reset/CANCEL`. */
export class ResetCounters {
  readonly #stats: StatsReceiver;
  readonly #sides = new Map<string, Counter>();

  /** `stats` is the scope `stream`. */
  constructor(stats: StatsReceiver) {
    this.#stats = stats;
    for (const side of ["local", "remote"]) this.#sides.set(side, stats.counter(side, "reset"));
  }

  /** Counts nothing for a failure that is no reset. */
  count(error: Error): void {
    if (!(error instanceof StreamError)) return;
    // A peer may make up any number of codes, and each name is a counter.
    this.#count(error.remote ? "remote" : "local", knownCodeName(error.http2Code) ?? "other");
  }

  /** The call was given up from above: its stream is cancelled by us, whoever is at the bottom of it. */
  cancelled(): void {
    this.#count("local", "CANCEL");
  }

  #count(side: string, name: string): void {
    this.#sides.get(side)?.inc();
    const key = `${side}/${name}`;
    let counter = this.#sides.get(key);
    if (counter === undefined) {
      counter = this.#stats.counter(side, "reset", name);
      this.#sides.set(key, counter);
    }
    counter.inc();
  }
}
