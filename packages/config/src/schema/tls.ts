import * as z from "zod";
import { File, Flag, TextType } from "../types.ts";

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
    keyPath: File.describe("PEM file of the key, PKCS#8"),
    intermediateCertsPath: File.optional().describe("PEM file of the certificates between ours and the root"),
    caCertPath: File.optional().describe("PEM file of the roots that client certificates are checked against"),
    requireClientAuth: Flag.default(false).describe("Refuse clients without a trusted certificate"),
    ciphers: z.array(TextType).optional().describe("Cipher suites, the preferred first"),
    protocols: z.array(TextType).optional().describe("Versions of TLS, such as TLSv1.2"),
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
      trustCerts: z.array(File).optional().describe("Deprecated: PEM files of the roots to trust"),
      clientAuth: z
        .strictObject({
          certPath: File.describe("PEM file of our certificate"),
          keyPath: File.describe("PEM file of its key, PKCS#8"),
          intermediateCertsPath: File.optional().describe("PEM file of the certificates between ours and the root"),
        })
        .optional()
        .describe("The certificate that we show"),
      protocols: z.array(TextType).optional().describe("Versions of TLS, such as TLSv1.2"),
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
