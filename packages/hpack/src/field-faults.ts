import { tokenTable } from "@weftmesh/http";
import type { FieldName } from "./field-name.ts";
import { Pseudo } from "./pseudo.ts";

/** What an octet does to the value that it stands in, as bits. */
export const octetClass: Uint8Array = new Uint8Array(256);
/** May stand in no value: RFC 9110 section 5.5. */
export const isControl = 1;
/** May stand neither first nor last, and nowhere in a pseudo-header. */
export const isBlank = 2;
for (let octet = 0; octet < 32; octet++) octetClass[octet] = isControl;
octetClass[127] = isControl;
octetClass[9] = isBlank;
octetClass[32] = isBlank;

/** Why a field of that name is malformed whatever its value (RFC 9113 sections 8.2.1, 8.2.2, 8.3), or undefined. */
export function nameFault(name: string, isUnknownPseudo: boolean): string | undefined {
  if (name === "") return "a header name is empty";
  if (isUnknownPseudo) return `there is no pseudo-header ${JSON.stringify(name)}`;
  for (let i = name.charCodeAt(0) === 58 ? 1 : 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (tokenTable[code] === code && code !== 0) continue;
    const what = code >= 65 && code <= 90 ? "in upper case" : "not a header name";
    return `${what}: ${JSON.stringify(name)}`;
  }
  return forOneHop.has(name) ? `${name} has no place in HTTP/2` : undefined;
}

const forOneHop = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

/**
 * Why a field with that value is malformed, or undefined: `classes` are those of all its octets together.
 *
 * Shape: whether a pseudo-header may stand where it stands is not asked here.
 */
export function fieldFault(name: FieldName, value: string, classes: number): string | undefined {
  if (name.fault !== undefined) return name.fault;
  if ((classes & isControl) !== 0) return `${name.text} has a control character: ${JSON.stringify(value)}`;
  const { id } = name;
  if (id < 0) return pseudoFault(id, value, classes);
  if ((classes & isBlank) !== 0 && (isBlankAt(value, 0) || isBlankAt(value, value.length - 1))) {
    return `${name.text} begins or ends with a blank: ${JSON.stringify(value)}`;
  }
  return name.text === "te" && value !== "trailers" ? `te is not trailers: ${JSON.stringify(value)}` : undefined;
}

function pseudoFault(id: number, value: string, classes: number): string | undefined {
  if ((classes & isBlank) !== 0) return `a pseudo-header has a blank in it: ${JSON.stringify(value)}`;
  switch (id) {
    case Pseudo.path:
      if (value.charCodeAt(0) === 47 || value === "*") return undefined;
      return `:path is no path: ${JSON.stringify(value)}`;
    case Pseudo.authority:
      return value.includes("@") ? `:authority names a user: ${JSON.stringify(value)}` : undefined;
    case Pseudo.status:
      return /^[1-9]\d\d$/.test(value) ? undefined : `:status is no status: ${JSON.stringify(value)}`;
    default:
      return isToken(value) ? undefined : `not a token: ${JSON.stringify(value)}`;
  }
}

function isBlankAt(value: string, i: number): boolean {
  const code = value.charCodeAt(i);
  return code === 32 || code === 9;
}

function isToken(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (tokenTable[value.charCodeAt(i)] === 0) return false;
  return value !== "";
}
