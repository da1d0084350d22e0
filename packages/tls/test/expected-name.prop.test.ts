import { X509Certificate } from "node:crypto";
import { CertificateAuthority, type CertificateOptions } from "@weftmesh/testkit/certificates";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { HandshakeError } from "../src/errors.ts";
import { expectedName, isFor } from "../src/expected-name.ts";

let ca: CertificateAuthority;

beforeAll(async () => {
  ca = await CertificateAuthority.create();
});

async function certificate(options: CertificateOptions): Promise<X509Certificate> {
  return new X509Certificate((await ca.issue(options)).cert);
}

describe("the name that is expected of a server", () => {
  it("is a host name, an address or a SPIFFE id, whatever a request has put into it", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(..."aZ09.-_*/:%\u0000 \n{}[]") }),
      fc
        .array(fc.constantFrom("a", "web", "-", "x".repeat(63), "x".repeat(64)), { maxLength: 9 })
        .map((each) => each.join(".")),
      fc
        .array(fc.constantFrom("x".repeat(60), "y".repeat(63)), { minLength: 3, maxLength: 5 })
        .map((each) => each.join(".")),
      fc.string({ unit: fc.constantFrom(..."aA1/.%-") }).map((each) => `spiffe://example.org/${each}`),
    );
    fc.assert(
      fc.property(text, (given) => {
        let name: ReturnType<typeof expectedName>;
        try {
          name = expectedName(given);
        } catch (error) {
          expect(error).toBeInstanceOf(HandshakeError);
          expect((error as HandshakeError).reason).toBe("wrong_name");
          expect((error as HandshakeError).message.length).toBeLessThan(700);
          return;
        }
        if (name.kind === "dns") {
          expect(name.text).toMatch(/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i);
          expect(name.text.length).toBeLessThanOrEqual(253);
          expect(Math.max(...name.text.split(".").map((each) => each.length))).toBeLessThanOrEqual(63);
        }
        if (name.kind === "spiffe")
          expect(name.text).toMatch(/^spiffe:\/\/[a-z0-9._-]+\/[A-Za-z0-9._/-]*[A-Za-z0-9._-]$/);
      }),
    );
  });

  it.each([
    ["E6: a star for one label", { dns: ["*.example.org"] }, "web.example.org", true],
    ["E6: no star for two labels", { dns: ["*.example.org"] }, "a.web.example.org", false],
    ["E6: no star for none", { dns: ["*.example.org"] }, "example.org", false],
    ["E6: no star within a label", { dns: ["w*.example.org"] }, "web.example.org", false],
    ["E6: no star but the first", { dns: ["web.*.org"] }, "web.example.org", false],
    ["E3: another name", { dns: ["other"] }, "web", false],
    ["E3: a common name beside host names", { subject: "CN=web", dns: ["other"] }, "web", false],
    ["E3: a common name alone", { subject: "CN=web" }, "web", true],
    ["any case", { dns: ["WEB.example.org"] }, "web.Example.org", true],
    ["a dot at the end", { dns: ["web.example.org"] }, "web.example.org.", true],
    ["an address", { ips: ["10.0.0.1"] }, "10.0.0.1", true],
    ["E3: another address", { ips: ["10.0.0.2"], subject: "CN=10.0.0.1" }, "10.0.0.1", false],
    ["E3: an address that is written as a host name", { dns: ["10.0.0.1"] }, "10.0.0.1", false],
    ["a SPIFFE id", { uris: ["spiffe://a.org/web"] }, "spiffe://a.org/web", true],
    ["E5: two of them", { uris: ["spiffe://a.org/web", "https://a.org"] }, "spiffe://a.org/web", false],
    ["E5: a longer one", { uris: ["spiffe://a.org/web/x"] }, "spiffe://a.org/web", false],
    ["E5: a host name like it", { subject: "CN=spiffe://a.org/web", dns: ["a.org"] }, "spiffe://a.org/web", false],
  ] as const)("%s", async (_, options, name, isRight) => {
    expect(isFor(await certificate(options as CertificateOptions), expectedName(name))).toBe(isRight);
  });

  it.each([
    "spiffe://a.org/",
    "spiffe://a.org",
    "spiffe://a.org/a/../b",
    "spiffe://A.org/b",
    "spiffe://a.org/%61",
    "SPIFFE://a.org/b",
  ])("E5: %s is no id", (text) => {
    expect(() => expectedName(text)).toThrow(HandshakeError);
  });
});
