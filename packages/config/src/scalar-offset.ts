/** How a text value is written, as far as finding a character of it in the source goes. */
export type ScalarStyle = "plain" | "single" | "double" | "block";

/**
 * Where character `at` of a text value stands in the source.
 *
 * Indentation, folding and line ends change only white space, so the two are aligned by counting what is not: exact for
 * every visible character in every style; for white space, behind the visible character before it.
 */
export function scalarOffset(
  source: string,
  start: number,
  end: number,
  style: ScalarStyle,
  value: string,
  at: number,
): number {
  const target = countVisible(value, Math.min(at, value.length));
  const exact = at < value.length && isVisible(value.charCodeAt(at));
  let offset = contentStart(source, start, style);
  const stop = style === "single" || style === "double" ? end - 1 : end;
  let seen = 0;
  let behindLast = offset;
  while (offset < stop) {
    const [next, visible] = unit(source, offset, style);
    if (visible) {
      if (seen === target && exact) return offset;
      seen++;
      behindLast = next;
      if (seen === target && !exact) break;
    }
    offset = next;
  }
  return Math.min(behindLast, Math.max(stop, start));
}

function isVisible(code: number): boolean {
  return code !== 32 && code !== 9 && code !== 10 && code !== 13;
}

function countVisible(value: string, to: number): number {
  let count = 0;
  for (let i = 0; i < to; i++) if (isVisible(value.charCodeAt(i))) count++;
  return count;
}

function contentStart(source: string, start: number, style: ScalarStyle): number {
  if (style === "plain") return start;
  if (style !== "block") return start + 1;
  const lineEnd = source.indexOf("\n", start);
  return lineEnd < 0 ? source.length : lineEnd + 1;
}

/** The end of the unit at `offset`, and whether it stands for a visible character. */
function unit(source: string, offset: number, style: ScalarStyle): readonly [number, boolean] {
  const code = source.charCodeAt(offset);
  if (style === "single" && code === 39) return [offset + 2, true];
  if (style !== "double" || code !== 92) return [offset + 1, isVisible(code)];
  switch (source[offset + 1]) {
    case "x":
      return hexEscape(source, offset, 2);
    case "u":
      return hexEscape(source, offset, 4);
    case "U":
      return hexEscape(source, offset, 8);
    case "n":
    case "t":
    case "r":
    case " ":
    case "\t":
    case "\n":
      return [offset + 2, false];
    case "\r":
      return [offset + (source[offset + 2] === "\n" ? 3 : 2), false];
    default:
      return [offset + 2, true];
  }
}

function hexEscape(source: string, offset: number, digits: number): readonly [number, boolean] {
  const code = Number.parseInt(source.slice(offset + 2, offset + 2 + digits), 16);
  return [offset + 2 + digits, isVisible(code)];
}
