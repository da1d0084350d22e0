import { ClockParam, Params } from "@weftmesh/core";
import { Dtab } from "@weftmesh/naming";
import { arbDtab, ManualClock } from "@weftmesh/testkit";
import { WireDeadlineKey } from "@weftmesh/timeout";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LocalDtabKey } from "../src/call-context.ts";
import { ClearContextParam, requestContext } from "../src/request-context.ts";
import { arbHeaders, only } from "./arb-headers.ts";
import { request, through } from "./message.ts";

const timed = Params.empty.with(ClockParam, new ManualClock());
const own = ["l5d-dtab", "l5d-ctx-dtab", "l5d-ctx-deadline", "l5d-orig-proto"];
const isContext = (name: string): boolean => own.includes(name);

describe("the context of a request", () => {
  it("has the delegations of l5d-ctx-dtab before those of l5d-dtab, each in the order of the headers", async () => {
    const some = fc.array(fc.tuple(fc.boolean(), arbDtab({ shape: "cyclic", maxEntries: 3 })), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(some, async (headers) => {
        const flat = headers.flatMap(([own, dtab]) => [own ? "l5d-dtab" : "l5d-ctx-dtab", dtab.show]);
        const { ctx } = await through(requestContext, timed, request(flat));
        const inOrder = [...headers.filter(([own]) => !own), ...headers.filter(([own]) => own)];
        const expected = inOrder.reduce((all, [, dtab]) => all.concat(dtab), Dtab.empty);
        expect(ctx.get(LocalDtabKey)?.show ?? "").toBe(expected.show);
      }),
    );
  });

  it("C22: has the strictest deadline of all headers", async () => {
    const deadlines = fc.array(fc.tuple(fc.bigInt(0n, 2n ** 63n - 1n), fc.bigInt(0n, 2n ** 63n - 1n)), {
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(deadlines, async (all) => {
        const flat = all.flatMap(([from, to]) => ["l5d-ctx-deadline", `${from} ${to}`]);
        const { ctx } = await through(requestContext, timed, request(flat));
        const ends = all.map(([, to]) => to);
        const earliest = ends.reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
        expect(ctx.get(WireDeadlineKey)?.deadlineNs).toBe(earliest);
      }),
    );
  });

  it("takes exactly its own headers off the request, and refuses it when a dtab is none", async () => {
    const dtab = fc.tuple(fc.constantFrom("L5d-Dtab", "l5d-ctx-dtab"), fc.constantFrom("/a=>/b", "", "/a => /b;"));
    const withDtabs = fc
      .tuple(arbHeaders, fc.array(dtab, { maxLength: 3 }), fc.boolean())
      .map(([others, dtabs, odd]) => [...(odd ? others : only(others, (name) => !isContext(name))), ...dtabs.flat()]);
    await fc.assert(
      fc.asyncProperty(withDtabs, async (headers) => {
        const req = request(headers);
        const refused = await through(requestContext, timed, req).then(
          () => undefined,
          (error: { code?: string }) => error.code,
        );
        if (refused !== undefined) expect(refused).toBe("WEFT_DTAB_HEADER");
        else expect(req.headers.toFlat()).toEqual(only(headers, (name) => !isContext(name)));
      }),
    );
  });

  it("C1, C2: cleared, it loses exactly the headers that begin with l5d-, in any case and both ways", async () => {
    const cleared = timed.with(ClearContextParam, true);
    const others = (flat: readonly string[]) => only(flat, (name) => !name.startsWith("l5d-"));
    await fc.assert(
      fc.asyncProperty(arbHeaders, arbHeaders, async (asked, answered) => {
        const {
          ctx,
          request: req,
          response,
        } = await through(requestContext, cleared, request(asked), {
          replyHeaders: only(answered, (name) => name !== "l5d-err"),
        });
        expect(req.headers.toFlat()).toEqual(others(asked));
        expect(response.headers.toFlat()).toEqual(others(answered));
        expect([ctx.get(LocalDtabKey), ctx.get(WireDeadlineKey)]).toEqual([undefined, undefined]);
      }),
    );
  });
});
