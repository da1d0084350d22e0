import { WeftError } from "@weftmesh/core";

/** A worker does not come up when the process starts. */
export class WorkerStartError extends WeftError {
  constructor(place: number, why: string) {
    super("WEFT_WORKER_START", `worker ${place} did not come up: ${why}`);
  }
}
