import { Params, type Service, Stack } from "@weftmesh/core";
import { answerOk, ManualClock, ScriptedService } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  consecutiveFailures,
  EjectionLimitRole,
  type Ejections,
  EjectionsParam,
  EndpointCountParam,
  ejectionLimit,
  MaxEjectionPercentParam,
  newEjections,
} from "../src/index.ts";
import { listed } from "./backoffs.ts";
import { broken, Endpoint } from "./endpoint.ts";

describe("newEjections", () => {
  it("lets no more than the percentage of the endpoints be out, and counts shares of one as none", () => {
    const most = (size: number, maxEjectionPercent: number): number => {
      const ejections = newEjections({ size: () => size, maxEjectionPercent });
      while (ejections.out < 1_000 && ejections.tryEject());
      return ejections.out;
    };
    expect([most(10, 50), most(10, 10), most(10, 9), most(3, 50), most(1, 99), most(10, 0), most(0, 99)]).toEqual([
      5, 1, 0, 1, 0, 0, 0,
    ]);
    expect(most(10, 100)).toBe(1_000);
    expect(most(Number.POSITIVE_INFINITY, 1)).toBe(1_000);
  });

  it("goes by the size of the moment, calls nobody back, and gives places away again", () => {
    let size = 4;
    const ejections = newEjections({ size: () => size, maxEjectionPercent: 50 });
    expect([ejections.tryEject(), ejections.tryEject(), ejections.tryEject()]).toEqual([true, true, false]);
    size = 2;
    expect([ejections.out, ejections.tryEject()]).toEqual([2, false]);
    ejections.release();
    expect(ejections.tryEject()).toBe(false);
    ejections.release();
    expect(ejections.tryEject()).toBe(true);
    expect(ejections.out).toBe(1);
  });

  it("refuses a percentage that is none", () => {
    for (const bad of [-1, 100.5, Number.NaN]) {
      expect(() => newEjections({ size: () => 1, maxEjectionPercent: bad })).toThrow(
        new RangeError(`maxEjectionPercent must be from 0 to 100, not ${bad}`),
      );
    }
  });

  it("has no limit where none was made", () => {
    const ejections = EjectionsParam.default;
    for (let i = 0; i < 10; i++) expect(ejections.tryEject()).toBe(true);
    ejections.release();
    expect(EndpointCountParam.default()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("an endpoint that ought to be out and may not", () => {
  const none = newEjections({ size: () => 1, maxEjectionPercent: 50 });

  it("stays, and is counted each time, with an event every 10 s at most", async () => {
    const endpoint = new Endpoint(consecutiveFailures(2, listed(7)), Params.empty.with(EjectionsParam, none));
    endpoint.failTimes(4);
    expect(endpoint.service.status).toBe("open");
    expect(endpoint.counters).toEqual({ removals: 0, revivals: 0, probes: 0, removedForMs: 0, refused: 3 });
    expect(endpoint.events).toEqual([
      {
        endpoint: "10.0.0.1:80",
        kind: "refused",
        reason: "2 failures in a row, of 2; but 0 endpoints are out already",
        figures: { consecutiveFailures: 2, maxConsecutiveFailures: 2 },
        forMs: 0,
        atEpochMs: endpoint.clock.epochMs(),
        cause: broken,
      },
    ]);
    await endpoint.clock.advance(9_999);
    endpoint.fail();
    expect(endpoint.events).toHaveLength(1);
    await endpoint.clock.advance(1);
    endpoint.fail();
    expect(endpoint.events).toHaveLength(2);
    expect(endpoint.counters.refused).toBe(5);
    expect(endpoint.clock.armed).toBe(0);
  });

  it("has used up none of its waits, and is out with the next failure once there is a place", () => {
    const ejections = newEjections({ size: () => 2, maxEjectionPercent: 50 });
    const params = Params.empty.with(EjectionsParam, ejections);
    const kind = consecutiveFailures(2, listed(7, 8));
    const first = new Endpoint(kind, params);
    const second = new Endpoint(kind, params);
    first.failTimes(2);
    second.failTimes(5);
    expect([first.service.status, second.service.status]).toEqual(["busy", "open"]);
    expect(second.events[0]?.reason).toBe("2 failures in a row, of 2; but 1 endpoints are out already");
    ejections.release();
    second.fail();
    expect(second.service.status).toBe("busy");
    expect(second.events.at(-1)).toMatchObject({ kind: "ejected", forMs: 7 });
  });

  it("keeps its place through probes that fail, and gives it back when it is alive", async () => {
    const ejections = newEjections({ size: () => 2, maxEjectionPercent: 50 });
    const endpoint = new Endpoint(
      consecutiveFailures(1, listed(10, 10, 10)),
      Params.empty.with(EjectionsParam, ejections),
    );
    endpoint.fail();
    for (let i = 0; i < 2; i++) {
      await endpoint.clock.advance(10);
      expect(ejections.out).toBe(1);
      endpoint.fail();
      expect(endpoint.service.status).toBe("busy");
    }
    await endpoint.clock.advance(10);
    endpoint.succeed();
    expect(ejections.out).toBe(0);
    expect(endpoint.counters.refused).toBe(0);
  });
});

describe("a client whose endpoints fail", () => {
  it("G23: never has more of them out than the percentage, and as many as there are failing up to it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 100 }),
        fc.array(fc.record({ who: fc.nat(11), bad: fc.boolean(), ms: fc.constantFrom(0, 0, 5, 10, 30) }), {
          maxLength: 80,
          size: "max",
        }),
        async (size, maxEjectionPercent, script) => {
          const ejections = newEjections({ size: () => size, maxEjectionPercent });
          const params = Params.empty.with(EjectionsParam, ejections);
          const endpoints = Array.from(
            { length: size },
            () => new Endpoint(consecutiveFailures(2, listed(10, 20)), params),
          );
          const floor = Math.floor((maxEjectionPercent * size) / 100);
          const out = (): number => endpoints.reduce((n, { counters }) => n + counters.removals - counters.revivals, 0);
          for (const { who, bad, ms } of script) {
            if (ms > 0) for (const each of endpoints) await each.clock.advance(ms);
            const endpoint = endpoints[who % size] as Endpoint;
            if (bad) endpoint.fail();
            else endpoint.succeed();
            expect(out()).toBe(ejections.out);
            expect(out()).toBeLessThanOrEqual(floor);
          }
          for (const each of endpoints) each.failTimes(2);
          expect(out()).toBe(floor);
          for (const each of endpoints) await each.service.close();
          expect(ejections.out).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("ejectionLimit", () => {
  /** What the stack below the module is given. */
  function below(params: Params): { ejections: Ejections; service: Service<string, string>; inner: unknown } {
    const inner = new ScriptedService<string, string>(new ManualClock(), [answerOk("rep")]);
    let ejections: Ejections | undefined;
    const service = new Stack([ejectionLimit<string, string>()], (given) => {
      ejections = given.get(EjectionsParam);
      return inner;
    }).make(params);
    if (ejections === undefined) throw new Error("the rest of the stack was not built");
    return { ejections, service, inner };
  }

  it("is no layer, and gives what stands below it one limit for all, by the count of endpoints", () => {
    let count = 4;
    const params = Params.empty.with(MaxEjectionPercentParam, 50).with(EndpointCountParam, () => count);
    const { ejections, service, inner } = below(params);
    expect(service).toBe(inner);
    expect([ejections.tryEject(), ejections.tryEject(), ejections.tryEject()]).toEqual([true, true, false]);
    count = 6;
    expect([ejections.tryEject(), ejections.tryEject()]).toEqual([true, false]);
    expect(below(params).ejections).not.toBe(ejections);
    expect(EjectionsParam.show(ejections)).toBe(3);
    expect(EndpointCountParam.show(() => 6)).toBe(6);
  });

  it("does nothing at 100 percent, which is the default", () => {
    for (const params of [Params.empty, Params.empty.with(MaxEjectionPercentParam, 100)]) {
      expect(below(params).ejections).toBe(EjectionsParam.default);
    }
  });

  it("declares its role and all that it reads", () => {
    const module = ejectionLimit();
    expect([module.role, EjectionLimitRole]).toEqual(["ejectionLimit", "ejectionLimit"]);
    expect(Object.values(module.params).map((each) => each.name)).toEqual(["maxEjectionPercent", "endpointCount"]);
    expect(module.description).toMatch(/^Bounds/);
  });

  it("refuses a percentage that is none when the stack is built", () => {
    expect(() => below(Params.empty.with(MaxEjectionPercentParam, 101))).toThrow(RangeError);
  });
});
