import { WeftError } from "@weftmesh/core";
import { declaredName, type HeaderName, tokenTable } from "./header-name.ts";

/** A name or a value that may not stand in a header. */
export class HeaderError extends WeftError {
  constructor(message: string) {
    super("WEFT_PROTOCOL_HEADER", message, { flags: ["nonRetryable"] });
  }
}

/**
 * One header field that was checked and rendered: make it once where a value repeats, and add the same object to
 * message after message. HTTP/1 writes `line`; HTTP/2 knows the object again.
 */
export class HeaderField {
  readonly name: string;
  readonly value: string;
  /** The id of the declared name, or 0. */
  readonly id: number;
  /** `Name: value` and the line's end. */
  readonly line: string;

  constructor(id: number, name: string, value: string) {
    this.id = id;
    this.name = name;
    this.value = value;
    this.line = `${name}: ${value}\r\n`;
  }
}

/**
 * A field from parts that may come from anywhere.
 *
 * Errors: `WEFT_PROTOCOL_HEADER` for a name that is no token, and for a value with a control character (save tab) or
 * one beyond latin1: a CR or LF here would be a second header.
 */
export function headerField(name: string | HeaderName, value: string): HeaderField {
  const declared = typeof name === "string" ? declaredName(name) : name;
  const text = typeof name === "string" ? name : name.text;
  if (declared === undefined) checkName(text);
  checkValue(text, value);
  return new HeaderField(declared?.id ?? 0, text, value);
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
