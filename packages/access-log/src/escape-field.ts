/** Anything but printable ASCII, and what would end a quoted field or begin an escape. */
const unsafeQuoted = /[^\x20\x21\x23-\x5b\x5d-\x7e]/g;
/** The same for a field without quotes, which a space would end as well. */
const unsafeBare = /[^\x21\x23-\x5b\x5d-\x7e]/g;

/**
 * Text as it stands between the quotes of a line: `\"`, `\\`, `\xNN` for other bytes, `\uNNNN` for other characters.
 *
 * Shape: printable ASCII alone, so a line stays one line whatever a client sends, and no two texts give the same one.
 */
export function escapeQuoted(text: string): string {
  return text.replace(unsafeQuoted, escapeChar);
}

/** Text as a field without quotes: as `escapeQuoted`, and a space is `\x20`. What is empty is `-`. */
export function escapeBare(text: string): string {
  if (text === "") return "-";
  // A text that is a dash itself must not read as one that is empty.
  return text === "-" ? "\\x2d" : text.replace(unsafeBare, escapeChar);
}

function escapeChar(char: string): string {
  const code = char.charCodeAt(0);
  if (code === 34 || code === 92) return `\\${char}`;
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** JSON that is printable ASCII alone. */
export function asciiJson(value: object): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
