import fc from "fast-check";

/** A response as bytes, the method it answers, and what it means. */
export interface ResponseCase {
  readonly method: string;
  readonly bytes: Buffer;
  /** Whether the peer closes behind it. */
  readonly eof: boolean;
}

const arbStatus = fc.constantFrom("200 OK", "204 No Content", "304 Not Modified", "404", "500 é", "299 ", "999 x");
const arbHeader = fc.constantFrom(
  "X-A: 1",
  "x-a:2",
  "X-Odd:  spaced \t",
  "Empty:",
  "Connection: close",
  "Connection: keep-alive",
  "Set-Cookie: a=b; c",
  "Latin: é",
);
const arbContent = fc.string({ unit: fc.constantFrom("a", "0", "\r", "\n", "H", "é", ";"), maxLength: 40 });

function chunked(content: string, cuts: readonly number[], trailers: string): string {
  let text = "";
  let rest = content;
  for (const cut of cuts) {
    if (rest === "") break;
    const part = rest.slice(0, (cut % rest.length) + 1);
    text += `${part.length.toString(16)}${cut % 3 === 0 ? ";ext=1" : ""}\r\n${part}\r\n`;
    rest = rest.slice(part.length);
  }
  if (rest !== "") text += `${rest.length.toString(16)}\r\n${rest}\r\n`;
  return `${text}0\r\n${trailers}\r\n`;
}

/** Well-formed responses of every framing. */
export const arbResponse: fc.Arbitrary<ResponseCase> = fc
  .record({
    method: fc.constantFrom("GET", "GET", "POST", "HEAD"),
    version: fc.constantFrom("1.1", "1.1", "1.0"),
    status: arbStatus,
    interim: fc.constantFrom("", "", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"),
    headers: fc.array(arbHeader, { maxLength: 4 }),
    content: arbContent,
    framing: fc.constantFrom("length", "chunked", "close", "none"),
    cuts: fc.array(fc.nat(20), { maxLength: 4 }),
    trailers: fc.constantFrom("", "", "X-Sum: 1\r\n", "a: b\r\nHost: c\r\n"),
    extra: fc.constantFrom("", "", "", "HTTP/1.1 200 OK\r\n\r\n"),
  })
  .map((r) => {
    const bare = r.method === "HEAD" || r.status.startsWith("204") || r.status.startsWith("304");
    const framing = r.framing === "chunked" && r.version === "1.0" ? "length" : r.framing;
    const lines: string[] = [...r.headers];
    if (framing === "length") lines.splice(lines.length / 2, 0, `Content-Length: ${r.content.length}`);
    if (framing === "none") lines.push("Content-Length: 0");
    if (framing === "chunked") lines.push("Transfer-Encoding: chunked");
    let body = "";
    if (!bare && framing === "chunked") body = chunked(r.content, r.cuts, r.trailers);
    else if (!bare && framing !== "none") body = r.content;
    const head = `${r.interim}HTTP/${r.version} ${r.status}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
    const eof = framing === "close";
    return { method: r.method, bytes: Buffer.from(head + body + (eof ? "" : r.extra), "latin1"), eof };
  });

const arbEdit = fc.record({
  at: fc.nat(200),
  what: fc.constantFrom("replace", "insert", "delete", "cut"),
  byte: fc.constantFrom(0, 9, 10, 13, 32, 43, 44, 48, 49, 58, 59, 65, 127, 133, 255),
});

/** Responses some of which are spoiled in a byte or two. */
export const arbSpoiled: fc.Arbitrary<ResponseCase> = fc
  .tuple(arbResponse, fc.array(arbEdit, { maxLength: 2 }), fc.boolean())
  .map(([response, edits, eof]) => {
    let bytes = response.bytes;
    for (const { at, what, byte } of edits) {
      const i = at % (bytes.length + 1);
      const before = bytes.subarray(0, i);
      if (what === "cut") bytes = before;
      else if (what === "insert") bytes = Buffer.concat([before, Buffer.of(byte), bytes.subarray(i)]);
      else if (what === "delete") bytes = Buffer.concat([before, bytes.subarray(i + 1)]);
      else bytes = Buffer.concat([before, Buffer.of(byte), bytes.subarray(i + 1)]);
    }
    return { method: response.method, bytes, eof: response.eof || eof || edits.length > 0 };
  });
