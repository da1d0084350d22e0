import type { HistogramJson } from "@weftmesh/telemetry";

/** What a worker needs to begin: the config itself, since standard input can be read once, and how it was asked for. */
export interface WorkerStart {
  readonly config: string;
  readonly settings: unknown;
  /** The prefixes of the namers, in the order of the config, and which reading of the config they are of. */
  readonly namers: RemoteNamers;
  readonly worker: number;
}

export interface RemoteNamers {
  readonly generation: number;
  readonly prefixes: readonly string[];
}

/** What a worker asks the supervisor to watch for it. */
export type Watch =
  | { readonly of: "tree"; readonly generation: number; readonly namer: number; readonly path: string }
  | {
      readonly of: "addr";
      readonly generation: number;
      readonly namer: number;
      readonly path: string;
      /** Id and residual of the bound name. */
      readonly id: string;
      readonly residual: string;
    }
  | { readonly of: "host"; readonly host: string };

/** What has changed in the metrics of a worker since its last report. */
export interface MetricsReport {
  /** Names that are new, with the numbers that stand for them from now on. */
  readonly names: readonly (readonly [id: number, kind: "counter" | "gauge" | "stat", name: readonly string[]])[];
  /** Number and value in turn. A value that JSON has no word for is null. */
  readonly values: readonly (number | null)[];
  readonly stats: readonly (readonly [id: number, histogram: HistogramJson])[];
  readonly gone: readonly number[];
}

/** From the supervisor to a worker. */
export type ToWorker =
  | { readonly t: "start"; readonly start: WorkerStart }
  | { readonly t: "reload"; readonly id: number; readonly config: string; readonly namers: RemoteNamers }
  /** A handle comes with it. */
  | { readonly t: "connection"; readonly to: string }
  | { readonly t: "report"; readonly id: number }
  | { readonly t: "clients"; readonly id: number }
  | { readonly t: "window" }
  | { readonly t: "logLevel"; readonly logger: string; readonly level: string }
  | { readonly t: "value"; readonly watch: number; readonly value: unknown }
  /** No more connections come. */
  | { readonly t: "released" }
  | { readonly t: "drain"; readonly graceMs: number };

/** From a worker to the supervisor. */
export type FromWorker =
  | { readonly t: "hello" }
  | { readonly t: "ready" }
  | { readonly t: "failed"; readonly message: string }
  | { readonly t: "reloaded"; readonly id: number; readonly problem?: string }
  /** Connections taken so far, and those open now. */
  | { readonly t: "took"; readonly taken: number; readonly open: number }
  | { readonly t: "report"; readonly id: number; readonly report: MetricsReport }
  | { readonly t: "clients"; readonly id: number; readonly clients: readonly (readonly [string, unknown])[] }
  | { readonly t: "watch"; readonly watch: number; readonly what: Watch }
  | { readonly t: "unwatch"; readonly watch: number }
  /** It wants no more connections, since it is to end. */
  | { readonly t: "leaving" };
