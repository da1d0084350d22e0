import { ClockParam, dispatch, Params, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { answerOk, describeModule, ManualClock, MemoryStats, ScriptedService } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { slowCalls } from "../src/index.ts";

describeModule(slowCalls({ thresholdMs: 1_000 })<object, object>(), {
  params: (clock) => Params.empty.with(ClockParam, clock).with(StatsParam, new MemoryStats()),
});

describe("slowCalls", () => {
  it("counts exactly the calls that take longer than the threshold", async () => {
    const ms = fc.integer({ min: 1, max: 2_000 });
    await fc.assert(
      fc.asyncProperty(ms, ms, async (thresholdMs, tookMs) => {
        const clock = new ManualClock();
        const stats = new MemoryStats();
        const inner = new ScriptedService<string, string>(clock, [answerOk("rep", tookMs)]);
        const params = Params.empty.with(ClockParam, clock).with(StatsParam, stats);
        const service = new Stack([slowCalls({ thresholdMs })<string, string>()], () => inner).make(params);
        const call = dispatch(service, "req");
        await clock.advance(tookMs);
        expect(await call).toBe("rep");
        expect(stats.readCounter("slow_calls/slow")).toBe(tookMs > thresholdMs ? 1 : 0);
        expect(stats.readStat("slow_calls/duration_ms")).toEqual([tookMs]);
      }),
    );
  });
});
