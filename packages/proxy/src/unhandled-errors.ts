import { asError } from "@weftmesh/core";
import type { Logger, StatsReceiver } from "@weftmesh/telemetry";

/**
 * An error that nobody owns is counted, logged once with its trace, and survived: a fault in one request or in one
 * plugin must not take the others' traffic down. The result takes the handlers away.
 */
export function surviveUnhandledErrors(stats: StatsReceiver, log: Logger): () => void {
  const counter = stats.counter("unhandled");
  const survive = (thrown: unknown): void => {
    counter.inc();
    const error = asError(thrown);
    log.error(`unhandled: ${error.stack ?? error.message}`);
  };
  process.on("uncaughtException", survive);
  process.on("unhandledRejection", survive);
  return () => {
    process.off("uncaughtException", survive);
    process.off("unhandledRejection", survive);
  };
}

/**
 * A log that nobody reads any more is no reason to end, nor to tell anybody: there is nobody left to be told. Without
 * this, the error of a broken pipe is unhandled, and is logged, into the same pipe, again and again.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}
