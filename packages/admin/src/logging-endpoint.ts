import { type LogLevels, readLogLevel } from "@weftmesh/telemetry";
import { type AdminEndpoint, json, status } from "./endpoint.ts";

/** Lists the loggers on GET; on POST sets the level of one by `logger` and `level`, and ignores names it does not know. */
export function loggingEndpoint(levels: Pick<LogLevels, "list" | "set">): AdminEndpoint {
  return {
    path: "/logging.json",
    methods: ["GET", "POST"],
    handle: ({ method, query, contentType, body }) => {
      if (method === "GET") return json(levels.list());
      const form = contentType === "application/x-www-form-urlencoded" ? new URLSearchParams(body) : undefined;
      const name = form?.get("logger") ?? query.get("logger");
      const levelName = form?.get("level") ?? query.get("level");
      if (name == null || levelName == null) return status(400, "logger and level are both required");
      const level = readLogLevel(levelName);
      if (level !== undefined) levels.set(name, level);
      return status(200);
    },
  };
}
