import { Ctx, ok } from "@weftmesh/core";
import { answerOk, ManualClock, ScriptedService } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { leastLoaded } from "../src/index.ts";
import { at, bound, Cluster } from "./cluster.ts";

async function call(cluster: Cluster): Promise<string> {
  const ctx = new Ctx();
  const rep = await cluster.service.call("req", ctx);
  ctx.respond(rep);
  ctx.end(ok);
  return rep;
}

describe("least load with answers that ask to be left alone", () => {
  it("gives an endpoint no calls while another is there that did not ask, and then again", async () => {
    const retryAfterMs = (rep: unknown): number | undefined => (rep === "10.0.0.0:80" ? 2000 : undefined);
    const cluster = new Cluster(leastLoaded({ retryAfterMs }), bound(0, 1));
    while ((await call(cluster)) !== "10.0.0.0:80");
    const before = cluster.endpoint(0)?.calls.length;
    for (let i = 0; i < 100; i++) await call(cluster);
    await cluster.clock.advance(1999);
    for (let i = 0; i < 100; i++) await call(cluster);
    expect(cluster.endpoint(0)?.calls.length).toBe(before);
    await cluster.clock.advance(1);
    for (let i = 0; i < 100; i++) await call(cluster);
    expect(cluster.endpoint(0)?.calls.length).toBe((before ?? 0) + 1);
  });

  it("goes on by load among endpoints that have all asked, and counts them as open", async () => {
    const cluster = new Cluster(leastLoaded({ retryAfterMs: () => 60_000 }), bound(0, 1), {
      script: (where) => answerOk(where, 10),
    });
    for (let i = 0; i < 20; i++) {
      void call(cluster);
      await cluster.clock.advance(10);
    }
    for (let i = 0; i < 10; i++) void call(cluster);
    expect([0, 1].map((n) => cluster.endpoint(n)?.inFlight)).toEqual([5, 5]);
    expect(cluster.stats.readGauge("loadbalancer/available")).toBe(2);
    await cluster.clock.advance(10);
  });

  it("goes by the longest that any answer asked", async () => {
    const clock = new ManualClock();
    const kind = leastLoaded({ retryAfterMs: (rep) => Number(rep) });
    const leaf = new ScriptedService<string, string>(
      clock,
      ["100", "3000", "10", "-5", "x"].map((ms) => answerOk(ms)),
    );
    const node = kind.newNode<string, string>(
      at(0),
      () => leaf,
      () => {},
      clock,
    );
    for (let i = 0; i < 5; i++) {
      const ctx = new Ctx();
      ctx.respond(await node.call("req", ctx));
      ctx.end(ok);
    }
    expect([node.load(2999), node.load(3000)]).toEqual([2e15, 0]);
  });

  it("leaves nobody alone for longer than it may: five minutes unless it is told otherwise", async () => {
    for (const [options, longestMs] of [
      [{}, 300_000],
      [{ maxRetryAfterMs: 500 }, 500],
    ] as const) {
      const clock = new ManualClock(70);
      const kind = leastLoaded({ retryAfterMs: () => 1e9, ...options });
      const leaf = new ScriptedService<string, string>(clock, [answerOk("rep")]);
      const node = kind.newNode<string, string>(
        at(0),
        () => leaf,
        () => {},
        clock,
      );
      const ctx = new Ctx();
      ctx.respond(await node.call("req", ctx));
      expect([node.load(70), node.load(69 + longestMs), node.load(70 + longestMs)]).toEqual([2e15 + 1, 2e15 + 1, 1]);
      ctx.end(ok);
      expect([node.load(70), node.load(70 + longestMs)]).toEqual([2e15, 0]);
    }
  });
});
