import { TlsSettingError } from "./errors.ts";
import { nodeTls } from "./node-tls.ts";

/** Forward secret and authenticated all of them; of the fast the fastest first. */
export const defaultCiphers: readonly string[] = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];

/** The groups for the exchange of keys. */
export const curves = "X25519:P-256:P-384";

const tls13 = /^TLS_(AES|CHACHA20)_/;
const weak = /NULL|EXP|RC2|RC4|3?DES|MD5|ADH|AECDH|ANON|PSK|SRP|IDEA|SEED|LOW|KRB5/;

/**
 * The names of OpenSSL for those of a config, which may be of OpenSSL, or of the IANA as Java has them.
 *
 * Errors: TlsSettingError for one that is unknown, or that protects nothing.
 */
export function opensslCiphers(names: readonly string[], key = "ciphers"): string {
  const known = new Set(nodeTls().getCiphers());
  const ciphers = names.map((name) => {
    const cipher = tls13.test(name) ? name : fromIana(name);
    if (weak.test(cipher.toUpperCase())) throw new TlsSettingError(key, `${name} protects nothing, and is refused`);
    if (!known.has(cipher.toLowerCase())) throw new TlsSettingError(key, `there is no cipher ${name}`);
    return cipher;
  });
  return ciphers.join(":");
}

/** `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256`; any other text stays. */
function fromIana(name: string): string {
  const parts = /^TLS_(\w+)_WITH_(\w+)$/.exec(name);
  if (parts === null) return name;
  const [, exchange = "", cipher = ""] = parts;
  const text = cipher
    .replace(/^(AES|CAMELLIA)_(\d+)/, "$1$2")
    .replace(/_CBC_/, "_")
    .replace(/^CHACHA20_POLY1305_SHA256$/, "CHACHA20_POLY1305");
  const left = exchange === "RSA" ? text : `${exchange}_${text}`;
  return left.replaceAll("_", "-");
}
