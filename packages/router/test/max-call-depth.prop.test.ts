import { Params } from "@weftmesh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MaxCallDepthParam, maxCallDepth } from "../src/max-call-depth.ts";
import { viaHeader } from "../src/via-header.ts";
import { request, through } from "./message.ts";

const hop = fc.stringMatching(/^[a-z0-9.]{1,5}( [a-z]{1,5})?$/);

describe("the limit of the call depth", () => {
  it("C19: lets a request pass exactly when no more elements than that stand in its Via headers", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(hop, { minLength: 1, maxLength: 4 }), { maxLength: 4 }),
        fc.nat(10),
        async (headers, max) => {
          const flat = headers.flatMap((hops) => ["Via", hops.join(",")]);
          const passes = await through(maxCallDepth, Params.empty.with(MaxCallDepthParam, max), request(flat)).then(
            () => true,
            () => false,
          );
          expect(passes).toBe(headers.flat().length <= max);
        },
      ),
    );
  });

  it("C20: stops a request that comes back again and again after as many hops", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(12), async (max) => {
        const req = request();
        let hops = 0;
        const params = Params.empty.with(MaxCallDepthParam, max);
        await expect(async () => {
          for (;;) {
            await through(maxCallDepth, params, req);
            await through(viaHeader, Params.empty, req);
            hops++;
            if (hops > 20) return;
          }
        }).rejects.toMatchObject({ code: "WEFT_CALL_DEPTH" });
        expect(hops).toBe(max + 1);
      }),
    );
  });
});
