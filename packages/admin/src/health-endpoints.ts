import { type AdminEndpoint, status } from "./endpoint.ts";

/** Where a process stands between its start and its end. */
export type ProcessPhase = "starting" | "ready" | "draining";

/** Answers as long as the process can answer at all: for whoever starts it again when it cannot. */
export const liveEndpoint: AdminEndpoint = { path: "/live", handle: () => ({ body: "live\n" }) };

/** 200 while the process takes requests, 503 before and after: for whoever sends them. */
export function readyEndpoint(phase: () => ProcessPhase): AdminEndpoint {
  return {
    path: "/ready",
    handle: () => {
      const now = phase();
      return status(now === "ready" ? 200 : 503, `${now}\n`);
    },
  };
}
