import { WeftError } from "@weftmesh/core";
import { declaredName, declaredNames, type HeaderName, nameById, tokenTable } from "./header-name.ts";

/** A name or a value that may not stand in a header. */
export class HeaderError extends WeftError {
  constructor(message: string) {
    super("WEFT_PROTOCOL_HEADER", message, { flags: ["nonRetryable"] });
  }
}

/** How a field stands in the table that HTTP/2 compresses headers with (RFC 7541 section 6.2). */
export const Indexing: {
  /** Nobody said: whoever encodes the field decides. */
  readonly auto: 0;
  /** Put into the table where it is not there yet. */
  readonly indexed: 1;
  /** Not put into the table: a value that does not come again. */
  readonly notIndexed: 2;
  /** Never put into a table by anybody on the way: a secret. */
  readonly never: 3;
} = { auto: 0, indexed: 1, notIndexed: 2, never: 3 };

export type Indexing = 0 | 1 | 2 | 3;

let serials = 0;

/**
 * One header field that was checked: make it once where a value repeats, and add the same object to message after
 * message. HTTP/1 writes `line`; HTTP/2 knows the object again.
 */
export class HeaderField {
  readonly name: string;
  readonly value: string;
  /** The id of the declared name, or 0; below 0 for a pseudo-header, which never stands in `Headers`. */
  readonly id: number;
  readonly indexing: Indexing;
  /** Why the field makes its message malformed (RFC 9113 section 8.1.1); undefined for every field that was checked. */
  readonly malformed: string | undefined;
  /** So many names were declared when the field was made; one that was declared later is found by its text alone. */
  readonly declared: number;
  /** A number of its own, or nearly: encoders look the object up by it. */
  readonly serial: number;
  /** What HPACK's static table has for the field: kept here by the encoder, 0 until it has looked. */
  staticRef: number;
  private rendered: string | undefined;

  constructor(
    id: number,
    name: string,
    value: string,
    indexing: Indexing = Indexing.auto,
    malformed?: string,
    staticRef = 0,
  ) {
    this.id = id;
    this.name = name;
    this.value = value;
    this.indexing = indexing;
    this.malformed = malformed;
    this.declared = declaredNames();
    serials = (serials + 1) & 0x3fffffff;
    this.serial = serials;
    this.staticRef = staticRef;
    this.rendered = undefined;
  }

  /** `Name: value` and the line's end. */
  get line(): string {
    const { rendered } = this;
    if (rendered !== undefined) return rendered;
    const line = `${this.name}: ${this.value}\r\n`;
    this.rendered = line;
    return line;
  }

  /** The name as HTTP/2 writes it. */
  get lowerName(): string {
    return this.id > 0 ? (nameById(this.id) as HeaderName).lower : this.name.toLowerCase();
  }

  get neverIndexed(): boolean {
    return this.indexing === Indexing.never;
  }
}

/**
 * A field from parts that may come from anywhere.
 *
 * Errors: `WEFT_PROTOCOL_HEADER` for a name that is no token, and for a value with a control character (save tab) or
 * one beyond latin1: a CR or LF here would be a second header.
 */
export function headerField(name: string | HeaderName, value: string, indexing?: Indexing): HeaderField {
  const declared = typeof name === "string" ? declaredName(name) : name;
  const text = typeof name === "string" ? name : name.text;
  if (declared === undefined) checkName(text);
  checkValue(text, value);
  return new HeaderField(declared?.id ?? 0, text, value, indexing);
}

function checkName(name: string): void {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 255 || tokenTable[code] === 0) throw new HeaderError(`not a header name: ${JSON.stringify(name)}`);
  }
  if (name === "") throw new HeaderError("a header name is empty");
}

function checkValue(name: string, value: string): void {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 32 && code !== 9) || code === 127 || code > 255) {
      throw new HeaderError(
        `header ${name} has a character at ${i} that may not stand there: ${JSON.stringify(value)}`,
      );
    }
  }
}

/** Any text as a header value: what may not stand in one, and `%`, is percent-encoded as UTF-8. */
export function encodeHeaderValue(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]/gu, percentEncode);
}

const utf8 = new TextEncoder();

/** A lone surrogate becomes U+FFFD, as everywhere in UTF-8. */
function percentEncode(text: string): string {
  let encoded = "";
  for (const byte of utf8.encode(text)) encoded += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  return encoded;
}
