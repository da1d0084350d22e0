import { existsSync } from "node:fs";
import { certificatesOf } from "./context-files.ts";
import type { FileTexts, NamedFile } from "./file-source.ts";
import { nodeTls } from "./node-tls.ts";

/** Where systems keep the roots that they trust. */
const places: readonly string[] = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** The roots that count where a config names none. */
export interface SystemRoots {
  readonly files: readonly NamedFile[];
  read(texts: FileTexts): readonly string[];
}

/** Those of the system, as `SSL_CERT_FILE` or custom says where they are; those that Node brings where there are none. */
export function systemRoots(env: Readonly<Record<string, string | undefined>> = process.env): SystemRoots {
  const named = env["SSL_CERT_FILE"];
  const path = named !== undefined && named !== "" ? named : places.find((each) => existsSync(each));
  if (path === undefined) return { files: [], read: () => nodeTls().rootCertificates };
  const key = "the roots of the system";
  return {
    files: [{ key, path }],
    read: (texts) => certificatesOf(key, path, texts).map((each) => each.toString()),
  };
}
