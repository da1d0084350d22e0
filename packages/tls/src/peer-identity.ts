import type { X509Certificate } from "node:crypto";
import type { AlternativeName, PeerIdentity } from "@weftmesh/http";

/** What a certificate says of its owner. Whoever calls this has checked it. */
export function peerIdentity(certificate: X509Certificate): PeerIdentity {
  return {
    sha256: certificate.fingerprint256.replaceAll(":", ""),
    subject: rfc2253(certificate.subject ?? ""),
    names: alternativeNames(certificate.subjectAltName),
  };
}

const kinds: Readonly<Record<string, AlternativeName["kind"]>> = {
  DNS: "dns",
  URI: "uri",
  "IP Address": "ip",
  email: "email",
};

/**
 * The names in Node's text for them, in order: `DNS:a, URI:"https://b/, c"`.
 *
 * A value that has anything in it which could be taken for the end of it is a JSON string there.
 */
export function alternativeNames(text: string | undefined): readonly AlternativeName[] {
  const names: AlternativeName[] = [];
  let rest = text ?? "";
  while (rest !== "") {
    const colon = rest.indexOf(":");
    if (colon === -1) break;
    const kind = kinds[rest.slice(0, colon)] ?? "other";
    const { value, length } = readValue(rest.slice(colon + 1));
    names.push({ kind, value });
    rest = rest.slice(colon + 1 + length).replace(/^, /, "");
  }
  return names;
}

/** A string of JSON, and nothing that JSON would refuse: no certificate may make the reading of it fail. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what JSON does not allow in a string
const jsonString = /^"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/;

function readValue(text: string): { readonly value: string; readonly length: number } {
  const quoted = jsonString.exec(text)?.[0];
  if (quoted !== undefined) return { value: JSON.parse(quoted) as string, length: quoted.length };
  const comma = text.indexOf(", ");
  const value = comma === -1 ? text : text.slice(0, comma);
  return { value, length: value.length };
}

/**
 * A subject as RFC 2253 writes it: last part first, commas between them, nothing but printable ASCII.
 *
 * Node gives one part a line, escaped by the rules of that RFC already.
 */
function rfc2253(subject: string): string {
  return subject
    .split("\n")
    .filter((part) => part !== "")
    .reverse()
    .join(",")
    .replace(/[^\x20-\x7e]/gu, (char) => [...Buffer.from(char, "utf8")].map(hexPair).join(""));
}

function hexPair(byte: number): string {
  return `\\${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
