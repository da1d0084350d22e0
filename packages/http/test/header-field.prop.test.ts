import { encodeHeaderValue, HeaderError, headerField } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc
    .array(fc.constantFrom("%", "41", "\r", "\n", " ", "é", "\ud83d", "\ude00", "a"), { maxLength: 8 })
    .map((c) => c.join("")),
);

describe("headerField", () => {
  it("A38: renders one line, or refuses: CR, LF, NUL and other controls never pass", () => {
    const hostile = fc.oneof(
      anyText,
      fc
        .array(fc.constantFrom("\r", "\n", "\0", "\x7f", "\t", "a", " ", "é", "Ā"), { maxLength: 8 })
        .map((c) => c.join("")),
    );
    fc.assert(
      fc.property(hostile, hostile, (name, value) => {
        const nameOk = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name);
        const valueOk = /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
        if (nameOk && valueOk) expect(headerField(name, value).line).toBe(`${name}: ${value}\r\n`);
        else expect(() => headerField(name, value)).toThrow(HeaderError);
        if (valueOk) expect(headerField("x", value).value).toBe(value);
        else expect(() => headerField("x", value)).toThrow(HeaderError);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("encodeHeaderValue", () => {
  it("A59: makes any text acceptable, and keeps what it says", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const encoded = encodeHeaderValue(text);
        expect(headerField("x", encoded).value).toBe(encoded);
        expect(decodeURIComponent(encoded)).toBe(Buffer.from(text, "utf8").toString("utf8"));
      }),
      { numRuns: 1000 },
    );
  });

  it("A59: leaves no CR or LF with which a second header could begin", () => {
    expect(encodeHeaderValue("a\r\nset-cookie: x")).toBe("a%0D%0Aset-cookie: x");
  });
});
