import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AccessEntry, accessJson, accessLine } from "../src/access-entry.ts";
import { escapeBare, escapeQuoted } from "../src/escape-field.ts";

/** Any UTF-16, and often what is dangerous in a log. */
const arbText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc
    .array(
      fc.constantFrom("\r", "\n", "\x1b", '"', "\\", " ", "-", "\u202e", "\u2028", "\x85", "\x7f", "\0", "a", "x0d"),
      { maxLength: 12 },
    )
    .map((all) => all.join("")),
);

/** The text that an escaped field stands for. */
function unescaped(field: string): string {
  return field.replace(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(["\\]))/g,
    (_, x, u, c) => c ?? String.fromCharCode(Number.parseInt(x ?? u, 16)),
  );
}

const arbMaybe = fc.option(arbText, { nil: undefined });
const arbEntry: fc.Arbitrary<AccessEntry> = fc.record({
  host: arbMaybe,
  remoteHost: arbMaybe,
  method: arbText,
  uri: arbText,
  version: fc.constantFrom("1.0", "1.1"),
  status: fc.integer({ min: 100, max: 999 }),
  contentLength: arbMaybe,
  referer: arbMaybe,
  userAgent: arbMaybe,
  epochMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  durationMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  router: arbText,
  service: arbMaybe,
  client: arbMaybe,
  traceId: arbMaybe,
});

describe("a field of the access log", () => {
  it("C25: is printable ASCII, ends no field, and gives the text back, whatever it holds", () => {
    fc.assert(
      fc.property(arbText, (text) => {
        const quoted = escapeQuoted(text);
        expect(quoted).toMatch(/^(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4})*$/);
        expect(unescaped(quoted)).toBe(text);
        const bare = escapeBare(text);
        expect(bare).toMatch(/^(?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4})+$/);
        expect(bare === "-" ? "" : unescaped(bare)).toBe(text);
      }),
    );
  });
});

describe("a line of the access log", () => {
  it("C25: is one line of printable ASCII, and has each field in its place", () => {
    fc.assert(
      fc.property(arbEntry, (entry) => {
        const line = accessLine(entry, "21/11/2026:09:40:04 UTC");
        expect(line).toMatch(/^[\x20-\x7e]*$/);
        const field = '((?:[^"\\\\]|\\\\.)*)';
        const found = new RegExp(
          `^(\\S+) (\\S+) - - \\[21/11/2026:09:40:04 UTC\\] "${field}" (\\d{3}) (\\S+) "${field}" "${field}"$`,
        ).exec(line);
        expect(found).not.toBeNull();
        const [, host, remote, request, status, length, referer, agent] = found as unknown as string[];
        const bare = (text: string | undefined) => (text === undefined || text === "" ? "-" : text);
        const read = (text: string | undefined) => (text === "-" ? "-" : unescaped(text as string));
        expect([read(host), read(remote), read(length)]).toEqual([
          bare(entry.host),
          bare(entry.remoteHost),
          bare(entry.contentLength),
        ]);
        expect(unescaped(request as string)).toBe(`${entry.method} ${entry.uri} HTTP/${entry.version}`);
        expect(status).toBe(String(entry.status));
        expect([unescaped(referer as string), unescaped(agent as string)]).toEqual([
          entry.referer ?? "-",
          entry.userAgent ?? "-",
        ]);
      }),
    );
  });

  it("C25: as JSON is one line of printable ASCII that reads as what it was made of", () => {
    fc.assert(
      fc.property(arbEntry, (entry) => {
        const line = accessJson(entry);
        expect(line).toMatch(/^[\x20-\x7e]*$/);
        const { epochMs, durationMs, ...texts } = entry;
        const { time, durationMs: shown, ...read } = JSON.parse(line);
        expect(Date.parse(time)).toBe(epochMs);
        expect(Math.abs(shown - durationMs)).toBeLessThanOrEqual(0.001 + durationMs * 1e-12);
        expect(read).toEqual(Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== undefined)));
      }),
    );
  });
});
