import type { EjectionEvent, EjectionKind, EjectionListener } from "@weftmesh/failure-accrual";
import type { Logger } from "@weftmesh/telemetry";

/** What became of an endpoint, as a line of the log says it. */
const said: Readonly<Record<EjectionKind, (event: EjectionEvent) => string>> = {
  ejected: ({ forMs }) => `is taken out for ${Math.round(forMs)} ms`,
  stillEjected: ({ forMs }) => `stays out for another ${Math.round(forMs)} ms`,
  revived: ({ forMs }) => `is back after ${Math.round(forMs)} ms`,
  refused: () => "ought to be taken out, and too many are",
  failFastDead: ({ forMs }) => `is left alone for ${Math.round(forMs)} ms`,
  failFastAlive: ({ forMs }) => `is asked again after ${Math.round(forMs)} ms`,
};

/** A line of the log for each turn in the life of an endpoint. */
export function ejectionLog(logger: Logger): EjectionListener {
  return (event) => logger.info(`${event.endpoint} ${said[event.kind](event)}: ${event.reason}`);
}
