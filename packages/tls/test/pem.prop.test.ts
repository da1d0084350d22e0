import { CertificateAuthority } from "@weftmesh/testkit/certificates";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { readCertificates } from "../src/pem.ts";

let pems: readonly string[];

beforeAll(async () => {
  const ca = await CertificateAuthority.create();
  pems = [ca.cert, (await ca.issue({ dns: ["a"] })).cert, (await ca.issue({ dns: ["b"] })).cert];
});

describe("the certificates of a file", () => {
  it("come in order, with any comment between them", () => {
    const comment = fc.string({ unit: fc.constantFrom(..."Cert: =\n\t09") });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), comment), { minLength: 1, maxLength: 4 }), (parts) => {
        const text = parts.map(([i, before]) => `${before}\n${pems[i]}`).join("");
        expect(readCertificates(text).map((each) => each.toString())).toEqual(parts.map(([i]) => pems[i]));
      }),
    );
  });

  it("E12: are all of them or none: a file that ends within one is refused", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.nat(),
          fc.integer({ min: 0, max: 20 }).map((left) => -left),
          fc.integer({ min: -3, max: 12 }).map((more) => (pems[0] ?? "").length + more),
        ),
        (at) => {
          const [first = "", second = ""] = pems;
          const text = first + second;
          const cut = text.slice(0, at < 0 ? at : at % text.length);
          const isBetween = cut.length >= first.length - 1 && cut.length <= first.length + 10;
          // Only the line's end behind the last certificate is missing.
          if (cut.length === text.length - 1 && text.endsWith("\n")) expect(readCertificates(cut)).toHaveLength(2);
          else if (isBetween) expect(readCertificates(cut)).toHaveLength(1);
          else expect(() => readCertificates(cut)).toThrow(/ends within a PEM block|has no PEM certificate/);
        },
      ),
    );
  });

  it("are refused where one cannot be read, with its place", () => {
    const [first = ""] = pems;
    const garbled = first.replace(/\n[\s\S]*\n-----END/, "\nAAAA\n-----END");
    expect(() => readCertificates(first + garbled)).toThrow(/the second\) that cannot be read/);
  });
});
