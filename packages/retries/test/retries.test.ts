import { constant, take } from "@weftmesh/backoff";
import {
  type Classifier,
  ClassifierKey,
  ClockParam,
  Ctx,
  dispatch,
  type Module,
  Params,
  RngParam,
  type Service,
  Stack,
} from "@weftmesh/core";
import {
  MaxConnectRequeuesParam,
  MaxRetriesParam,
  nonRetryable,
  RequeueBudgetParam,
  RetryBackoffParam,
  RetryBudgetParam,
  type RetryProtocol,
  requeues,
  retries,
  wholeMessages,
} from "@weftmesh/retries";
import { BackupKey } from "@weftmesh/retry-budget";
import { StatsParam } from "@weftmesh/telemetry";
import {
  type Answer,
  answerFail,
  answerNever,
  answerOk,
  describeModule,
  ManualClock,
  MemoryStats,
  ScriptedService,
  seededRng,
  settle,
  testError,
} from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** "retryable" for answers and errors that say so. */
const byName: Classifier = {
  name: "byName",
  classify: (_req, rep, error) => {
    if (error !== undefined) return error.message.includes("final") ? "failure" : "retryable";
    return String(rep).startsWith("retry") ? "retryable" : rep === "bad" ? "failure" : "success";
  },
};

const noBudget = { minRetriesPerSec: 0, percentCanRetry: 0 } as const;

class Rig {
  readonly clock = new ManualClock();
  readonly stats = new MemoryStats();
  readonly inner: ScriptedService<string, string>;
  readonly service: Service<string, string>;

  constructor(
    script: readonly Answer<string>[] | ((n: number) => Answer<string>),
    module: Module<Service<string, string>> = retries<string, string>(wholeMessages()),
    params: Params = Params.empty,
  ) {
    this.inner = new ScriptedService<string, string>(this.clock, script);
    const all = params.with(ClockParam, this.clock).with(RngParam, seededRng(1)).with(StatsParam, this.stats);
    this.service = new Stack([module], () => this.inner).make(all);
  }

  call(ctx: Ctx = new Ctx()): Promise<string> {
    return dispatch(this.service, "req", ctx.set(ClassifierKey, byName));
  }

  count(name: string): number {
    return this.stats.readCounter(`retries/${name}`);
  }
}

const requeueing = (): Module<Service<string, string>> => requeues<string, string>(wholeMessages());

describe("the module retries", () => {
  describeModule(retries<object, object>(wholeMessages()), {
    params: (clock) =>
      Params.empty.with(ClockParam, clock).with(RngParam, seededRng(1)).with(StatsParam, new MemoryStats()),
    disabled: (clock) => Params.empty.with(ClockParam, clock).with(RngParam, seededRng(1)).with(MaxRetriesParam, 0),
  });

  it("sends a request again until it succeeds, and counts", async () => {
    const rig = new Rig([answerOk("retry"), answerFail(), answerOk("good")]);
    expect(await rig.call()).toBe("good");
    expect(rig.inner.calls.map(({ outcome }) => outcome)).toEqual(["ok", "failed", "ok"]);
    expect([rig.count("total"), rig.count("budget_exhausted")]).toEqual([2, 0]);
    expect(rig.stats.readStat("retries/per_request")).toEqual([2]);
  });

  it("gives back what the last attempt gave when it may not go on, and marks an error so that nobody else does", async () => {
    const params = Params.empty.with(RetryBudgetParam, { minRetriesPerSec: 1, ttlMs: 2000, percentCanRetry: 0 });
    let n = 0;
    const answers = new Rig(() => answerOk(`retry ${++n}`), undefined, params);
    expect(await answers.call()).toBe("retry 3");
    expect([answers.inner.calls.length, answers.count("total"), answers.count("budget_exhausted")]).toEqual([3, 2, 1]);
    const errors = new Rig([answerFail(["retryable"])], undefined, params);
    await expect(errors.call()).rejects.toMatchObject({ code: "WEFT_TEST", flags: ["nonRetryable"] });
    expect(errors.inner.calls.length).toBe(3);
  });

  it("lets alone what is a success, a final failure, or flagged as not to be sent again", async () => {
    for (const answer of [answerOk("fine"), answerOk("bad"), answerFail(["nonRetryable", "retryable"])]) {
      const rig = new Rig([answer]);
      await rig.call().catch(() => {});
      expect(rig.inner.calls.length).toBe(1);
      expect(rig.stats.readStat("retries/per_request")).toEqual([0]);
    }
  });

  it("counts each request once for its budget, however many attempts it takes", async () => {
    const params = Params.empty.with(RetryBudgetParam, { minRetriesPerSec: 0, percentCanRetry: 0.5 });
    // Two requests pay for one retry.
    const rig = new Rig((n) => (n < 4 ? answerOk("fine") : answerOk("retry")), undefined, params);
    for (let i = 0; i < 4; i++) await rig.call();
    expect(rig.stats.readGauge("retries/budget")).toBe(2);
    await rig.call();
    expect(rig.inner.calls.length).toBe(4 + 3);
  });

  it("counts a backup for nothing, since its original has paid for both", async () => {
    const params = Params.empty.with(RetryBudgetParam, { minRetriesPerSec: 0, percentCanRetry: 0.5 });
    const rig = new Rig([answerOk("fine")], undefined, params);
    for (let i = 0; i < 8; i++) await rig.call(new Ctx().set(BackupKey, i % 2 === 1));
    expect(rig.stats.readGauge("retries/budget")).toBe(2);
  });

  it("waits as its backoff says, for the call's own time only, and gives up when the waits end", async () => {
    const params = Params.empty.with(RetryBackoffParam, take(constant(100), 2));
    const rig = new Rig([answerOk("retry")], undefined, params);
    const call = rig.call();
    await rig.clock.advance(99);
    expect(rig.inner.calls.length).toBe(1);
    await rig.clock.advance(1);
    expect(rig.inner.calls.length).toBe(2);
    await rig.clock.advance(100);
    expect(await call).toBe("retry");
    expect([rig.inner.calls.length, rig.count("backoffs_exhausted"), rig.clock.armed]).toEqual([3, 1, 0]);
  });

  it("does not wait for a retry that its deadline would cut off", async () => {
    for (const [deadline, attempts] of [
      [100, 1],
      [101, 2],
    ] as const) {
      const rig = new Rig([answerOk("retry")], undefined, Params.empty.with(RetryBackoffParam, constant(100)));
      const ctx = new Ctx();
      ctx.deadline = deadline;
      const call = rig.call(ctx);
      await rig.clock.advance(1000);
      expect([await call, rig.inner.calls.length]).toEqual(["retry", attempts]);
      expect(rig.count("budget_exhausted")).toBe(0);
    }
  });

  it("has as many retries as its own limit allows", async () => {
    for (const [max, attempts] of [
      [1, 2],
      [3, 4],
    ] as const) {
      const rig = new Rig([answerOk("retry")], undefined, Params.empty.with(MaxRetriesParam, max));
      await rig.call();
      expect([rig.inner.calls.length, rig.count("budget_exhausted")]).toEqual([attempts, 0]);
    }
    expect(() => new Rig([answerOk("x")], undefined, Params.empty.with(MaxRetriesParam, -1))).toThrow(RangeError);
    expect(new Rig([answerOk("x")], undefined, Params.empty.with(MaxRetriesParam, 0)).service).toBeInstanceOf(
      ScriptedService,
    );
  });

  it("G19: ends at once with the reason when the call is cancelled, in an attempt as in a wait", async () => {
    const waiting = new Rig([answerOk("retry")], undefined, Params.empty.with(RetryBackoffParam, constant(100)));
    const ctx = new Ctx();
    const call = waiting.call(ctx);
    await waiting.clock.advance(50);
    ctx.cancel(testError("enough"));
    await expect(call).rejects.toThrow("enough");
    await waiting.clock.advance(1000);
    expect([waiting.inner.calls.length, waiting.clock.armed]).toEqual([1, 0]);
    expect(waiting.stats.readStat("retries/per_request")).toEqual([1]);

    const busy = new Rig([answerNever]);
    const other = new Ctx();
    const pending = busy.call(other);
    await settle();
    other.cancel(testError("enough"));
    await expect(pending).rejects.toThrow("enough");
    expect(busy.inner.calls.map(({ outcome }) => outcome)).toEqual(["cancelled"]);
    expect(busy.count("total")).toBe(0);
  });

  it("retries an attempt that was cancelled on its own, as by its timeout", async () => {
    const rig = new Rig([answerNever, answerOk("good")]);
    const call = rig.call();
    await settle();
    rig.inner.calls[0]?.ctx.cancel(testError("timed out"));
    expect(await call).toBe("good");
  });

  it("gives each attempt a ctx of its own, which ends as the attempt does", async () => {
    const rig = new Rig([answerOk("retry"), answerFail(), answerOk("good")]);
    const parent = new Ctx();
    await rig.call(parent);
    const contexts = rig.inner.calls.map(({ ctx }) => ctx);
    expect(new Set([...contexts, parent]).size).toBe(4);
    expect(contexts.every((ctx) => ctx.ended)).toBe(true);
  });

  it("waits as long as the peer asks, and not at all for one that wants no retry", async () => {
    const pushing = (ms: number | undefined): RetryProtocol<string, string> => ({
      ...wholeMessages<string, string>(),
      pushBackMs: () => ms,
    });
    const later = new Rig([answerOk("retry"), answerOk("good")], retries(pushing(3000)));
    const call = later.call();
    await later.clock.advance(2999);
    expect(later.inner.calls.length).toBe(1);
    await later.clock.advance(1);
    expect(await call).toBe("good");
    const never = new Rig([answerOk("retry")], retries(pushing(Number.POSITIVE_INFINITY)));
    expect(await never.call()).toBe("retry");
    expect([never.inner.calls.length, never.clock.armed]).toEqual([1, 0]);
    const shorter = new Rig(
      [answerOk("retry"), answerOk("good")],
      retries(pushing(10)),
      Params.empty.with(RetryBackoffParam, constant(50)),
    );
    const slow = shorter.call();
    await shorter.clock.advance(49);
    expect(shorter.inner.calls.length).toBe(1);
    await shorter.clock.advance(1);
    expect(await slow).toBe("good");
  });

  it("discards what it does not give back, and nothing else", async () => {
    const discarded: [string, string][] = [];
    const protocol: RetryProtocol<string, string> = {
      ...wholeMessages<string, string>(),
      discard: (rep, reason) => void discarded.push([rep, (reason as { code?: string }).code ?? ""]),
    };
    let n = 0;
    const rig = new Rig(() => answerOk(n++ < 2 ? `retry ${n}` : "good"), retries(protocol));
    await rig.call();
    expect(discarded).toEqual([
      ["retry 1", "WEFT_RETRIED"],
      ["retry 2", "WEFT_RETRIED"],
    ]);
  });

  it("G16: sends again only what can be sent again, and settles each request once", async () => {
    const log: string[] = [];
    const resending = (possible: boolean): RetryProtocol<string, string> => ({
      ...wholeMessages<string, string>(),
      prepare: () => ({ possible, again: () => void log.push("again"), settle: () => void log.push("settle") }),
    });
    const cannot = new Rig([answerOk("retry")], retries(resending(false)));
    expect(await cannot.call()).toBe("retry");
    expect([cannot.inner.calls.length, cannot.count("request_stream_too_long"), log.splice(0)]).toEqual([
      1,
      1,
      ["settle"],
    ]);
    const can = new Rig([answerOk("retry"), answerFail(), answerFail(), answerOk("good")], retries(resending(true)));
    await can.call();
    expect(log.splice(0)).toEqual(["again", "again", "again", "settle"]);
    const fails = new Rig([answerFail(["nonRetryable"])], retries(resending(true)));
    await fails.call().catch(() => {});
    expect(log.splice(0)).toEqual(["settle"]);
  });

  it("takes its gauge away when it is closed", async () => {
    const rig = new Rig([answerOk("x")]);
    expect(rig.stats.readGauge("retries/budget")).toBe(100);
    await rig.service.close();
    expect(rig.stats.readGauge("retries/budget")).toBeUndefined();
  });

  it("G18: through nested layers amplifies no more than one layer, when the lower says that it has had enough", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 30 }), async (layers, requests) => {
        const clock = new ManualClock();
        let leaf = 0;
        const bottom = new ScriptedService<string, string>(clock, () => {
          leaf++;
          return answerFail(["retryable"]);
        });
        const params = Params.empty
          .with(ClockParam, clock)
          .with(RngParam, seededRng(1))
          .with(RetryBudgetParam, { minRetriesPerSec: 0, percentCanRetry: 0.5 });
        const modules = Array.from({ length: layers }, () => retries<string, string>(wholeMessages()));
        const service = new Stack(modules, () => bottom).make(params);
        for (let i = 0; i < requests; i++) {
          await dispatch(service, "req", new Ctx().set(ClassifierKey, byName)).catch(() => {});
        }
        expect(leaf).toBe(requests + Math.floor(requests / 2));
      }),
    );
  });
});

describe("the module requeues", () => {
  describeModule(requeues<object, object>(wholeMessages()), {
    params: (clock) => Params.empty.with(ClockParam, clock).with(StatsParam, new MemoryStats()),
    maxCalls: 21,
  });

  it("sends again what is flagged retryable, and nothing that may have taken effect", async () => {
    const rig = new Rig([answerFail(["retryable"]), answerOk("good")], requeueing());
    expect(await rig.call()).toBe("good");
    expect([rig.inner.calls.length, rig.count("requeues")]).toEqual([2, 1]);
    expect(rig.stats.readStat("retries/requeues_per_request")).toEqual([1]);
    for (const flags of [[], ["retryable", "nonRetryable"], ["retryable", "interrupted"]] as const) {
      const once = new Rig([answerFail(flags)], requeueing());
      await expect(once.call()).rejects.toMatchObject({ flags });
      expect([once.inner.calls.length, once.count("requeues")]).toEqual([1, 0]);
    }
  });

  it("lets one request use a fifth of the budget, and says that nobody else should try", async () => {
    const rig = new Rig([answerFail(["retryable", "rejected"])], requeueing());
    await expect(rig.call()).rejects.toMatchObject({ flags: ["rejected", "nonRetryable"] });
    expect([rig.inner.calls.length, rig.count("request_limit"), rig.count("budget_exhausted")]).toEqual([21, 1, 0]);
    // 80 are left, of which a fifth is 16.
    await rig.call().catch(() => {});
    expect(rig.inner.calls.length).toBe(21 + 17);
    const poor = new Rig(
      [answerFail(["retryable"])],
      requeueing(),
      Params.empty.with(RequeueBudgetParam, { minRetriesPerSec: 1, ttlMs: 1000, percentCanRetry: 0 }),
    );
    await poor.call().catch(() => {});
    expect([poor.inner.calls.length, poor.count("request_limit")]).toEqual([2, 1]);
    await poor.call().catch(() => {});
    expect([poor.inner.calls.length, poor.count("request_limit")]).toEqual([3, 2]);
  });

  it("G21: looks for a connection 25 times without paying, and no longer than there is anybody open", async () => {
    const refused = Object.assign(testError("refused", ["retryable"]), { code: "WEFT_CONNECT_REFUSED" });
    const params = Params.empty.with(RequeueBudgetParam, noBudget);
    const rig = new Rig([{ kind: "fail", error: refused }], requeueing(), params);
    await expect(rig.call()).rejects.toMatchObject({ code: "WEFT_CONNECT_REFUSED", flags: ["nonRetryable"] });
    expect([rig.inner.calls.length, rig.count("requeues"), rig.count("request_limit")]).toEqual([26, 25, 1]);
    const few = new Rig([{ kind: "fail", error: refused }], requeueing(), params.with(MaxConnectRequeuesParam, 2));
    await few.call().catch(() => {});
    expect(few.inner.calls.length).toBe(3);
    const shut = new Rig([{ kind: "fail", error: refused }], requeueing());
    shut.inner.status = "busy";
    await expect(shut.call()).rejects.toBe(refused);
    expect([shut.inner.calls.length, shut.count("not_open"), shut.count("cannot_retry")]).toEqual([1, 1, 0]);
    const other = new Rig([answerFail(["retryable"])], requeueing());
    other.inner.status = "busy";
    await other.call().catch(() => {});
    expect([other.inner.calls.length, other.count("not_open"), other.count("cannot_retry")]).toEqual([1, 0, 1]);
  });

  it("pays in for each request once, whatever becomes of it, and not for a backup", async () => {
    const params = Params.empty.with(RequeueBudgetParam, { minRetriesPerSec: 0, percentCanRetry: 1 });
    const rig = new Rig(
      [answerOk("good"), answerOk("bad"), answerOk("retry"), answerFail(), answerOk("good")],
      requeueing(),
      params,
    );
    for (let i = 0; i < 5; i++) await rig.call().catch(() => {});
    expect(rig.stats.readGauge("retries/budget")).toBe(5);
    await rig.call(new Ctx().set(BackupKey, true));
    expect(rig.stats.readGauge("retries/budget")).toBe(5);
    await rig.service.close();
    expect(rig.stats.readGauge("retries/budget")).toBeUndefined();
  });

  it("sends a refused request again, and lets no refusal out that looks as if somebody else might", async () => {
    const dropped: string[] = [];
    const nacking: RetryProtocol<string, string> = {
      ...wholeMessages<string, string>(),
      isNack: (rep) => rep === "nack",
      dropNack: (rep) => void dropped.push(rep),
    };
    const rig = new Rig([answerOk("nack"), answerOk("nack"), answerOk("good")], requeues(nacking));
    expect([await rig.call(), rig.inner.calls.length, dropped.length]).toEqual(["good", 3, 0]);
    const broke = new Rig([answerOk("nack")], requeues(nacking), Params.empty.with(RequeueBudgetParam, noBudget));
    expect([await broke.call(), broke.inner.calls.length, dropped.length, broke.count("request_limit")]).toEqual([
      "nack",
      1,
      1,
      1,
    ]);
    expect(broke.stats.readGauge("retries/budget")).toBe(0);
  });

  it("refuses limits that make no sense", () => {
    for (const bad of [-1, Number.NaN]) {
      expect(() => new Rig([answerOk("x")], requeueing(), Params.empty.with(MaxConnectRequeuesParam, bad))).toThrow(
        RangeError,
      );
    }
  });
});

describe("nonRetryable", () => {
  it("keeps what the error is, and takes away that it may be sent again", () => {
    const error = Object.assign(testError("x", ["retryable", "rejected"]), { figure: 7 });
    const marked = nonRetryable(error);
    expect(marked).toMatchObject({ code: "WEFT_TEST", message: "x", figure: 7, flags: ["rejected", "nonRetryable"] });
    expect(marked).toBeInstanceOf(error.constructor);
    expect(error.flags).toEqual(["retryable", "rejected"]);
    expect(nonRetryable(marked)).toBe(marked);
    const foreign = new TypeError("odd");
    expect(nonRetryable(foreign)).toMatchObject({ code: "WEFT_NOT_RETRIED", message: "odd", cause: foreign });
  });
});
