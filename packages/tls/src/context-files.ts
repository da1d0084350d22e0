import type { KeyObject, X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import type { SecureContext } from "node:tls";
import { asError } from "@weftmesh/core";
import { commonDates, type Validity } from "./certificate-dates.ts";
import { TlsFileError } from "./errors.ts";
import type { FileTexts, NamedFile } from "./file-source.ts";
import { nodeCrypto } from "./node-tls.ts";
import { readCertificates } from "./pem.ts";
import type { CertificateFiles } from "./settings.ts";

/** What was made of some files: a context for new handshakes, and what is to be told of its certificate. */
export interface MadeContext {
  readonly secureContext: SecureContext;
  /** Of our own certificate and those above it; undefined where we show none. */
  readonly validity: Validity | undefined;
  /** For a line of the log: whose certificate it is. */
  readonly subject: string | undefined;
}

/** A certificate with its key, as `createSecureContext` takes them. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
  readonly chain: readonly X509Certificate[];
}

/** The files of a pair; `prefix` stands before the keys in messages. */
export function pairFiles(files: CertificateFiles, prefix = ""): readonly NamedFile[] {
  const { certPath, keyPath, intermediateCertsPath } = files;
  return [
    { key: `${prefix}certPath`, path: certPath },
    { key: `${prefix}keyPath`, path: keyPath },
    ...(intermediateCertsPath === undefined
      ? []
      : [{ key: `${prefix}intermediateCertsPath`, path: intermediateCertsPath }]),
  ];
}

/** Checks that the files are a pair. Errors: TlsFileError, naming the key and the file that is at fault. */
export function readPair(files: CertificateFiles, texts: FileTexts, prefix = ""): KeyPair {
  const own = certificatesOf(`${prefix}certPath`, files.certPath, texts);
  const above =
    files.intermediateCertsPath === undefined
      ? []
      : certificatesOf(`${prefix}intermediateCertsPath`, files.intermediateCertsPath, texts);
  const keyText = texts.get(`${prefix}keyPath`) ?? "";
  const key = readKey(`${prefix}keyPath`, files.keyPath, keyText);
  const [leaf] = own;
  if (leaf?.checkPrivateKey(key) !== true) {
    throw new TlsFileError(`${prefix}keyPath`, files.keyPath, `is not the key of the certificate in ${files.certPath}`);
  }
  const chain = [...own, ...above];
  return { cert: chain.map((each) => each.toString()).join(""), key: keyText, chain };
}

/** The certificates of a file that says whom to trust. Errors: TlsFileError. */
export function certificatesOf(key: string, path: string, texts: FileTexts): readonly X509Certificate[] {
  try {
    return readCertificates(texts.get(key) ?? "");
  } catch (cause) {
    throw new TlsFileError(key, path, asError(cause).message, cause);
  }
}

function readKey(name: string, path: string, text: string): KeyObject {
  if (/-BEGIN ENCRYPTED PRIVATE KEY-|Proc-Type: 4,ENCRYPTED/.test(text)) {
    throw new TlsFileError(name, path, "is encrypted; there is nobody to ask for its password");
  }
  try {
    return nodeCrypto().createPrivateKey(text);
  } catch (cause) {
    throw new TlsFileError(name, path, `has no private key in PEM: ${asError(cause).message}`, cause);
  }
}

/** A context of a pair. The pair's validity is that of the whole chain. */
export function describePair(secureContext: SecureContext, pair: KeyPair | undefined): MadeContext {
  if (pair === undefined) return { secureContext, validity: undefined, subject: undefined };
  const subject = (pair.chain[0]?.subject ?? "").replaceAll("\n", ", ") || "a certificate without a subject";
  return { secureContext, validity: commonDates(pair.chain), subject };
}

/** A warning when others than the owner may read a key; undefined when all is well. */
export function exposedKey(key: string, path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  const mode = found === undefined ? 0 : found.mode & 0o777;
  if ((mode & 0o077) === 0) return undefined;
  const who = (mode & 0o007) === 0 ? "the group of its owner" : "everybody on this machine";
  return `${key}: the private key ${path} is open to ${who} (mode ${mode.toString(8)}); chmod 600 it`;
}
