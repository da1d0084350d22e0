import {
  type Classifier,
  ClassifierKey,
  ClockParam,
  Ctx,
  dispatch,
  type Module,
  Params,
  type Service,
  Stack,
} from "@weftmesh/core";
import {
  Hedge,
  HedgeClientBudget,
  HedgeRole,
  hedge,
  LoserGraceMs,
  MaxExtraLoad,
  MinHedgeDelayMs,
  SendInterrupts,
  SupersededError,
  wholeAnswers,
} from "@weftmesh/hedge";
import { emptyBudget, infiniteBudget, newRetryBudget, type RetryBudget } from "@weftmesh/retry-budget";
import { StatsParam } from "@weftmesh/telemetry";
import {
  answerNever,
  answerOk,
  describeModule,
  ManualClock,
  MemoryStats,
  ScriptedService,
  settle,
} from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { type Req, request, testProtocol, warmHedge } from "./warm-hedge.ts";

const always = wholeAnswers<object, object>(() => true);

describeModule(hedge(always), {
  params: (clock) => Params.empty.with(ClockParam, clock).with(MaxExtraLoad, 0.5),
  disabled: (clock) => Params.empty.with(ClockParam, clock),
  maxCalls: 2,
});

/** The same at work: it knows its latencies, and sends a backup for every call that takes 5 ms. */
const warm: Module<Service<object, object>> = {
  role: HedgeRole,
  description: "Hedging that is warmed up",
  params: { clock: ClockParam },
  make: (params, next) =>
    warmHedge(
      next.make(params),
      always,
      { clock: params.get(ClockParam), maxExtraLoad: 0.5 },
      { req: {}, rep: {}, calls: 40, latencyMs: 5 },
    ),
};
describeModule(warm, { params: (clock) => Params.empty.with(ClockParam, clock), maxCalls: 2 });

describe("the hedge module", () => {
  it("has the defaults of Finagle, which leave it out", () => {
    const params = Params.empty;
    expect(
      [MaxExtraLoad, MinHedgeDelayMs, SendInterrupts, LoserGraceMs].map((each) => params.get<unknown>(each as never)),
    ).toEqual([0, 1, false, 10_000]);
    expect(HedgeClientBudget.default).toBeUndefined();
    expect([undefined, infiniteBudget].map((each) => HedgeClientBudget.show(each))).toEqual([
      undefined,
      "retry budget",
    ]);
  });

  it("refuses what is out of range when the stack is built, with the value in the message", () => {
    const clock = new ManualClock();
    const inner = new ScriptedService<object, object>(clock, [answerOk({})]);
    const build = (params: Params): Service<object, object> =>
      new Stack([hedge(always)], () => inner).make(params.with(ClockParam, clock));
    for (const bad of [1, 1.5, -0.1, Number.NaN]) {
      expect(() => build(Params.empty.with(MaxExtraLoad, bad))).toThrow(
        `maxExtraLoad of hedging must be above 0 and below 1, not ${bad}`,
      );
    }
    const base = Params.empty.with(MaxExtraLoad, 0.01);
    expect(build(base)).toBeInstanceOf(Hedge);
    for (const bad of [0, 0.9, Number.NaN]) {
      expect(() => build(base.with(MinHedgeDelayMs, bad))).toThrow(`minHedgeDelayMs must be at least 1, not ${bad}`);
    }
    for (const bad of [-1, Number.NaN]) {
      expect(() => build(base.with(LoserGraceMs, bad))).toThrow(`loserGraceMs must be at least 0, not ${bad}`);
    }
    expect(build(base.with(LoserGraceMs, 0).with(MinHedgeDelayMs, 1))).toBeInstanceOf(Hedge);
  });

  it("has its metrics from the start", () => {
    const clock = new ManualClock();
    const stats = new MemoryStats();
    const inner = new ScriptedService<object, object>(clock, [answerOk({})]);
    new Stack([hedge(always)], () => inner).make(
      Params.empty.with(ClockParam, clock).with(StatsParam, stats).with(MaxExtraLoad, 0.01),
    );
    expect(stats.names()).toEqual([
      "backups/backups_sent",
      "backups/backups_won",
      "backups/budget_exhausted",
      "backups/send_backup_after_ms",
    ]);
  });

  it("sends no backup in its first 3 s, nor before it knows a latency, nor for latencies of 2 s", async () => {
    const clock = new ManualClock();
    const stats = new MemoryStats();
    let answer = answerOk("rep", 10);
    const inner = new ScriptedService<Req, string>(clock, () => answer);
    const svc = new Hedge(inner, testProtocol, { clock, stats, maxExtraLoad: 0.5 });
    const call = async (): Promise<number> => {
      const before = inner.calls.length;
      const done = dispatch(svc, request(1));
      await clock.advance(2_500);
      await done;
      return inner.calls.length - before;
    };
    // Silence for more than 3 s: nothing is known then.
    await clock.advance(4_000);
    expect(await call()).toBe(1);
    answer = answerOk("rep", 20);
    expect(await call()).toBe(2);
    expect(stats.readStat("backups/send_backup_after_ms")).toEqual([10]);
    answer = answerOk("rep", 2_400);
    await clock.advance(40_000);
    expect(await call()).toBe(1);
    await clock.advance(3_000);
    expect(await call()).toBe(1);
    expect(stats.readStat("backups/send_backup_after_ms")).toEqual([10, 2_000]);
  });

  it("takes what it has learnt into account every 3 s", async () => {
    const clock = new ManualClock();
    const stats = new MemoryStats();
    const inner = new ScriptedService<Req, string>(clock, [answerOk("rep", 10)]);
    const svc = new Hedge(inner, testProtocol, { clock, stats, maxExtraLoad: 0.5 });
    const delays: number[] = [];
    for (let id = 0; id < 70; id++) {
      void dispatch(svc, request(id));
      await clock.advance(100);
      delays.push(stats.readStat("backups/send_backup_after_ms").length);
    }
    expect(delays.indexOf(1)).toBe(30);
    expect(delays.indexOf(2)).toBe(60);
    expect(delays.at(-1)).toBe(2);
    expect(inner.calls.findIndex(({ req }) => req.isBackup)).toBe(31);
  });

  it("waits for the least delay when latencies are shorter", async () => {
    const clock = new ManualClock();
    const inner = new ScriptedService<Req, string>(clock, [answerNever]);
    const options = { clock, maxExtraLoad: 0.5, minHedgeDelayMs: 30 };
    const svc = warmHedge(inner, testProtocol, options, { req: request(0), rep: "", calls: 4, latencyMs: 3 });
    void svc.call(request(1), new Ctx());
    await clock.advance(29);
    expect(inner.calls).toHaveLength(1);
    await clock.advance(1);
    expect(inner.calls).toHaveLength(2);
  });

  it("lets a failure that comes first wait for the other attempt, by the classifier of the call", async () => {
    const clock = new ManualClock();
    const stats = new MemoryStats();
    const bad: Classifier = {
      name: "bad",
      classify: (_req, rep) => {
        if (rep === "broken") throw new Error("the classifier is broken");
        return rep === "bad" ? "retryable" : rep === "unsure" ? "ignorable" : "success";
      },
    };
    for (const first of ["bad", "unsure", "broken"]) {
      const inner = new ScriptedService<Req, string>(clock, (_n, { isBackup }) =>
        isBackup ? answerOk(first, 5) : answerOk("good", 60),
      );
      const options = { clock, stats, maxExtraLoad: 0.5 };
      const svc = warmHedge(inner, testProtocol, options, { req: request(0), rep: "", calls: 4, latencyMs: 50 });
      const done = dispatch(svc, request(1), new Ctx().set(ClassifierKey, bad));
      await clock.advance(59);
      expect(inner.calls.map((each) => each.ctx.ended)).toEqual([false, true]);
      await clock.advance(1);
      expect(await done).toBe("good");
    }
    expect(stats.readCounter("backups/backups_sent")).toBe(3);
    expect(stats.readCounter("backups/backups_won")).toBe(0);
  });

  it("is limited by the budget it is given, or else by that of the retries right below, or by none but its own", async () => {
    const sent = async (given: RetryBudget | undefined, below: RetryBudget | undefined): Promise<number> => {
      const clock = new ManualClock();
      const stats = new MemoryStats();
      const inner = new ScriptedService<object, object>(clock, [answerOk({}, 10)]);
      const params = Params.empty
        .with(ClockParam, clock)
        .with(StatsParam, stats)
        .with(MaxExtraLoad, 0.5)
        .with(HedgeClientBudget, given);
      const budgeted = below === undefined ? inner : Object.assign(inner, { budget: below });
      const svc = new Stack([hedge(always)], () => budgeted).make(params);
      for (let n = 0; n < 2; n++) {
        void dispatch(svc, {});
        await clock.advance(3_000);
      }
      return stats.readCounter("backups/backups_sent");
    };
    expect(await sent(undefined, undefined)).toBe(1);
    expect(await sent(undefined, emptyBudget)).toBe(0);
    expect(await sent(infiniteBudget, emptyBudget)).toBe(1);
    expect(await sent(emptyBudget, infiniteBudget)).toBe(0);
  });

  it("takes from both budgets or from none", async () => {
    const clock = new ManualClock();
    const stats = new MemoryStats();
    const inner = new ScriptedService<Req, string>(clock, [answerNever]);
    const clientBudget = newRetryBudget({ minRetriesPerSec: 0.3, percentCanRetry: 0.2, clock });
    expect(clientBudget.balance).toBe(3);
    const options = { clock, stats, maxExtraLoad: 0.5, clientBudget };
    // Four calls before and one now pay for two backups.
    const svc = warmHedge(inner, testProtocol, options, { req: request(0), rep: "", calls: 4, latencyMs: 5 });
    for (let id = 1; id <= 2; id++) void svc.call(request(id), new Ctx());
    await clock.advance(5);
    expect(stats.readCounter("backups/backups_sent")).toBe(2);
    void svc.call(request(3), new Ctx());
    await clock.advance(5);
    expect([stats.readCounter("backups/backups_sent"), clientBudget.balance]).toEqual([3, 0]);
    for (let id = 4; id <= 9; id++) void svc.call(request(id), new Ctx());
    await clock.advance(5);
    expect(stats.readCounter("backups/backups_sent")).toBe(3);
    expect(stats.readCounter("backups/budget_exhausted")).toBe(6);
  });

  it("does not ask the budget of the client when its own is exhausted", async () => {
    const clock = new ManualClock();
    let asked = 0;
    const clientBudget = { deposit: () => {}, tryWithdraw: () => ++asked > 0, balance: 1 };
    const inner = new ScriptedService<Req, string>(clock, [answerNever]);
    const options = { clock, maxExtraLoad: 0.1, clientBudget };
    const svc = warmHedge(inner, testProtocol, options, { req: request(0), rep: "", calls: 8, latencyMs: 5 });
    void svc.call(request(1), new Ctx());
    await clock.advance(5);
    expect([inner.calls.length, asked]).toEqual([1, 0]);
    void svc.call(request(2), new Ctx());
    await clock.advance(5);
    expect([inner.calls.length, asked]).toEqual([3, 1]);
  });

  it("gives up a loser with an error that counts for nothing", async () => {
    const clock = new ManualClock();
    const inner = new ScriptedService<Req, string>(clock, (_n, { isBackup }) =>
      isBackup ? answerOk("rep") : answerNever,
    );
    const options = { clock, maxExtraLoad: 0.5, sendInterrupts: true };
    const svc = warmHedge(inner, testProtocol, options, { req: request(0), rep: "", calls: 4, latencyMs: 5 });
    const done = dispatch(svc, request(1));
    await clock.advance(5);
    expect(await done).toBe("rep");
    await settle();
    const reason = inner.calls[0]?.ctx.cancelled;
    expect(reason).toBeInstanceOf(SupersededError);
    expect(reason).toMatchObject({ code: "WEFT_SUPERSEDED", flags: ["interrupted", "ignorable"] });
  });

  it("takes an answer whose watchers throw for a failure, and waits for the other attempt", async () => {
    const clock = new ManualClock();
    const inner: Service<Req, string> = new ScriptedService(clock, [answerOk("rep", 10)]);
    const watched: Service<Req, string> = {
      call: (req, ctx) => {
        const onResponse = (): void => {
          if (!req.isBackup) throw new Error("thrown by a watcher");
        };
        ctx.observe({ onResponse, onEnd: () => {} });
        return inner.call(req, ctx);
      },
      status: "open",
      close: () => Promise.resolve(),
    };
    const options = { clock, maxExtraLoad: 0.5 };
    const svc = warmHedge(watched, testProtocol, options, { req: request(0), rep: "", calls: 4, latencyMs: 5 });
    const done = svc.call(request(1), new Ctx());
    await clock.advance(15);
    expect(await done).toBe("rep");
    const alone = warmHedge(watched, testProtocol, options, { req: request(0), rep: "", calls: 4, latencyMs: 50 });
    const failing = expect(alone.call(request(2), new Ctx())).rejects.toThrow("thrown by a watcher");
    await clock.advance(15);
    await failing;
  });

  it("sends no backup for a call that ended without its answer", async () => {
    const clock = new ManualClock();
    const inner = new ScriptedService<Req, string>(clock, [answerNever]);
    const options = { clock, maxExtraLoad: 0.5 };
    const svc = warmHedge(inner, testProtocol, options, { req: request(0), rep: "", calls: 4, latencyMs: 5 });
    const ctx = new Ctx();
    void svc.call(request(1), ctx);
    ctx.end({ kind: "ok" });
    await clock.advance(5);
    expect(inner.calls).toHaveLength(1);
  });
});
