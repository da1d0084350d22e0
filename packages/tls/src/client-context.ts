import { curves, defaultCiphers, opensslCiphers } from "./ciphers.ts";
import { certificatesOf, describePair, exposedKey, pairFiles, readPair } from "./context-files.ts";
import { secureOptions } from "./context-options.ts";
import { asSettingError, TlsSettingError } from "./errors.ts";
import type { FileTexts, NamedFile } from "./file-source.ts";
import { LiveContext } from "./live-context.ts";
import { nodeTls } from "./node-tls.ts";
import { versionRange } from "./protocols.ts";
import type { ContextSurroundings } from "./server-context.ts";
import type { ClientTlsSettings } from "./settings.ts";
import { systemRoots } from "./system-roots.ts";

interface Trust {
  readonly files: readonly NamedFile[];
  /** Undefined where nothing is checked. */
  read(texts: FileTexts): readonly string[] | undefined;
}

/** The context of connections to servers, from its files. Errors: TlsFileError, TlsSettingError. */
export function clientContext(settings: ClientTlsSettings, around: ContextSurroundings): LiveContext {
  const { clientAuth } = settings;
  const ciphers = opensslCiphers(defaultCiphers);
  const versions = versionRange(settings.protocols);
  const trust = trustOf(settings);
  const prefix = "clientAuth.";
  return new LiveContext({
    ...around,
    files: [...trust.files, ...(clientAuth === undefined ? [] : pairFiles(clientAuth, prefix))],
    make: (texts) => {
      const pair = clientAuth === undefined ? undefined : readPair(clientAuth, texts, prefix);
      const trusted = trust.read(texts);
      try {
        const made = nodeTls().createSecureContext({
          ciphers,
          ...versions,
          ecdhCurve: curves,
          secureOptions: secureOptions(),
          ...(pair === undefined ? {} : { cert: pair.cert, key: pair.key }),
          ...(trusted === undefined ? {} : { ca: [...trusted], allowPartialTrustChain: true }),
        });
        return describePair(made, pair);
      } catch (cause) {
        throw asSettingError(pair === undefined ? "protocols" : "clientAuth", cause);
      }
    },
    warnings: () => warningsOf(settings),
  });
}

function trustOf({ disableValidation, trustCertsBundle, trustCerts }: ClientTlsSettings): Trust {
  if (disableValidation) return { files: [], read: () => undefined };
  if (trustCertsBundle !== undefined) return trustIn([{ key: "trustCertsBundle", path: trustCertsBundle }]);
  if (trustCerts === undefined) return systemRoots();
  if (trustCerts.length === 0) throw new TlsSettingError("trustCerts", "the list is empty, so that nobody is trusted");
  return trustIn(trustCerts.map((path, i) => ({ key: `trustCerts[${i}]`, path })));
}

function trustIn(files: readonly NamedFile[]): Trust {
  return {
    files,
    read: (texts) => files.flatMap(({ key, path }) => certificatesOf(key, path, texts)).map((each) => each.toString()),
  };
}

function warningsOf({
  disableValidation,
  clientAuth,
  trustCerts,
  trustCertsBundle,
}: ClientTlsSettings): readonly string[] {
  const warnings: string[] = [];
  if (disableValidation) {
    warnings.push(
      "NO CERTIFICATE IS CHECKED (disableValidation: true): whoever can reach the network can pretend to be this server",
    );
    if (trustCerts !== undefined || trustCertsBundle !== undefined) {
      warnings.push("trustCerts and trustCertsBundle are not used with disableValidation: true");
    }
  }
  if (trustCerts !== undefined) warnings.push("trustCerts is deprecated; use trustCertsBundle");
  if (clientAuth !== undefined) {
    const exposed = exposedKey("clientAuth.keyPath", clientAuth.keyPath);
    if (exposed !== undefined) warnings.push(exposed);
  }
  return warnings;
}
