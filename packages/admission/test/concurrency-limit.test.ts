import { Ctx, failed, ok, Params, type Service, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { answerNever, answerOk, describeModule, ManualClock, MemoryStats, ScriptedService } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { concurrencyLimit, MaxConcurrentRequests } from "../src/index.ts";

describeModule(concurrencyLimit<object, object>(), {
  params: () => Params.empty.with(MaxConcurrentRequests, 1_000),
  disabled: () => Params.empty,
});

function limited(max: number, inner: Service<string, string>, stats = new MemoryStats()): Service<string, string> {
  const params = Params.empty.with(MaxConcurrentRequests, max).with(StatsParam, stats);
  return new Stack([concurrencyLimit<string, string>()], () => inner).make(params);
}

describe("concurrencyLimit", () => {
  it("refuses at once what is beyond the limit, and says what the limit is", async () => {
    const inner = new ScriptedService<string, string>(new ManualClock(), [answerNever]);
    const subject = limited(2, inner);
    const ctxs = [new Ctx(), new Ctx()];
    for (const ctx of ctxs) subject.call("", ctx).catch(() => {});
    await expect(subject.call("", new Ctx())).rejects.toMatchObject({
      code: "WEFT_OVERLOADED",
      flags: ["rejected", "retryable"],
      maxConcurrentRequests: 2,
      message: "refused: the limit of 2 concurrent requests is reached",
    });
    expect(inner.calls).toHaveLength(2);
    for (const ctx of ctxs) {
      ctx.cancel(new Error("enough"));
      ctx.end(failed(new Error("enough")));
    }
  });

  it("counts a call until it ends, and not only until the head of its answer", async () => {
    const subject = limited(1, new ScriptedService<string, string>(new ManualClock(), [answerOk("head")]));
    const ctx = new Ctx();
    ctx.respond(await subject.call("", ctx));
    await expect(subject.call("", new Ctx())).rejects.toMatchObject({ code: "WEFT_OVERLOADED" });
    ctx.end(ok);
    await expect(subject.call("", new Ctx())).resolves.toBe("head");
  });

  it("shows how many are under way, until it is closed", async () => {
    const stats = new MemoryStats();
    const subject = limited(5, new ScriptedService<string, string>(new ManualClock(), [answerOk("rep")]), stats);
    const ctx = new Ctx();
    await subject.call("", ctx);
    expect(stats.readGauge("request_concurrency")).toBe(1);
    expect(stats.readGauge("request_queue_size")).toBe(0);
    ctx.end(ok);
    expect(stats.readGauge("request_concurrency")).toBe(0);
    await subject.close();
    expect(stats.names()).toEqual([]);
  });

  it("is busy exactly while the next call would be refused", async () => {
    const inner = new ScriptedService<string, string>(new ManualClock(), [answerOk("rep")]);
    const subject = limited(1, inner);
    const ctx = new Ctx();
    await subject.call("", ctx);
    expect(subject.status).toBe("busy");
    inner.status = "closed";
    expect(subject.status).toBe("closed");
    inner.status = "open";
    ctx.end(ok);
    expect(subject.status).toBe("open");
  });

  it("does not build with a limit that lets nobody in", () => {
    const inner = new ScriptedService<string, string>(new ManualClock(), [answerOk("rep")]);
    for (const max of [0, -1, Number.NaN]) {
      const message = `maxConcurrentRequests must be above 0, not ${max}`;
      expect(() => limited(max, inner)).toThrow(new RangeError(message));
    }
  });
});
