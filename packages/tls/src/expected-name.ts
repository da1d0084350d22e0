import type { X509Certificate, X509CheckOptions } from "node:crypto";
import { isIP } from "node:net";
import { HandshakeError } from "./errors.ts";
import { alternativeNames } from "./peer-identity.ts";

/** Who a server has to be. */
export interface ExpectedName {
  readonly text: string;
  readonly kind: "dns" | "ip" | "spiffe";
}

const label = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/i;
const spiffe = /^spiffe:\/\/[a-z0-9._-]+(\/[A-Za-z0-9._-]+)+$/;
const spiffeScheme = /^spiffe:/i;
const hostRules: X509CheckOptions = {
  subject: "default",
  wildcards: true,
  partialWildcards: false,
  multiLabelWildcards: false,
};

/**
 * The name that a config expects of a server, which may have been put together of what a request brought.
 *
 * Errors: HandshakeError for a text that is no host name, address or SPIFFE id.
 */
export function expectedName(text: string): ExpectedName {
  if (spiffeScheme.test(text)) {
    if (!spiffe.test(text) || text.length > 2_048 || /\/\.{1,2}(\/|$)/.test(text)) throw noName(text);
    return { text, kind: "spiffe" };
  }
  if (isIP(text) !== 0) return { text, kind: "ip" };
  const host = text.endsWith(".") ? text.slice(0, -1) : text;
  if (host.length > 253 || !host.split(".").every((each) => each.length <= 63 && label.test(each))) throw noName(text);
  return { text: host, kind: "dns" };
}

function noName(text: string): HandshakeError {
  const shown = text.length > 80 ? `${text.slice(0, 80)}...` : text;
  return new HandshakeError("wrong_name", `${JSON.stringify(shown)} is no name that a certificate could have`);
}

/**
 * Whether a certificate is for a name.
 *
 * A wildcard stands for one whole label, the first. The common name counts only for a certificate that has no host
 * names beside it, as it does for Java and so for Linkerd 1. A SPIFFE id must be the only URI of the certificate, letter for letter.
 * Source: RFC 6125; the SPIFFE X.509-SVID specification.
 */
export function isFor(certificate: X509Certificate, name: ExpectedName): boolean {
  if (name.kind === "spiffe") {
    const uris = alternativeNames(certificate.subjectAltName).filter(({ kind }) => kind === "uri");
    return uris.length === 1 && uris[0]?.value === name.text;
  }
  if (name.kind === "ip") return certificate.checkIP(name.text) !== undefined;
  return certificate.checkHost(name.text, hostRules) !== undefined;
}
