import { type ReadConfig, toJson } from "@weftmesh/config";

/** The parts of a config as it was written, secrets and all: equal where nothing has changed. */
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

/** The text itself: no hash can be mistaken, and none has to be loaded. It is never shown. */
function fingerprint(value: unknown): string {
  return JSON.stringify(value ?? null);
}
