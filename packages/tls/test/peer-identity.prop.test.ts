import { X509Certificate } from "node:crypto";
import { CertificateAuthority } from "@weftmesh/testkit/certificates";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alternativeNames, peerIdentity } from "../src/peer-identity.ts";

const prefixes = { dns: "DNS", uri: "URI", ip: "IP Address", email: "email", other: "othername" } as const;
const kind = fc.constantFrom(...(Object.keys(prefixes) as (keyof typeof prefixes)[]));
/** Rich in what could be taken for the end of a name. */
const value = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'a.-*,: "\\;=DNSURI\n\u00e9') }),
  fc.constantFrom("a, DNS:evil", 'x", URI:spiffe://a/b', "\\", '\\"', "https://a/b;DNS=c"),
);

/** As Node prints them: a value that could be mistaken is a JSON string. */
function print(names: readonly { readonly kind: keyof typeof prefixes; readonly value: string }[]): string {
  return names
    .map((name) => {
      const plain = /^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]*$/.test(name.value);
      return `${prefixes[name.kind]}:${plain ? name.value : JSON.stringify(name.value)}`;
    })
    .join(", ");
}

describe("the names of a certificate", () => {
  it("are read as they were written, whatever they hold", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ kind, value }), { maxLength: 5 }), (names) => {
        expect(alternativeNames(print(names))).toEqual(names);
      }),
    );
  });

  it("are read from any text without an error", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'DNS:URI, "\\a') }), (text) => {
        expect(Array.isArray(alternativeNames(text))).toBe(true);
      }),
    );
  });
});

describe("the identity of a certificate", () => {
  it("holds its names in order and one line of printable ASCII as its subject", async () => {
    const ca = await CertificateAuthority.create();
    const made = await ca.issue({
      subject: 'CN="a\\, O=b; \u00e9 \\"q\\"", O=Shop, C=US',
      names: [
        { type: "url", value: "https://a/, DNS:evil" },
        { type: "dns", value: "web" },
        { type: "ip", value: "127.0.0.1" },
      ],
    });
    const identity = peerIdentity(new X509Certificate(made.cert));
    expect(identity.sha256).toBe(made.sha256);
    expect(identity.names).toEqual([
      { kind: "uri", value: "https://a/, DNS:evil" },
      { kind: "dns", value: "web" },
      { kind: "ip", value: "127.0.0.1" },
    ]);
    expect(identity.subject).toMatch(/^C=US,O=Shop,CN=a\\, O=b\\; \\C3\\A9 \\"q\\"$/);
  });
});
