import { MaxConcurrentRequests } from "@weftmesh/admission";
import { BalancerParam } from "@weftmesh/balancer";
import { ClassifierParam } from "@weftmesh/classify";
import { type Classifier, type Param, Params } from "@weftmesh/core";
import {
  PoolIdleTimeMs,
  PoolMaxSize,
  PoolMaxWaiters,
  PoolMinSize,
  SessionIdleTimeMs,
  SessionLifeTimeMs,
} from "@weftmesh/pool";
import {
  ClearContextParam,
  ClientSocketParam,
  clientParams,
  ForwardedParam,
  MaxCallDepthParam,
  serviceParams,
  TimestampHeaderParam,
} from "@weftmesh/router";
import { RequestAttemptTimeoutMs, ServerTimeoutMs, TotalTimeoutMs } from "@weftmesh/timeout";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HttpClient, HttpServerConfig } from "../src/config.ts";
import { serverParams } from "../src/stack-params.ts";
import { strict } from "./registry.ts";

const ms = fc.integer({ min: 1, max: 100_000 });

type AnyParam = Param<any>;

/** Exactly the parameters of the keys that were given, each with its value. */
function expectParams(params: Params, expected: readonly (readonly [AnyParam, unknown])[]): void {
  const given = expected.filter(([, value]) => value !== undefined);
  const found = new Map<unknown, unknown>([...params]);
  expect([...found.keys()].map((key) => (key as Param<unknown>).name).sort()).toEqual(
    given.map(([key]) => key.name).sort(),
  );
  for (const [key, value] of given) expect(params.get(key)).toEqual(value);
}

describe("the parameters of a stack", () => {
  it("of a server are those of the keys that its config has", () => {
    const server = fc.record(
      {
        clearContext: fc.boolean(),
        timestampHeader: fc.constant("x-a"),
        maxCallDepth: ms,
        maxConcurrentRequests: ms,
        timeoutMs: ms,
        addForwardedHeader: fc.constant({ by: { kind: "ip" }, for: { kind: "router" } } as const),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(server, (config) => {
        expectParams(serverParams(config as HttpServerConfig), [
          [ClearContextParam, config.clearContext],
          [TimestampHeaderParam, config.timestampHeader],
          [MaxCallDepthParam, config.maxCallDepth],
          [MaxConcurrentRequests, config.maxConcurrentRequests],
          [ServerTimeoutMs, config.timeoutMs],
          [ForwardedParam, config.addForwardedHeader],
        ]);
      }),
    );
  });

  it("of a client are those of the keys that its config has", () => {
    const pool = fc.record({ minSize: ms, maxSize: ms, idleTimeMs: ms, maxWaiters: ms }, { requiredKeys: [] });
    const session = fc.record({ lifeTimeMs: ms, idleTimeMs: ms }, { requiredKeys: [] });
    const client = fc.record(
      {
        requestAttemptTimeoutMs: ms,
        hostConnectionPool: pool,
        clientSession: session,
        socketOptions: fc.constant({ noDelay: false, reuseAddr: true, reusePort: false }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(client, (config) => {
        const { hostConnectionPool, clientSession } = config;
        expectParams(clientParams(config as Partial<HttpClient>).params, [
          [RequestAttemptTimeoutMs, config.requestAttemptTimeoutMs],
          [PoolMinSize, hostConnectionPool?.minSize],
          [PoolMaxSize, hostConnectionPool?.maxSize],
          [PoolIdleTimeMs, hostConnectionPool?.idleTimeMs],
          [PoolMaxWaiters, hostConnectionPool?.maxWaiters],
          [SessionLifeTimeMs, clientSession?.lifeTimeMs],
          [SessionIdleTimeMs, clientSession?.idleTimeMs],
          [ClientSocketParam, config.socketOptions],
        ]);
      }),
    );
  });

  it("have the balancer of the config's kind, with its effort", () => {
    fc.assert(
      fc.property(fc.constantFrom("p2c" as const, "ewma" as const), fc.nat(9), ms, (kind, maxEffort, decayTimeMs) => {
        const loadBalancer = kind === "p2c" ? { kind, maxEffort } : { kind, maxEffort, decayTimeMs };
        const params = clientParams({ loadBalancer } as Partial<HttpClient>).params;
        const balancer = params.get(BalancerParam);
        expect(balancer.maxEffort).toBe(maxEffort);
        expect(balancer.algorithm).toBe(kind === "p2c" ? "p2c_least_loaded" : "p2c_peak_ewma");
      }),
    );
    expect(clientParams({}).params.has(BalancerParam)).toBe(false);
  });

  it("of a service have its classifier, made with the router's parameters, or else the router's own", () => {
    const made: unknown[] = [];
    const plugin = {
      make: (config: unknown, params: Params): Classifier => {
        made.push(config, params);
        return strict;
      },
    };
    const responseClassifier = { kind: "x", plugin, config: { a: 1 }, experimental: false } as never;
    const routers = Params.empty.with(TotalTimeoutMs, 5);
    expect(serviceParams({ responseClassifier }, undefined, routers).params.get(ClassifierParam)).toBe(strict);
    expect(made).toEqual([{ a: 1 }, routers]);
    const own: Classifier = { name: "own", classify: () => "success" };
    fc.assert(
      fc.property(fc.option(ms, { nil: undefined }), (totalTimeoutMs) => {
        const config = totalTimeoutMs === undefined ? {} : { totalTimeoutMs };
        expectParams(serviceParams(config, own, routers).params, [
          [ClassifierParam, own],
          [TotalTimeoutMs, totalTimeoutMs],
        ]);
      }),
    );
  });
});
