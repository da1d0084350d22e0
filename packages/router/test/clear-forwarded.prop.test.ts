import { Params } from "@weftmesh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClearForwardedParam, clearForwarded } from "../src/index.ts";
import { arbHeaders, only } from "./arb-headers.ts";
import { request, through } from "./message.ts";

const claim = fc
  .constantFrom("Forwarded", "X-Forwarded-For", "x-forwarded-proto", "X-FORWARDED-X", "x-Real-IP", "X-Original-URL")
  .chain((name) => fc.constantFrom(name, name.toLowerCase(), name.toUpperCase(), "x-rewrite-url"))
  .map((name) => [name, "1"]);
const headers = fc
  .tuple(arbHeaders, fc.array(claim, { maxLength: 4 }), fc.nat(4))
  .map(([some, claims, at]) => [...some.slice(0, 2 * at), ...claims.flat(), ...some.slice(2 * at)]);
const isClaim = (name: string): boolean =>
  name.startsWith("x-forwarded-") || ["forwarded", "x-real-ip", "x-original-url", "x-rewrite-url"].includes(name);

describe("what a client says of itself", () => {
  it("is gone where it is cleared, and nothing else is", async () => {
    await fc.assert(
      fc.asyncProperty(headers, fc.boolean(), async (flat, clears) => {
        const params = Params.empty.with(ClearForwardedParam, clears);
        const { request: seen } = await through(clearForwarded, params, request(flat));
        expect(seen.headers.toFlat()).toEqual(clears ? only(flat, (name) => !isClaim(name)) : flat);
      }),
    );
  });
});
