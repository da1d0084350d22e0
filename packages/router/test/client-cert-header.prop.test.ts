import { Ctx, Params, Stack, service } from "@weftmesh/core";
import {
  type AlternativeName,
  type Connection,
  ConnectionKey,
  emptyBody,
  Headers,
  HttpRequest,
  HttpResponse,
  type PeerIdentity,
} from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientCertHeader, clientCertValue, ForwardClientCertParam } from "../src/client-cert-header.ts";

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.constantFrom(...'a;,="\\ %\r\n\u00e9\u{1f600}DNS') }),
  fc.constantFrom("a;DNS=root", 'x";Subject="CN=root', "CN=a\\", '\\"', "https://buoyant.io/a?b=c"),
);
const name: fc.Arbitrary<AlternativeName> = fc.record({
  kind: fc.constantFrom("dns", "uri", "ip", "email", "other"),
  value: text,
});
const peer: fc.Arbitrary<PeerIdentity> = fc.record({
  sha256: fc.constant("AB12"),
  subject: text,
  names: fc.array(name, { maxLength: 5 }),
});

/** A reader of the header: parts between semicolons that are not within quotes. */
function parts(value: string): readonly string[] {
  return [...value.matchAll(/(?:"(?:[^"\\]|\\.)*"|[^;"])+/g)].map(([part]) => part);
}

async function passed(headers: Headers, connection: Partial<Connection>, forwards: boolean): Promise<Headers> {
  let seen = new Headers();
  const leaf = service<HttpRequest, HttpResponse>((req) => {
    seen = req.headers;
    return Promise.resolve(new HttpResponse(204));
  });
  const stack = new Stack([clientCertHeader], () => leaf);
  const ctx = new Ctx();
  ctx.set(ConnectionKey, connection as Connection);
  const req = new HttpRequest("1.1", "GET", "http", "web", "/", headers, emptyBody);
  await stack.make(Params.empty.with(ForwardClientCertParam, forwards)).call(req, ctx);
  return seen;
}

describe("x-forwarded-client-cert", () => {
  it("E19: has a part for each name and no other, whatever the certificate says", () => {
    fc.assert(
      fc.property(peer, (identity) => {
        const value = clientCertValue(identity);
        expect(value).toMatch(/^[\x20-\x7e]*$/);
        const shown = identity.names.filter(({ kind }) => kind === "dns" || kind === "uri");
        const found = parts(value);
        expect(found.join(";")).toBe(value);
        expect(found.map((part) => part.split("=")[0])).toEqual([
          "Hash",
          ...shown.map(({ kind }) => (kind === "dns" ? "DNS" : "SAN")),
          ...(identity.subject === "" ? [] : ["Subject"]),
        ]);
        for (const [i, { value: given }] of shown.entries()) {
          const encoded = found[i + 1]?.slice(4) ?? "";
          // What is percent-encoded here comes back; a percent of the certificate's own stays as it was.
          if (!given.includes("%") && !/\p{Surrogate}/u.test(given)) expect(decodeURIComponent(encoded)).toBe(given);
        }
      }),
    );
  });

  it("E19: is cleared whatever a client claims, and set from a verified certificate alone", async () => {
    const claims = fc.array(fc.constantFrom("Hash=17", "Hash=AB12", ""), { maxLength: 3 });
    const spelled = fc.constantFrom("x-forwarded-client-cert", "X-Forwarded-Client-Cert", "X-FORWARDED-CLIENT-CERT");
    await fc.assert(
      fc.asyncProperty(
        claims,
        spelled,
        fc.option(peer, { nil: undefined }),
        fc.boolean(),
        async (all, as, who, forwards) => {
          const headers = new Headers();
          for (const claim of all) headers.add(as, claim);
          const seen = await passed(headers, { secure: true, peer: who }, forwards);
          const expected = forwards && who !== undefined ? clientCertValue(who) : undefined;
          expect(seen.get("x-forwarded-client-cert")).toBe(expected);
        },
      ),
    );
  });

  it("has the form that Linkerd gave it", () => {
    const identity: PeerIdentity = {
      sha256: "AB12",
      subject: "C=US,CN=upstream",
      names: [
        { kind: "uri", value: "https://buoyant.io" },
        { kind: "dns", value: "upstream" },
        { kind: "ip", value: "127.0.0.1" },
        { kind: "dns", value: "linkerd" },
      ],
    };
    expect(clientCertValue(identity)).toBe(
      'Hash=AB12;SAN=https://buoyant.io;DNS=upstream;DNS=linkerd;Subject="C=US,CN=upstream"',
    );
  });
});
