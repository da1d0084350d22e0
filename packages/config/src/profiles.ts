import type { ScalarValue } from "./source.ts";

/** What a profile says of one key. */
export interface ProfileDefault {
  readonly path: readonly string[];
  readonly value: ScalarValue;
}

/** Defaults by where they stand. A key that is not there, or that the protocol has not, is left out. */
export interface Profile {
  /** Of the process, once any router or server has the profile. */
  readonly process: readonly ProfileDefault[];
  readonly router: readonly ProfileDefault[];
  readonly server: readonly ProfileDefault[];
}

function defaults(values: Readonly<Record<string, ScalarValue>>): readonly ProfileDefault[] {
  return Object.entries(values).map(([key, value]) => ({ path: key.split("."), value }));
}

/**
 * For listeners that anybody on the internet may connect to.
 *
 * Each value is a limit that no honest client meets, or takes trust from what a client says. Timeouts of whole requests
 * and numbers of requests are not here: only the operator knows what the services behind need.
 */
const edge: Profile = {
  process: defaults({ "overload.maxConnections": 10_000 }),
  router: defaults({
    maxHeadersKB: 8,
    maxInitialLineKB: 4,
    allowInetFromOverride: false,
    allowLocalFromOverride: false,
  }),
  server: defaults({
    clearContext: true,
    clearForwarded: true,
    allowUnderscoresInHeaders: false,
    maxHeaderLines: 100,
    connectionBufferKB: 32,
    maxConnections: 8_000,
    "serverSession.idleTimeMs": 60_000,
    "slowClients.headerTimeoutMs": 10_000,
    "slowClients.bodyWindowMs": 20_000,
    "slowClients.minBodyBytesPerSec": 240,
    "slowClients.responseWindowMs": 30_000,
    "slowClients.minResponseBytesPerSec": 240,
    // For HTTP/2.
    maxConcurrentStreamsPerConnection: 100,
    initialStreamWindowBytes: 65_536,
    connectionWindowBytes: 1_048_576,
    maxHeaderListBytes: 8_192,
  }),
};

export const profiles: ReadonlyMap<string, Profile> = new Map([["edge", edge]]);
