import { declaredName, findNameId, hashStep, headerName, Names, nameById, tokenTable } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

function idOf(text: string): number {
  const bytes = Buffer.from(`..${text}..`, "latin1");
  let hash = 0;
  for (let i = 2; i < bytes.length - 2; i++) hash = hashStep(hash, tokenTable[bytes[i] as number] as number);
  return findNameId(bytes, 2, bytes.length - 2, hash);
}

describe("headerName", () => {
  it("gives one object per name, whatever the case", () => {
    expect(headerName("HOST")).toBe(Names.host);
    expect(declaredName("hOsT")).toBe(Names.host);
    expect(nameById(Names.host.id)).toBe(Names.host);
    expect(declaredName("nobody-declared-this")).toBeUndefined();
  });

  it("refuses what is no token", () => {
    for (const text of ["", "a b", "a:", "é", "a\n", "(a)"]) expect(() => headerName(text)).toThrow(TypeError);
  });

  it("finds a name in bytes exactly when it was declared", () => {
    const token = fc
      .array(fc.constantFrom(..."abcHOST-xy"), { minLength: 1, maxLength: 6 })
      .map((chars) => chars.join(""));
    fc.assert(
      fc.property(token, fc.boolean(), (text, declare) => {
        if (declare) headerName(text);
        expect(idOf(text)).toBe(declaredName(text)?.id ?? 0);
        expect(idOf(text.toUpperCase())).toBe(idOf(text));
      }),
    );
    expect(idOf("Content-Length")).toBe(Names.contentLength.id);
  });

  it("takes no longer name for a declared one, though they share a bucket", () => {
    // There are 512 buckets: among 26 * 26 * 26 endings some fall into each.
    const letters = [..."abcdefghijklmnopqrstuvwxyz"];
    const ending = letters.flatMap((a) => letters.flatMap((b) => letters.map((c) => a + b + c)));
    for (const end of ending) expect(idOf(`host${end}`)).toBe(0);
  });
});
