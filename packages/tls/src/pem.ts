import type { X509Certificate } from "node:crypto";
import { asError } from "@weftmesh/core";
import { nodeCrypto } from "./node-tls.ts";

const block = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/**
 * The certificates of a PEM text, in order. What stands between them is a comment.
 *
 * Errors: a text without a whole certificate, and one that ends within a block, as half-written files do.
 */
export function readCertificates(text: string): readonly X509Certificate[] {
  const { X509Certificate: Certificate } = nodeCrypto();
  const found: X509Certificate[] = [];
  let blocks = 0;
  for (const [pem, label] of text.matchAll(block)) {
    blocks++;
    if (label !== "CERTIFICATE" && label !== "TRUSTED CERTIFICATE" && label !== "X509 CERTIFICATE") continue;
    try {
      found.push(new Certificate(pem));
    } catch (cause) {
      throw new Error(
        `has a certificate (the ${ordinal(found.length + 1)}) that cannot be read: ${asError(cause).message}`,
      );
    }
  }
  const begun = text.split("-----BEGIN ").length - 1;
  if (begun > blocks) throw new Error("ends within a PEM block");
  if (found.length === 0) throw new Error("has no PEM certificate");
  return found;
}

function ordinal(n: number): string {
  return n === 1 ? "first" : n === 2 ? "second" : n === 3 ? "third" : `${n}th`;
}
