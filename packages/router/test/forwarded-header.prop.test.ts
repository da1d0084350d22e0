import { Ctx, Params, RngParam } from "@weftmesh/core";
import { type Connection, ConnectionKey } from "@weftmesh/http";
import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RouterLabelParam } from "../src/call-context.ts";
import { type ForwardedLabeler, ForwardedParam, forwardedHeader } from "../src/forwarded-header.ts";
import { arbHeaders, only, valuesOf } from "./arb-headers.ts";
import { request, through } from "./message.ts";

const anyText = fc.string({ unit: "binary", minLength: 1, maxLength: 8 });
const labeler: fc.Arbitrary<ForwardedLabeler> = fc.oneof(
  fc
    .constantFrom(
      "ip" as const,
      "ip:port" as const,
      "connectionRandom" as const,
      "requestRandom" as const,
      "router" as const,
    )
    .map((kind) => ({ kind })),
  anyText.map((label) => ({ kind: "static" as const, label })),
);
const end = fc.record({ host: fc.oneof(fc.ipV4(), fc.ipV6()), port: fc.integer({ min: 1, max: 65_535 }) });
const connection: fc.Arbitrary<Connection | undefined> = fc.option(
  fc.record({ remote: end, local: end, secure: fc.boolean() }),
  { nil: undefined },
);

/** One element of RFC 7239, section 4: pairs of a token, and a token or a quoted string. */
const pair = /(by|for|host|proto)=([!#$%&'*+.^_`|~0-9A-Za-z-]+|"([^"\\]|\\.)*")/;
const element = new RegExp(`^${pair.source}(;${pair.source})*$`);

describe("Forwarded", () => {
  it("is one header whose last element is ours and well formed, for any labels, addresses and headers", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbHeaders,
        labeler,
        labeler,
        connection,
        anyText,
        fc.stringMatching(/^[a-z0-9.:[\]-]{0,10}$/),
        async (headers, by, from, wire, router, authority) => {
          const params = Params.empty
            .with(ForwardedParam, { by, for: from })
            .with(RngParam, seededRng(1))
            .with(RouterLabelParam, router);
          const ctx = wire === undefined ? new Ctx() : new Ctx().set(ConnectionKey, wire);
          const { request: req } = await through(forwardedHeader, params, request(headers, "/", authority), { ctx });
          const flat = req.headers.toFlat();
          const [value = "", ...more] = valuesOf(flat, "forwarded");
          expect(more).toEqual([]);
          const before = valuesOf(headers, "forwarded").map((each) => `${each}, `);
          expect(value.startsWith(before.join(""))).toBe(true);
          expect(value.slice(before.join("").length)).toMatch(element);
          expect(only(flat, (name) => name !== "forwarded")).toEqual(only(headers, (name) => name !== "forwarded"));
        },
      ),
    );
  });
});
