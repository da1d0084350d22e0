import { setFlagsFromString } from "node:v8";

/**
 * Has V8 collect young objects on the thread that made them, for a process that is a proxy and nothing else.
 *
 * Of what a proxy makes for a request nothing outlives it, so that a collection finds little to keep and takes less than
 * a ms; waking helper threads for it costs more CPU than they take over (ADR 0027).
 */
export function collectYoungObjectsAlone(): void {
  setFlagsFromString("--no-parallel-scavenge");
}
