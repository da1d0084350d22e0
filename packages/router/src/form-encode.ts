/** Bytes that a form leaves as they are. */
const plain = /[A-Za-z0-9.*_-]/;

/**
 * Text as a form writes it, in latin1: `+` for a space, `%XX` for what is not plain, `%3F` (`?`) for what latin1 lacks.
 *
 * Source: the form in which Linkerd writes `l5d-err`. Never holds a control character, whatever the text does.
 */
export function formEncode(text: string, maxBytes: number): string {
  let encoded = "";
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    let piece: string;
    if (code === 32) piece = "+";
    else if (code < 128 && plain.test(char)) piece = char;
    else piece = `%${(code > 255 ? 63 : code).toString(16).toUpperCase().padStart(2, "0")}`;
    if (encoded.length + piece.length > maxBytes) break;
    encoded += piece;
  }
  return encoded;
}
