import type { LogLevel } from "@weftmesh/telemetry";

/** The command line of the supervisor, as far as it concerns its workers. */
export interface WorkerSettings {
  readonly configName: string;
  readonly pluginNames: readonly string[];
  readonly logLevel: LogLevel | undefined;
  /** In base64, as messages are JSON: so that each worker takes up the TLS sessions of the others. */
  readonly sessionSecret: string;
}

/** In the environment of a worker: the program is to be one. */
export const workerVariable = "WEFT_WORKER";
