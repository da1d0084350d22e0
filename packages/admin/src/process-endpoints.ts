import type { Clock } from "@weftmesh/core";
import { type AdminEndpoint, json, status } from "./endpoint.ts";
import { readTwitterDuration } from "./twitter-duration.ts";

export const ping: AdminEndpoint = { path: "/admin/ping", handle: () => ({ body: "pong" }) };

/**
 * Ends the process, on POST. `shutdown` is called once the answer has left.
 *
 * Units: `grace` as a duration of Twitter's, as `10.seconds`; without it `shutdown` is given undefined.
 */
export function shutdownEndpoint(shutdown: (graceMs: number | undefined) => void): AdminEndpoint {
  return {
    path: "/admin/shutdown",
    methods: ["POST"],
    handle: ({ query, contentType, body }) => {
      const form = contentType === "application/x-www-form-urlencoded" ? new URLSearchParams(body) : undefined;
      const grace = query.get("grace") ?? form?.get("grace") ?? undefined;
      const graceMs = grace === undefined ? undefined : readTwitterDuration(grace);
      if (grace !== undefined && graceMs === undefined)
        return status(400, "grace is not a duration, such as 10.seconds");
      return { body: "quitting\n", headers: { connection: "close" }, onSent: () => shutdown(graceMs) };
    },
  };
}

export interface ServerInfo {
  readonly name: string;
  readonly version: string;
  /** What tells one build of a version from another: a time or a revision. */
  readonly build: string;
  readonly buildRevision?: string;
}

/** `uptime` is in ms since this was made. */
export function serverInfoEndpoint(info: ServerInfo, clock: Clock): AdminEndpoint {
  const startedMs = clock.now();
  return {
    path: "/admin/server_info",
    handle: () =>
      json({
        name: info.name,
        version: info.version,
        build: info.build,
        build_revision: info.buildRevision ?? "unknown",
        start_time: clock.epochMs() - Math.round(clock.now() - startedMs),
        uptime: Math.round(clock.now() - startedMs),
      }),
  };
}
