import { Ctx, ctxKey, ok, Params } from "@weftmesh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LogicalNameParam, MaxLogicalNamesParam, perPathClientStats } from "../src/per-path-client-stats.ts";
import { type Rep, Rig } from "./calls.ts";

const Name = ctxKey<string | undefined>("name", undefined);
const named = (name: string): Ctx => new Ctx().set(Name, name);

function rigOf(maxNames = 1000): Rig {
  const params = Params.empty.with(LogicalNameParam, (ctx) => ctx.get(Name)).with(MaxLogicalNamesParam, maxNames);
  return new Rig(perPathClientStats<string, Rep>(), params);
}

describe("perPathClientStats", () => {
  it("counts each logical name in a scope of its own, without the leading slash", () => {
    const rig = rigOf();
    for (const name of ["/svc/web", "/svc/web", "/svc/api"]) rig.start(named(name)).end(ok);
    expect(rig.counters("service/svc/web/requests", "service/svc/web/success", "service/svc/api/requests")).toEqual({
      "service/svc/web/requests": 2,
      "service/svc/web/success": 2,
      "service/svc/api/requests": 1,
    });
  });

  it("lets a call without a name pass uncounted", () => {
    const rig = rigOf();
    rig.start();
    expect(rig.seen).toBe(1);
    expect(rig.stats.names()).toEqual([]);
  });

  it("C26: keeps a bounded number of names, and none out of the tree whose calls are in flight", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 60 }), (calls) => {
        const rig = rigOf(4);
        const open = new Set<number>();
        for (const [i, ends] of calls) {
          const ctx = rig.start(named(`/svc/${i}`));
          if (ends) ctx.end(ok);
          else open.add(i);
          for (const each of open) expect(rig.stats.readGauge(`service/svc/${each}/pending`)).toBeGreaterThan(0);
          const kept = rig.stats.names().filter((name) => name.endsWith("/pending"));
          expect(kept.length).toBeLessThanOrEqual(Math.max(4, open.size + 1));
        }
      }),
    );
  });
});
