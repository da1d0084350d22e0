import type { AnyPlugin } from "@weftmesh/config";
import { ClockParam, Ctx, dispatch, Params, RngParam, type Service, Stack, service, systemClock } from "@weftmesh/core";
import { ConnectionKey, emptyBody, Headers, HttpRequest, HttpResponse } from "@weftmesh/http";
import {
  adaptiveConcurrencyModule,
  loadSheddingModule,
  nackAdmissionModule,
  rateLimitModule,
} from "@weftmesh/module-admission";
import { ManualClock, seededRng } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import type { z } from "zod";

const schemaOf = (plugin: AnyPlugin): z.ZodType => (plugin.schema as () => z.ZodType)();
const problems = (plugin: AnyPlugin, config: unknown): string[] =>
  schemaOf(plugin)
    .safeParse(config)
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];

/** The module of a kind with this config, over a service that answers 200. */
function built(plugin: AnyPlugin, config: object, clock = new ManualClock()): Service<HttpRequest, HttpResponse> {
  const params = Params.empty.with(ClockParam, clock).with(RngParam, seededRng(1));
  const { stackable } = plugin.make(schemaOf(plugin).parse(config), params);
  const leaf = service<HttpRequest, HttpResponse>(() => Promise.resolve(new HttpResponse(200)));
  return new Stack([stackable()], () => leaf).make(params) as Service<HttpRequest, HttpResponse>;
}

const request = (...headers: string[]): HttpRequest =>
  new HttpRequest("1.1", "GET", "http", "web", "/", Headers.of(...headers), emptyBody);

describe("dev.weftmesh.rateLimit", () => {
  it("gives each sender its rate, by a header or by the client's address", async () => {
    const clock = new ManualClock();
    const byHeader = built(rateLimitModule, { header: "x-user", identity: { requestsPerSecond: 2 } }, clock);
    for (const user of ["a", "a", "b"]) await dispatch(byHeader, request("x-user", user));
    await expect(dispatch(byHeader, request("x-user", "a"))).rejects.toMatchObject({ code: "WEFT_RATE_LIMITED" });
    await clock.advance(500);
    await dispatch(byHeader, request("x-user", "a"));
    const byAddress = built(rateLimitModule, { identity: { requestsPerSecond: 1 } }, clock);
    const from = (host: string): Ctx =>
      new Ctx().set(ConnectionKey, { remote: { host, port: 1 }, local: { host: "127.0.0.1", port: 2 }, secure: false });
    await dispatch(byAddress, request(), from("10.0.0.1"));
    await dispatch(byAddress, request(), from("10.0.0.2"));
    await expect(dispatch(byAddress, request(), from("10.0.0.1"))).rejects.toMatchObject({ code: "WEFT_RATE_LIMITED" });
  });

  it("has a total, a burst, and rates for some", async () => {
    const limited = built(rateLimitModule, {
      header: "x-user",
      total: { requestsPerSecond: 100 },
      identity: { requestsPerSecond: 1 },
      overrides: [{ keys: ["vip"], requestsPerSecond: 1, burst: 3 }],
    });
    for (let i = 0; i < 3; i++) await dispatch(limited, request("x-user", "vip"));
    await expect(dispatch(limited, request("x-user", "vip"))).rejects.toMatchObject({ code: "WEFT_RATE_LIMITED" });
    await dispatch(limited, request("x-user", "other"));
    await expect(dispatch(limited, request("x-user", "other"))).rejects.toMatchObject({ code: "WEFT_RATE_LIMITED" });
  });

  it("refuses a config that limits nothing, and a header that is none", () => {
    expect(problems(rateLimitModule, {})).toEqual([expect.stringContaining("neither a total nor an identity rate")]);
    expect(problems(rateLimitModule, { total: { requestsPerSecond: 0 } }).length).toBe(1);
    expect(problems(rateLimitModule, { total: { requestsPerSecond: 1 }, header: "a b" }).length).toBe(1);
  });
});

describe("the other kinds", () => {
  it("have roles of their own, and pass what there is room for", async () => {
    for (const [plugin, config, role] of [
      [adaptiveConcurrencyModule, {}, "adaptiveConcurrency"],
      [nackAdmissionModule, {}, "nackAdmission"],
      [loadSheddingModule, {}, "loadShedding"],
    ] as const) {
      const params = Params.empty.with(ClockParam, systemClock).with(RngParam, seededRng(1));
      expect((plugin as AnyPlugin).make(schemaOf(plugin).parse(config), params).role).toBe(role);
      const one = built(plugin, config);
      expect((await dispatch(one, request())).status).toBe(200);
      await one.close();
    }
  });

  it("adaptiveConcurrency refuses beyond its first limit", async () => {
    const held: (() => void)[] = [];
    const params = Params.empty.with(ClockParam, new ManualClock()).with(RngParam, seededRng(1));
    const config = schemaOf(adaptiveConcurrencyModule).parse({ minLimit: 2, initialLimit: 2, maxLimit: 2 }) as never;
    const { stackable } = adaptiveConcurrencyModule.make(config, params);
    const slow = service<string, string>(() => new Promise((resolve) => held.push(() => resolve("done"))));
    const limited = new Stack([stackable<string, string>()], () => slow).make(params);
    const two = [dispatch(limited, "a"), dispatch(limited, "b")];
    await expect(dispatch(limited, "c")).rejects.toMatchObject({ code: "WEFT_ADAPTIVE_LIMIT" });
    for (const release of held) release();
    expect(await Promise.all(two)).toEqual(["done", "done"]);
  });

  it("refuse figures that make no sense", () => {
    expect(problems(adaptiveConcurrencyModule, { minLimit: 5, maxLimit: 4 })).toEqual([
      "minLimit: minLimit is greater than maxLimit",
    ]);
    expect(problems(loadSheddingModule, { memoryRatio: { low: 0.9, high: 0.8 } })).toEqual([
      "memoryRatio.high: low, high and full do not rise",
    ]);
    expect(problems(nackAdmissionModule, { nackRateThreshold: 1 }).length).toBe(1);
  });
});
