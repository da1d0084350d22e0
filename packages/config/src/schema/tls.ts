import { fillTemplate, type PathMatcher } from "@weftmesh/naming";
import * as z from "zod";
import { File, Flag, TextType, textOf } from "../types.ts";

const versions: readonly string[] = ["TLSv1.2", "TLSv1.3"];
const broken: readonly string[] = ["SSLv2Hello", "SSLv2", "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"];

const versionType = (): z.ZodType<string> =>
  textOf(
    (text) => {
      if (broken.includes(text)) throw new Error(`${text} can be broken, and is not spoken here`);
      if (!versions.includes(text)) throw new Error("not a version of TLS");
      return text;
    },
    `one of ${versions.join(", ")}`,
    "TLSv1.2",
  );

function someOf(item: z.ZodType<string>, expects: string): z.ZodType<readonly string[]> {
  return z
    .array(item)
    .refine((items) => items.length > 0, { message: "the list is empty" })
    .meta({ expects });
}

const versionList = (): z.ZodType<readonly string[]> => someOf(versionType(), "a list of versions of TLS");

/** TLS of a listener. */
export interface ServerTls {
  readonly certPath: string;
  readonly keyPath: string;
  readonly intermediateCertsPath?: string | undefined;
  readonly caCertPath?: string | undefined;
  readonly requireClientAuth: boolean;
  readonly ciphers?: readonly string[] | undefined;
  readonly protocols?: readonly string[] | undefined;
}

export function serverTlsSchema(): z.ZodType<ServerTls> {
  return z.strictObject({
    certPath: File.describe("PEM file of the certificate"),
    keyPath: File.describe("PEM file of its key, not encrypted"),
    intermediateCertsPath: File.optional().describe("PEM file of the certificates between ours and the root"),
    caCertPath: File.optional().describe("PEM file of the roots that client certificates are checked against"),
    requireClientAuth: Flag.default(false).describe("Refuse clients without a trusted certificate"),
    ciphers: someOf(TextType, "a list of cipher suites")
      .optional()
      .describe("Cipher suites by their names in OpenSSL or Java, the preferred first; strong ones when absent"),
    protocols: versionList().optional().describe("Versions of TLS; TLSv1.2 and TLSv1.3 when absent"),
  });
}

/** The certificate that a client shows. */
export interface ClientAuth {
  readonly certPath: string;
  readonly keyPath: string;
  readonly intermediateCertsPath?: string | undefined;
}

/** TLS of the connections to a destination. */
export interface ClientTls {
  readonly enabled: boolean;
  readonly disableValidation: boolean;
  /** May hold `{name}`, which the prefix of the config captured. */
  readonly commonName?: string | undefined;
  readonly trustCertsBundle?: string | undefined;
  readonly trustCerts?: readonly string[] | undefined;
  readonly clientAuth?: ClientAuth | undefined;
  readonly protocols?: readonly string[] | undefined;
}

export function clientTlsSchema(): z.ZodType<ClientTls> {
  return z
    .strictObject({
      enabled: Flag.default(true).describe("false turns TLS off for the destinations that match"),
      disableValidation: Flag.default(false).describe("Check neither the certificate nor its name"),
      commonName: TextType.optional().describe("Name that is sent (SNI) and that the certificate must have"),
      trustCertsBundle: File.optional().describe("PEM file of the roots to trust; those of the system when absent"),
      trustCerts: someOf(File, "a list of files").optional().describe("Deprecated: PEM files of the roots to trust"),
      clientAuth: z
        .strictObject({
          certPath: File.describe("PEM file of our certificate"),
          keyPath: File.describe("PEM file of its key, not encrypted"),
          intermediateCertsPath: File.optional().describe("PEM file of the certificates between ours and the root"),
        })
        .optional()
        .describe("The certificate that we show"),
      protocols: versionList().optional().describe("Versions of TLS; TLSv1.2 and TLSv1.3 when absent"),
    })
    .superRefine((tls, ctx) => {
      const refuse = (key: string, message: string): void => {
        ctx.issues.push({ code: "custom", input: tls, path: [key], message });
      };
      if (!tls.enabled) return;
      if (tls.disableValidation && tls.clientAuth !== undefined) {
        refuse("disableValidation", "disableValidation: true is incompatible with clientAuth");
      }
      if (!tls.disableValidation && tls.commonName === undefined) {
        refuse("commonName", "tls is configured with validation but `commonName` is not set");
      }
      if (tls.trustCerts !== undefined && tls.trustCertsBundle !== undefined) {
        refuse("trustCerts", "trustCerts and trustCertsBundle exclude each other");
      }
    });
}

/** What a prefix does not capture is no part of any name: the names in braces that nothing takes the place of. */
export function unknownCaptures(commonName: string, prefix: PathMatcher | undefined): readonly string[] {
  const filled = fillTemplate(commonName, Object.fromEntries((prefix?.captureNames ?? []).map((name) => [name, ""])));
  return [...filled.matchAll(/\{([^{}]*)\}/g)].map(([, name = ""]) => name);
}
