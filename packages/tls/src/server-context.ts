import type { Clock } from "@weftmesh/core";
import type { StatsReceiver } from "@weftmesh/telemetry";
import { curves, defaultCiphers, opensslCiphers } from "./ciphers.ts";
import { certificatesOf, describePair, exposedKey, pairFiles, readPair } from "./context-files.ts";
import { secureOptions, sessionSeconds } from "./context-options.ts";
import { asSettingError } from "./errors.ts";
import { LiveContext, type TlsLog } from "./live-context.ts";
import { nodeTls } from "./node-tls.ts";
import { versionRange } from "./protocols.ts";
import { SessionKeyring } from "./session-keys.ts";
import type { ServerTlsSettings } from "./settings.ts";
import { type SystemRoots, systemRoots } from "./system-roots.ts";

export interface ContextSurroundings {
  /** How messages call it: `server 0.0.0.0:4140`. */
  readonly name: string;
  readonly clock: Clock;
  readonly stats: StatsReceiver;
  readonly log: TlsLog;
  /** See `SessionSecretParam`. */
  readonly sessionSecret?: Uint8Array | undefined;
}

/** The context of a listener, from its files. Errors: TlsFileError, TlsSettingError. */
export function serverContext(settings: ServerTlsSettings, around: ContextSurroundings): LiveContext {
  const { requireClientAuth, caCertPath } = settings;
  const ciphers = opensslCiphers(settings.ciphers ?? defaultCiphers);
  const versions = versionRange(settings.protocols);
  const own = requireClientAuth && caCertPath !== undefined ? [{ key: "caCertPath", path: caCertPath }] : [];
  const roots: SystemRoots | undefined = requireClientAuth && caCertPath === undefined ? systemRoots() : undefined;
  // Sessions are told apart by it, and must be where clients are asked for certificates.
  const sessions = new SessionKeyring(around.sessionSecret, `${around.name} ${requireClientAuth}`);
  return new LiveContext({
    ...around,
    files: [...pairFiles(settings), ...own, ...(roots?.files ?? [])],
    make: (texts) => {
      const pair = readPair(settings, texts);
      const trusted =
        caCertPath === undefined || !requireClientAuth
          ? roots?.read(texts)
          : certificatesOf("caCertPath", caCertPath, texts).map((each) => each.toString());
      try {
        const made = nodeTls().createSecureContext({
          cert: pair.cert,
          key: pair.key,
          ciphers,
          ...versions,
          honorCipherOrder: true,
          ecdhCurve: curves,
          secureOptions: secureOptions(),
          ...sessions.keys(texts),
          sessionTimeout: sessionSeconds,
          ...(trusted === undefined ? {} : { ca: [...trusted], allowPartialTrustChain: true }),
        });
        return describePair(made, pair);
      } catch (cause) {
        throw asSettingError("certPath", cause);
      }
    },
    warnings: () => [
      ...[exposedKey("keyPath", settings.keyPath)].filter((warning) => warning !== undefined),
      ...(caCertPath !== undefined && !requireClientAuth
        ? ["caCertPath is not used: clients are asked for no certificate without requireClientAuth: true"]
        : []),
    ],
  });
}
