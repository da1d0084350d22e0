import { createHash } from "node:crypto";
import { type ReadConfig, toJson } from "@weftmesh/config";

/** Short stand-ins for the parts of a config as it was written: equal where nothing has changed, and no secret in them. */
export interface Fingerprints {
  readonly admin: string;
  readonly telemetry: string;
  readonly namers: string;
  readonly plugins: string;
  readonly overload: string;
  /** In the order of the config. */
  readonly routers: readonly string[];
}

export function fingerprintsOf(read: ReadConfig): Fingerprints {
  const written = toJson(read, { revealSecrets: true }) as Readonly<Record<string, unknown>>;
  const routers = Array.isArray(written["routers"]) ? written["routers"] : [];
  return {
    admin: fingerprint(written["admin"]),
    telemetry: fingerprint(written["telemetry"]),
    namers: fingerprint(written["namers"]),
    plugins: fingerprint(written["plugins"]),
    overload: fingerprint(written["overload"]),
    routers: routers.map(fingerprint),
  };
}

function fingerprint(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(value ?? null))
    .digest("base64");
}
