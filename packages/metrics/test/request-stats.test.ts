import {
  CancelledError,
  type Classifier,
  ClassifierKey,
  Ctx,
  failed,
  ok,
  Params,
  Stack,
  service,
  WeftError,
} from "@weftmesh/core";
import { describe, expect, it } from "vitest";
import { clientStats, pathStats, serverStats } from "../src/request-stats-module.ts";
import { type Rep, Rig } from "./calls.ts";

const server = (): Rig => new Rig(serverStats<string, Rep>());
const fivesFail: Classifier = {
  name: "fives",
  classify: (_req, rep, error) => (error !== undefined || (rep as Rep).status >= 500 ? "failure" : "success"),
};

describe("serverStats, pathStats and clientStats", () => {
  it("are three roles of one kind of module", () => {
    expect([serverStats(), pathStats(), clientStats()].map(({ role }) => role)).toEqual([
      "serverStats",
      "pathStats",
      "clientStats",
    ]);
  });

  it("have every metric at zero before the first request", () => {
    const rig = server();
    expect(rig.stats.names()).toEqual(["failures", "pending", "request_latency_ms", "requests", "success"]);
    expect(rig.counters("requests", "success", "failures")).toEqual({ requests: 0, success: 0, failures: 0 });
    expect(rig.stats.readGauge("pending")).toBe(0);
  });

  it("are no module at all where nobody counts", () => {
    const inner = service<string, Rep>(() => Promise.resolve({ status: 200 }));
    expect(new Stack([serverStats<string, Rep>()], () => inner).make(Params.empty)).toBe(inner);
  });

  it("count a call when its body has ended, and its latency to the head", async () => {
    const rig = server();
    const ctx = rig.start();
    expect(rig.stats.readGauge("pending")).toBe(1);
    await rig.clock.advance(30);
    ctx.respond({ status: 200 });
    await rig.clock.advance(1_000);
    expect(rig.counters("requests")).toEqual({ requests: 0 });
    ctx.end(ok);
    expect(rig.counters("requests", "success", "failures")).toEqual({ requests: 1, success: 1, failures: 0 });
    expect(rig.stats.readStat("request_latency_ms")).toEqual([30]);
    expect(rig.stats.readGauge("pending")).toBe(0);
  });

  it("count a body that breaks as a failure, with the latency to its head", async () => {
    const rig = server();
    const ctx = rig.start();
    await rig.clock.advance(5);
    ctx.respond({ status: 200 });
    await rig.clock.advance(5);
    ctx.end(failed(new WeftError("WEFT_CONNECTION_LOST", "lost")));
    expect(rig.counters("requests", "success", "failures", "failures/WEFT_CONNECTION_LOST")).toEqual({
      requests: 1,
      success: 0,
      failures: 1,
      "failures/WEFT_CONNECTION_LOST": 1,
    });
    expect(rig.stats.readStat("request_latency_ms")).toEqual([5]);
  });

  it("time a call without a head to its end", async () => {
    const rig = server();
    const ctx = rig.start();
    await rig.clock.advance(7);
    ctx.end(failed(new WeftError("WEFT_X", "x")));
    expect(rig.stats.readStat("request_latency_ms")).toEqual([7]);
  });

  it("leave a caller who went away out, even after the head", () => {
    const rig = server();
    rig.start().end(failed(new CancelledError()));
    const late = rig.start();
    late.respond({ status: 200 });
    late.end(failed(new CancelledError()));
    expect(rig.counters("requests", "success", "failures")).toEqual({ requests: 0, success: 0, failures: 0 });
    expect(rig.stats.readStat("request_latency_ms")).toEqual([]);
    expect(rig.stats.readGauge("pending")).toBe(0);
  });

  it("judge by the classifier that the path stack put on the call, also from an attempt's ctx", () => {
    const rig = server();
    const call = new Ctx();
    const attempt = rig.start(call.fork());
    call.set(ClassifierKey, fivesFail);
    attempt.respond({ status: 500 });
    attempt.end(ok);
    expect(rig.counters("requests", "success", "failures", "failures/WEFT_CLASSIFIED")).toEqual({
      requests: 1,
      success: 0,
      failures: 1,
      "failures/WEFT_CLASSIFIED": 1,
    });
  });

  it("C7: do not read what a backend says of its own success", () => {
    const rig = server();
    const ctx = rig.start();
    ctx.set(ClassifierKey, fivesFail);
    const claims = { status: 500, headers: new Map([["l5d-success-class", "1.0"]]) };
    ctx.respond(claims);
    ctx.end(ok);
    expect(rig.counters("success", "failures")).toEqual({ success: 0, failures: 1 });
  });

  it("count what a classifier ignores as a request, and as nothing else", () => {
    const rig = server();
    const ctx = rig.start();
    ctx.set(ClassifierKey, { name: "ignore", classify: () => "ignorable" });
    ctx.end(ok);
    expect(rig.counters("requests", "success", "failures")).toEqual({ requests: 1, success: 0, failures: 0 });
  });

  it("count a classifier that throws as a failure, and go on", () => {
    const rig = server();
    const ctx = rig.start();
    ctx.set(ClassifierKey, {
      name: "bad",
      classify: () => {
        throw new TypeError("no");
      },
    });
    ctx.end(ok);
    expect(rig.counters("requests", "failures", "failures/TypeError")).toEqual({
      requests: 1,
      failures: 1,
      "failures/TypeError": 1,
    });
  });

  it("take the gauge away when the service is closed", async () => {
    const rig = server();
    await rig.service.close();
    expect(rig.stats.readGauge("pending")).toBeUndefined();
  });

  it("stay right when the clock's integer ticks wrap around", async () => {
    const rig = server();
    await rig.clock.advance(2 ** 31 / 16 - 10);
    const ctx = rig.start();
    await rig.clock.advance(25);
    ctx.respond({ status: 200 });
    ctx.end(ok);
    expect(rig.stats.readStat("request_latency_ms")).toEqual([25]);
  });
});
