import { ClockParam, Ctx, Params, RngParam, type Service, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import {
  answerOk,
  answerThrow,
  describeModule,
  ManualClock,
  MemoryStats,
  ScriptedService,
  seededRng,
} from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { type LoadSheddingOptions, LoadSheddingParam, loadShedding, PriorityKey } from "../src/index.ts";

const calm = { meanMs: 0, maxMs: 0 };

describeModule(loadShedding<object, object>(), {
  params: (clock) =>
    Params.empty
      .with(LoadSheddingParam, { eventLoopDelay: calm, memoryUse: { ratio: 0 } })
      .with(ClockParam, clock)
      .with(RngParam, seededRng(1)),
  disabled: () => Params.empty.with(LoadSheddingParam, { priorities: 3 }),
});

function shedding(
  options: LoadSheddingOptions,
  chance = 0,
): {
  clock: ManualClock;
  stats: MemoryStats;
  inner: ScriptedService<string, string>;
  subject: Service<string, string>;
  share(): number;
} {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const inner = new ScriptedService<string, string>(clock, [answerOk("rep")]);
  const subject = new Stack([loadShedding<string, string>()], () => inner).make(
    Params.empty
      .with(LoadSheddingParam, options)
      .with(ClockParam, clock)
      .with(RngParam, { next: () => chance })
      .with(StatsParam, stats),
  );
  return { clock, stats, inner, subject, share: () => stats.readGauge("load_shedding/share") ?? -1 };
}

describe("loadShedding", () => {
  it("F17: sees a loop that is late, refuses a tenth more every 100 ms, and says so", async () => {
    const loop = { meanMs: 99, maxMs: 500 };
    const { clock, stats, subject, share } = shedding({ eventLoopDelay: loop });
    await subject.call("req", new Ctx());
    expect(share()).toBe(0);
    loop.meanMs = 100;
    for (let look = 1; look <= 3; look++) {
      await clock.advance(100);
      expect(share()).toBe(look / 10);
    }
    await expect(subject.call("req", new Ctx())).rejects.toMatchObject({
      code: "WEFT_LOAD_SHED",
      flags: ["rejected", "retryable"],
      share: 0.3,
      message: "refused: this server is overloaded and sheds 30 % of such requests",
    });
    expect(stats.readGauge("load_shedding/event_loop_delay_ms")).toBe(100);
    expect(stats.readGauge("load_shedding/event_loop_delay_max_ms")).toBe(500);
    expect(stats.readCounter("load_shedding/shed")).toBe(1);
  });

  it("goes on as it is between the thresholds, and takes a twentieth back every 100 ms below them", async () => {
    const loop = { meanMs: 100, maxMs: 0 };
    const { clock, subject, share } = shedding({ eventLoopDelay: loop });
    subject.call("req", new Ctx()).catch(() => {});
    expect(share()).toBe(0.1);
    loop.meanMs = 51;
    await clock.advance(1000);
    expect(share()).toBe(0.1);
    loop.meanMs = 50;
    await clock.advance(100);
    expect(share()).toBe(0.05);
    await clock.advance(100);
    expect(share()).toBe(0);
    // Nobody asked for so long: nobody is watched.
    await clock.advance(100);
    expect(clock.armed).toBe(0);
  });

  it("F15: refuses everything at once before the memory is used up, save what is exempt", async () => {
    const memory = { ratio: 0.89 };
    const { clock, stats, subject, share } = shedding(
      { memoryUse: memory, isExempt: (req) => req === "health" },
      0.999,
    );
    await subject.call("req", new Ctx());
    await clock.advance(500);
    expect(share()).toBe(0);
    memory.ratio = 0.9;
    await subject.call("req", new Ctx());
    expect(share()).toBe(0.1);
    memory.ratio = 0.97;
    await clock.advance(100);
    expect(share()).toBe(1);
    await expect(subject.call("req", new Ctx())).rejects.toMatchObject({ code: "WEFT_LOAD_SHED", share: 1 });
    await expect(subject.call("health", new Ctx())).resolves.toBe("rep");
    expect(stats.readGauge("load_shedding/memory_ratio")).toBe(0.97);
    expect(stats.readCounter("load_shedding/shed")).toBe(1);
    memory.ratio = 0.81;
    await clock.advance(5000);
    expect(share()).toBe(1);
    memory.ratio = 0.8;
    await clock.advance(100);
    expect(share()).toBe(0.95);
  });

  it("goes by the worse of the two", async () => {
    const loop = { meanMs: 1000, maxMs: 0 };
    const memory = { ratio: 0 };
    const { clock, subject, share } = shedding({ eventLoopDelay: loop, memoryUse: memory });
    subject.call("req", new Ctx()).catch(() => {});
    expect(share()).toBe(1);
    loop.meanMs = 0;
    memory.ratio = 0.85;
    await clock.advance(1000);
    expect(share()).toBe(1);
    memory.ratio = 0;
    await clock.advance(2000);
    expect(share()).toBe(0);
  });

  it("looks at once when a request comes after a pause, and at nothing while none comes", async () => {
    let looks = 0;
    const loop = {
      get meanMs() {
        looks++;
        return 0;
      },
      maxMs: 0,
    };
    const { clock, subject } = shedding({ eventLoopDelay: loop });
    expect([clock.armed, looks]).toEqual([0, 0]);
    await subject.call("req", new Ctx());
    await subject.call("req", new Ctx());
    expect([clock.armed, looks]).toEqual([1, 1]);
    await clock.advance(100);
    expect([clock.armed, looks]).toEqual([1, 2]);
    await clock.advance(60_000);
    expect([clock.armed, looks]).toEqual([0, 3]);
    await subject.call("req", new Ctx());
    expect([clock.armed, looks]).toEqual([1, 4]);
  });

  it("asks whoever knows for the priority, else the ctx", async () => {
    const loop = { meanMs: 100, maxMs: 0 };
    const options = { eventLoopDelay: loop, increase: 0.5, priorities: 2 };
    const { subject } = shedding({ ...options, priorityOf: (req) => (req === "vip" ? 1 : 0) });
    await expect(subject.call("req", new Ctx().set(PriorityKey, 1))).rejects.toMatchObject({ share: 1 });
    await expect(subject.call("vip", new Ctx())).resolves.toBe("rep");
    const { subject: byCtx } = shedding(options);
    await expect(byCtx.call("vip", new Ctx())).rejects.toMatchObject({ share: 1 });
    await expect(byCtx.call("req", new Ctx().set(PriorityKey, 1))).resolves.toBe("rep");
    // What is no number does not get around it.
    await expect(byCtx.call("req", new Ctx().set(PriorityKey, Number.NaN))).rejects.toMatchObject({ share: 1 });
  });

  it("rejects what is thrown below it, and by what it asks", async () => {
    const loop = { meanMs: 100, maxMs: 0 };
    const broken = (): never => {
      throw new Error("no priority");
    };
    const { subject } = shedding({ eventLoopDelay: loop, priorityOf: broken });
    await expect(subject.call("req", new Ctx())).rejects.toThrow("no priority");
    const inner = new ScriptedService<string, string>(new ManualClock(), [answerThrow("thrown below")]);
    const over = new Stack([loadShedding<string, string>()], () => inner).make(
      Params.empty.with(LoadSheddingParam, { eventLoopDelay: calm }).with(ClockParam, new ManualClock()),
    );
    await expect(over.call("req", new Ctx())).rejects.toThrow("thrown below");
  });

  it("keeps no gauge and no timer when it is closed, whoever comes after", async () => {
    const { clock, stats, subject } = shedding({ eventLoopDelay: calm, memoryUse: { ratio: 0 } });
    await subject.close();
    await subject.call("req", new Ctx());
    expect(clock.armed).toBe(0);
    expect(stats.names()).toEqual(["load_shedding/shed"]);
    const { stats: memory } = shedding({ memoryUse: { ratio: 0 } });
    expect(memory.names()).toEqual(["load_shedding/memory_ratio", "load_shedding/share", "load_shedding/shed"]);
    const { stats: loop } = shedding({ eventLoopDelay: calm });
    expect(loop.names()).toEqual([
      "load_shedding/event_loop_delay_max_ms",
      "load_shedding/event_loop_delay_ms",
      "load_shedding/share",
      "load_shedding/shed",
    ]);
  });

  it("shows a listing its thresholds, and no monitor", () => {
    const { show } = LoadSheddingParam;
    expect(show(undefined)).toBeUndefined();
    expect(show({ eventLoopDelay: calm })).toEqual({
      eventLoopDelayMs: { low: 50, high: 100, full: 1000 },
      memoryRatio: undefined,
      priorities: 1,
    });
    const memoryRatio = { low: 0.1, high: 0.2, full: 0.3 };
    expect(show({ memoryUse: { ratio: 0 }, memoryRatio, priorities: 2 })).toEqual({
      eventLoopDelayMs: undefined,
      memoryRatio,
      priorities: 2,
    });
  });

  it.each([
    [
      { eventLoopDelayMs: { low: -1, high: 1, full: 2 } },
      "eventLoopDelayMs must rise from low to high to full, not -1, 1, 2",
    ],
    [
      { eventLoopDelayMs: { low: 1, high: 1, full: 2 } },
      "eventLoopDelayMs must rise from low to high to full, not 1, 1, 2",
    ],
    [{ memoryRatio: { low: 0, high: 1, full: 0.9 } }, "memoryRatio must rise from low to high to full, not 0, 1, 0.9"],
    [{ intervalMs: 0 }, "intervalMs must be above 0: 0"],
    [{ increase: 0 }, "increase must be above 0 and not above 1: 0"],
    [{ decrease: 1.1 }, "decrease must be above 0 and not above 1: 1.1"],
    [{ priorities: 0 }, "priorities must be a whole number above 0, not 0"],
    [{ priorities: 1.5 }, "priorities must be a whole number above 0, not 1.5"],
  ] satisfies [LoadSheddingOptions, string][])("does not build with %j", (options, message) => {
    const build = (): unknown => shedding({ eventLoopDelay: calm, ...options });
    expect(build).toThrow(RangeError);
    expect(build).toThrow(`loadShedding: ${message}`);
  });

  it("builds with thresholds that are as close as they may be", () => {
    const eventLoopDelayMs = { low: 0, high: 1, full: 1 };
    expect(() => shedding({ eventLoopDelay: calm, eventLoopDelayMs, increase: 1, decrease: 1 })).not.toThrow();
  });
});
