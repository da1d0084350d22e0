import type { MetricsTree } from "./metrics-tree.ts";
import type { StatsReceiver } from "./stats.ts";

/** One page or API that a telemeter, namer or interpreter adds to the admin server. */
export interface AdminHandler {
  /** Exact, or a prefix when it ends in `/`. */
  readonly path: string;
  readonly contentType: string;
  /** Called for each GET; may take its time. `query` is what stands behind `?`. */
  render(query: URLSearchParams): string | Promise<string>;
}

/** What a telemeter is given when the process starts it. */
export interface TelemeterRuntime {
  /** Every metric of the process. */
  readonly metrics: MetricsTree;
}

/** Carries metrics or traces out of the process. */
export interface Telemeter {
  /** Receives what modules count, beside the metrics tree that is always there. */
  readonly stats?: StatsReceiver;
  readonly adminHandlers?: readonly AdminHandler[];
  run(runtime: TelemeterRuntime): { close(): Promise<void> };
}
