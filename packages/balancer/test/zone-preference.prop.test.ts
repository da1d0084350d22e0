import { Ctx, ok, Params, type Status } from "@weftmesh/core";
import { type Address, address, boundAddr, showAddress } from "@weftmesh/naming";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  leastLoaded,
  maglev,
  PanicThresholdParam,
  type ZonePreferenceOptions,
  ZonePreferenceParam,
} from "../src/index.ts";
import { Cluster } from "./cluster.ts";

const inZone = (zone: string, n: number): Address => address(`10.1.0.${n}`, 80, 1, { zone });

/** Endpoints of zone `a` first, then of `b`. */
function cluster(own: number, others: number, options: Partial<ZonePreferenceOptions> = {}, params = Params.empty) {
  const addresses = [
    ...Array.from({ length: own }, (_, n) => inZone("a", n)),
    ...Array.from({ length: others }, (_, n) => inZone("b", own + n)),
  ];
  const made = new Cluster(leastLoaded({ maxEffort: 50 }), boundAddr(addresses), {
    params: params.with(ZonePreferenceParam, { zone: "a", ...options }),
  });
  return { made, addresses };
}

function call(made: Cluster): void {
  const ctx = new Ctx();
  void made.service.call("req", ctx);
  ctx.end(ok);
}

/** The part of the calls that went to each of the addresses. */
function shares(made: Cluster, addresses: readonly Address[], calls: number): number[] {
  const count = (): number[] => addresses.map((each) => made.made.get(showAddress(each))?.at(-1)?.calls.length ?? 0);
  const before = count();
  for (let i = 0; i < calls; i++) call(made);
  return count().map((each, i) => (each - (before[i] as number)) / calls);
}

const sum = (all: readonly number[]): number => all.reduce((total, each) => total + each, 0);
const fiveSigma = (p: number, n: number): number => 5 * Math.sqrt((p * (1 - p)) / n) + 1e-12;

/** Makes every endpoint, whatever the preference, and lets the last so many of the first `own` fail. */
async function failSome(made: Cluster, addresses: readonly Address[], own: number, failing: number): Promise<void> {
  for (let i = 0; i < 3000 && made.all().length < addresses.length; i++) call(made);
  for (let n = own - failing; n < own; n++) setStatus(made, addresses[n] as Address, "busy");
  await made.clock.advance(200);
}

function setStatus(made: Cluster, at: Address, status: Status): void {
  const endpoint = made.made.get(showAddress(at))?.at(-1);
  if (endpoint !== undefined) endpoint.status = status;
}

describe("zone preference", () => {
  it("keeps all calls in the zone while all is well, and shares them out evenly", () => {
    const { made, addresses } = cluster(4, 12);
    const all = shares(made, addresses, 20_000);
    for (const [n, share] of all.entries()) {
      if (n < 4) expect(Math.abs(share - 0.25)).toBeLessThanOrEqual(fiveSigma(0.25, 20_000));
      else expect(share).toBe(0);
    }
    expect(made.stats.readCounter("loadbalancer/cross_zone")).toBe(0);
    expect(made.stats.readGauge("loadbalancer/size")).toBe(16);
    expect(made.stats.readGauge("loadbalancer/num_weight_classes")).toBe(2);
  });

  it("lets overflow what the zone's health falls short of the threshold, in proportion", async () => {
    const calls = 20_000;
    for (const [failing, healthyPercent, expected] of [
      [3, 70, 1],
      [4, 70, 60 / 70],
      [7, 70, 30 / 70],
      [5, 50, 1],
      [6, 50, 0.8],
      [1, 100, 0.9],
      [10, 70, 0],
    ] as const) {
      const { made, addresses } = cluster(10, 5, { healthyPercent });
      await failSome(made, addresses, 10, failing);
      const all = shares(made, addresses, calls);
      expect(Math.abs(sum(all.slice(0, 10)) - expected)).toBeLessThanOrEqual(fiveSigma(expected, calls));
      expect(sum(all.slice(10 - failing, 10))).toBe(0);
      const crossed = made.stats.readCounter("loadbalancer/cross_zone") / calls;
      expect(Math.abs(crossed - (1 - expected))).toBeLessThanOrEqual(fiveSigma(expected, calls));
    }
  });

  it("gives the zone what its endpoints are worth when more callers are in it than endpoints", async () => {
    const calls = 20_000;
    for (const [own, others, failing, callerShare, expected] of [
      [5, 5, 0, 0.5, 1],
      [2, 8, 0, 0.5, 0.4],
      [8, 2, 0, 0.5, 1],
      // Two of four are open: worth 2 of 8, and healthy to 50 of 70 percent.
      [4, 6, 2, 0.5, 0.5],
      [4, 6, 2, 0.25, 50 / 70],
    ] as const) {
      const { made, addresses } = cluster(own, others, { callerShare });
      await failSome(made, addresses, own, failing);
      const all = shares(made, addresses, calls);
      expect(Math.abs(sum(all.slice(0, own)) - expected)).toBeLessThanOrEqual(fiveSigma(expected, calls));
    }
  });

  it("does not prefer a zone with nobody, with everybody or with too few", () => {
    for (const [own, others, options] of [
      [0, 6, {}],
      [6, 0, {}],
      [2, 4, { minEndpoints: 3 }],
      [3, 3, { zone: "c" }],
    ] as const) {
      const { made, addresses } = cluster(own, others, options);
      for (const share of shares(made, addresses, 20_000)) {
        expect(Math.abs(share - 1 / 6)).toBeLessThanOrEqual(fiveSigma(1 / 6, 20_000));
      }
      expect(made.stats.readCounter("loadbalancer/cross_zone")).toBe(0);
      expect(made.stats.readGauge("loadbalancer/num_weight_classes")).toBe(1);
    }
  });

  it("reads the zone where it is told to", () => {
    const addresses = [address("10.0.0.1", 80, 1, { rack: "r1" }), address("10.0.0.2", 80, 1, { zone: "r1" })];
    const made = new Cluster(leastLoaded(), boundAddr(addresses), {
      params: Params.empty.with(ZonePreferenceParam, { zone: "r1", metadataKey: "rack" }),
    });
    expect(shares(made, addresses, 100)).toEqual([1, 0]);
  });

  it("never leaves a call without an open endpoint while there is one on either side", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { minLength: 2, maxLength: 4 }),
        fc.array(fc.boolean(), { minLength: 2, maxLength: 4 }),
        fc.boolean(),
        async (own, others, justNow) => {
          const { made, addresses } = cluster(own.length, others.length);
          // So that all are made: each side is all there is once.
          made.dest.set(boundAddr(addresses.slice(own.length)));
          for (let i = 0; i < 60; i++) call(made);
          made.dest.set(boundAddr(addresses));
          for (let i = 0; i < 60; i++) call(made);
          [...own, ...others].forEach((up, n) => {
            if (!up) setStatus(made, addresses[n] as Address, "busy");
          });
          // The count of open ones is up to 100 ms old.
          if (!justNow) await made.clock.advance(100);
          const exhausted = (): number => made.stats.readCounter("loadbalancer/max_effort_exhausted");
          const all = shares(made, addresses, 200);
          const anyUp = [...own, ...others].includes(true);
          expect(exhausted()).toBe(anyUp ? 0 : 200);
          const toOpen = sum(all.filter((_, n) => [...own, ...others][n]));
          expect([toOpen, sum(all)]).toEqual([expect.closeTo(anyUp ? 1 : 0, 9), expect.closeTo(1, 9)]);
          if (!own.includes(true) && others.includes(true)) {
            expect(made.stats.readCounter("loadbalancer/cross_zone")).toBe(200);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it("takes whatever comes on the side that was drawn when neither has anybody open, and counts it once", async () => {
    const { made, addresses } = cluster(2, 2);
    made.dest.set(boundAddr(addresses.slice(2)));
    for (let i = 0; i < 60; i++) call(made);
    made.dest.set(boundAddr(addresses));
    for (let i = 0; i < 60; i++) call(made);
    for (const each of addresses) setStatus(made, each, "busy");
    await made.clock.advance(100);
    expect(sum(shares(made, addresses, 100))).toBeCloseTo(1, 9);
    expect(made.stats.readCounter("loadbalancer/max_effort_exhausted")).toBe(100);
  });

  it("moves an endpoint that says another zone now, and one that stays keeps its load", async () => {
    const { made, addresses } = cluster(2, 2);
    const held = new Ctx();
    void made.service.call("req", held);
    made.dest.set(boundAddr([...addresses, inZone("b", 9)]));
    expect(made.stats.readGauge("loadbalancer/load")).toBe(1);
    made.dest.set(boundAddr(addresses.map((_, n) => inZone(n < 2 ? "b" : "a", n))));
    expect(sum(shares(made, addresses, 1000).slice(2))).toBeCloseTo(1, 9);
    held.end(ok);
    expect(made.stats.readGauge("loadbalancer/load")).toBe(0);
  });

  it("in panic shares out by what each side would be worth if all were open", async () => {
    const params = Params.empty.with(PanicThresholdParam, 50);
    for (const [callerShare, expected] of [
      [undefined, 1],
      [0.5, 0.5],
    ] as const) {
      const { made, addresses } = cluster(2, 6, callerShare === undefined ? {} : { callerShare }, params);
      made.dest.set(boundAddr(addresses.slice(2)));
      for (let i = 0; i < 200; i++) call(made);
      made.dest.set(boundAddr(addresses));
      for (let i = 0; i < 200; i++) call(made);
      for (const each of addresses.slice(1)) setStatus(made, each, "busy");
      await made.clock.advance(100);
      const all = shares(made, addresses, 20_000);
      expect(Math.abs(sum(all.slice(0, 2)) - expected)).toBeLessThanOrEqual(fiveSigma(expected, 20_000));
      expect(Math.abs((all[0] as number) - (all[1] as number))).toBeLessThanOrEqual(
        2 * fiveSigma(expected / 2, 20_000),
      );
    }
  });

  it("keeps keys together within the zone", () => {
    const addresses = [...Array.from({ length: 4 }, (_, n) => inZone("a", n)), inZone("b", 9)];
    const made = new Cluster(maglev<string>({ key: (req) => req }), boundAddr(addresses), {
      params: Params.empty.with(ZonePreferenceParam, { zone: "a" }),
    });
    for (let i = 0; i < 100; i++) call(made);
    expect(made.all().map((each) => each.calls.length)).toEqual([100]);
  });
});
