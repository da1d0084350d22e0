import { findNameId, Headers, hashStep, tokenTable } from "@weftmesh/http";

/** Headers as a codec makes them: one text with offsets into it. `lines` are whole, without their CRLF. */
export function receivedHeaders(lines: readonly string[]): Headers {
  const text = lines.map((line) => `${line}\r\n`).join("");
  const bytes = Buffer.from(text, "latin1");
  const spans: number[] = [];
  let at = 0;
  for (const line of lines) {
    const colon = line.indexOf(":");
    let hash = 0;
    for (let i = at; i < at + colon; i++) hash = hashStep(hash, tokenTable[bytes[i] as number] as number);
    const id = findNameId(bytes, at, at + colon, hash);
    let start = at + colon + 1;
    let end = at + line.length;
    while (start < end && (text[start] === " " || text[start] === "\t")) start++;
    while (end > start && (text[end - 1] === " " || text[end - 1] === "\t")) end--;
    spans.push(id, at, at + colon, start, end);
    at += line.length + 2;
  }
  return new Headers(text, spans);
}
