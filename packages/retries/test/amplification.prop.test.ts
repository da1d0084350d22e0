import {
  type Classifier,
  ClassifierKey,
  ClockParam,
  Ctx,
  dispatch,
  type ErrorFlag,
  hasFlag,
  Params,
  RngParam,
  Stack,
} from "@weftmesh/core";
import {
  MaxConnectRequeuesParam,
  MaxRequeueShareParam,
  MaxRetriesParam,
  RequeueBudgetParam,
  RetryBudgetParam,
  requeues,
  retries,
  wholeMessages,
} from "@weftmesh/retries";
import { StatsParam } from "@weftmesh/telemetry";
import {
  type Answer,
  answerFail,
  answerOk,
  ManualClock,
  MemoryStats,
  ScriptedService,
  seededRng,
  testError,
} from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const byName: Classifier = {
  name: "byName",
  classify: (_req, rep, error) => (error !== undefined || rep === "retry" ? "retryable" : "success"),
};

const refused: Answer<string> = {
  kind: "fail",
  error: Object.assign(testError("refused", ["retryable"]), { code: "WEFT_CONNECT_REFUSED" }),
};

type Kind = "ok" | "unsent" | "refused" | "failed" | "final" | "interrupted";
const answers: Readonly<Record<Kind, Answer<string>>> = {
  ok: answerOk("good"),
  unsent: answerFail(["retryable"]),
  refused,
  failed: answerFail(),
  final: answerFail(["retryable", "nonRetryable"]),
  interrupted: answerFail(["retryable", "interrupted"]),
};
const arbScript = fc.array(
  fc.constantFrom<Kind>(
    "ok",
    "ok",
    "unsent",
    "unsent",
    "unsent",
    "refused",
    "refused",
    "failed",
    "final",
    "interrupted",
  ),
  { minLength: 1, maxLength: 40, size: "max" },
);

describe("requeues, call by call", () => {
  it("agree with the rules of a requeue filter: who is sent again, how often, and who pays", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbScript,
        fc.integer({ min: 0, max: 12 }),
        fc.constantFrom(0, 0.2, 0.5, 1),
        fc.integer({ min: 0, max: 4 }),
        async (script, reserve, share, maxConnects) => {
          const clock = new ManualClock();
          const stats = new MemoryStats();
          let n = 0;
          const inner = new ScriptedService<string, string>(clock, () => answers[script[n++] ?? "ok"]);
          const service = new Stack([requeues<string, string>(wholeMessages())], () => inner).make(
            Params.empty
              .with(ClockParam, clock)
              .with(StatsParam, stats)
              .with(MaxRequeueShareParam, share)
              .with(MaxConnectRequeuesParam, maxConnects)
              .with(RequeueBudgetParam, { ttlMs: 1000, minRetriesPerSec: reserve, percentCanRetry: 1 }),
          );
          let balance = reserve;
          let at = 0;
          const said = { requeues: 0, request_limit: 0, budget_exhausted: 0 };
          while (at < script.length) {
            // The model: the same walk, written as the rules are.
            balance++;
            let left = -1;
            let connects = 0;
            let calls = 1;
            let mark = false;
            let last: Kind = script[at++] ?? "ok";
            while (last === "unsent" || last === "refused") {
              if (last === "refused") {
                if (connects === maxConnects) {
                  said.request_limit++;
                  mark = true;
                  break;
                }
                connects++;
              } else {
                if (left === -1) left = Math.ceil(share * balance);
                if (left === 0) {
                  said.request_limit++;
                  mark = true;
                  break;
                }
                if (balance === 0) {
                  said.budget_exhausted++;
                  mark = true;
                  break;
                }
                left--;
                balance--;
              }
              said.requeues++;
              calls++;
              last = script[at++] ?? "ok";
            }

            const before = inner.calls.length;
            const outcome = await dispatch(service, "req", new Ctx().set(ClassifierKey, byName)).catch((e: Error) => e);
            expect(inner.calls.length - before).toBe(calls);
            expect(typeof outcome === "string" ? "ok" : "error").toBe(last === "ok" ? "ok" : "error");
            if (mark) expect([hasFlag(outcome, "nonRetryable"), hasFlag(outcome, "retryable")]).toEqual([true, false]);
            expect(stats.readGauge("retries/budget")).toBe(balance);
          }
          expect({
            requeues: stats.readCounter("retries/requeues"),
            request_limit: stats.readCounter("retries/request_limit"),
            budget_exhausted: stats.readCounter("retries/budget_exhausted"),
          }).toEqual(said);
          const perRequest = stats.readStat("retries/requeues_per_request");
          expect(perRequest.reduce((sum, each) => sum + each, 0)).toBe(said.requeues);
        },
      ),
    );
  });

  it("G21: connect no more than 26 times for one call, however much budget there is", async () => {
    const clock = new ManualClock();
    const stats = new MemoryStats();
    const inner = new ScriptedService<string, string>(clock, () => refused);
    const service = new Stack([requeues<string, string>(wholeMessages())], () => inner).make(
      Params.empty.with(ClockParam, clock).with(StatsParam, stats),
    );
    await expect(dispatch(service, "req", new Ctx())).rejects.toMatchObject({
      code: "WEFT_CONNECT_REFUSED",
      flags: ["nonRetryable"],
    });
    expect(inner.calls.length).toBe(26);
    expect(stats.readGauge("retries/budget")).toBe(100);
    expect(
      ["requeues", "request_limit", "budget_exhausted"].map((name) => stats.readCounter(`retries/${name}`)),
    ).toEqual([25, 1, 0]);
  });

  it("take a session that could not be had for no connection, whoever says so", async () => {
    const codes = ["WEFT_CONNECT_TIMEOUT", "WEFT_OPEN_TIMEOUT", "WEFT_POOL_DEAD_SESSION", "WEFT_FAILFAST"];
    for (const [code, calls] of [...codes.map((each) => [each, 4] as const), ["WEFT_POOL_WAITERS", 1] as const]) {
      const clock = new ManualClock();
      const error = Object.assign(testError("x", ["retryable"]), { code });
      const inner = new ScriptedService<string, string>(clock, () => ({ kind: "fail", error }));
      const service = new Stack([requeues<string, string>(wholeMessages())], () => inner).make(
        Params.empty
          .with(ClockParam, clock)
          .with(MaxConnectRequeuesParam, 3)
          .with(RequeueBudgetParam, { minRetriesPerSec: 0, percentCanRetry: 0 }),
      );
      await dispatch(service, "req", new Ctx()).catch(() => {});
      expect([code, inner.calls.length]).toEqual([code, calls]);
    }
  });
});

describe("retries in layers", () => {
  const arbLayers = fc.integer({ min: 1, max: 3 });
  const arbPercent = fc.constantFrom(0.1, 0.2, 0.5);

  async function leafCalls(
    layers: number,
    percent: number,
    min: number,
    requests: number,
    answer: Answer<string>,
  ): Promise<number> {
    const clock = new ManualClock();
    const inner = new ScriptedService<string, string>(clock, () => answer);
    const modules = Array.from({ length: layers }, () => retries<string, string>(wholeMessages()));
    const service = new Stack(modules, () => inner).make(
      Params.empty
        .with(ClockParam, clock)
        .with(RngParam, seededRng(1))
        .with(RetryBudgetParam, { ttlMs: 1000, minRetriesPerSec: min, percentCanRetry: percent }),
    );
    for (let i = 0; i < requests; i++) {
      await dispatch(service, "req", new Ctx().set(ClassifierKey, byName)).catch(() => {});
    }
    return inner.calls.length;
  }

  it("G18: multiply by no more than 1 + share each, and the reserves, where no layer can tell another to stop", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbLayers,
        arbPercent,
        fc.nat(3),
        fc.integer({ min: 1, max: 60 }),
        async (layers, percent, min, requests) => {
          // Answers, not errors: between hops there is no flag that would be heard.
          const leaf = await leafCalls(layers, percent, min, requests, answerOk("retry"));
          let most = requests;
          for (let i = 0; i < layers; i++) most = most * (1 + percent) + min;
          expect(leaf).toBeLessThanOrEqual(most + 1e-9);
          expect(leaf).toBeGreaterThanOrEqual(requests);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("G18: of three hops with a fifth each make 1.728 of each request, and no more", async () => {
    expect(await leafCalls(3, 0.2, 0, 500, answerOk("retry"))).toBe(864);
  });

  it("G18: add the reserves of all layers once, and multiply nothing, where the lowest layer says enough", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbLayers,
        arbPercent,
        fc.nat(3),
        fc.integer({ min: 1, max: 60 }),
        async (layers, share, min, n) => {
          const leaf = await leafCalls(layers, share, min, n, answerFail(["retryable"]));
          expect(leaf).toBe(n + Math.floor(n * share + min + 1e-9));
        },
      ),
      { numRuns: 40 },
    );
  });

  it("do not repeat what a client's requeues gave up", async () => {
    const clock = new ManualClock();
    const inner = new ScriptedService<string, string>(clock, () => answerFail(["retryable"]));
    const service = new Stack(
      [retries<string, string>(wholeMessages()), requeues<string, string>(wholeMessages())],
      () => inner,
    ).make(Params.empty.with(ClockParam, clock).with(RngParam, seededRng(1)));
    await dispatch(service, "req", new Ctx().set(ClassifierKey, byName)).catch(() => {});
    expect(inner.calls.length).toBe(21);
  });
});

describe("retries that are limited", () => {
  it("are at most as many as the limit, the budget and the script allow, and are counted once each", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(8), fc.integer({ min: 1, max: 8 }), fc.nat(8), async (fails, max, budget) => {
        const clock = new ManualClock();
        const stats = new MemoryStats();
        let n = 0;
        const inner = new ScriptedService<string, string>(clock, () => answerOk(n++ < fails ? "retry" : "good"));
        const service = new Stack([retries<string, string>(wholeMessages())], () => inner).make(
          Params.empty
            .with(ClockParam, clock)
            .with(RngParam, seededRng(1))
            .with(StatsParam, stats)
            .with(MaxRetriesParam, max)
            .with(RetryBudgetParam, { ttlMs: 1000, minRetriesPerSec: budget, percentCanRetry: 0 }),
        );
        const expected = Math.min(fails, max, budget);
        expect(await dispatch(service, "req", new Ctx().set(ClassifierKey, byName))).toBe(
          expected === fails ? "good" : "retry",
        );
        expect(inner.calls.length).toBe(1 + expected);
        expect(stats.readCounter("retries/total")).toBe(expected);
        expect(stats.readStat("retries/per_request")).toEqual([expected]);
        const exhausted = fails > budget && max > budget ? 1 : 0;
        expect(stats.readCounter("retries/budget_exhausted")).toBe(exhausted);
      }),
    );
  });

  it("mark a failure as final when a limit was reached, and only then", async () => {
    const flagsAfter = async (flags: readonly ErrorFlag[], params: Params, deadline?: number): Promise<unknown> => {
      const clock = new ManualClock(1000);
      const inner = new ScriptedService<string, string>(clock, () => answerFail(flags));
      const service = new Stack([retries<string, string>(wholeMessages())], () => inner).make(
        params.with(ClockParam, clock).with(RngParam, seededRng(1)),
      );
      const ctx = new Ctx().set(ClassifierKey, byName);
      if (deadline !== undefined) ctx.deadline = deadline;
      return dispatch(service, "req", ctx).then(
        () => undefined,
        (error: { flags: unknown }) => error.flags,
      );
    };
    expect(await flagsAfter(["retryable"], Params.empty.with(MaxRetriesParam, 2))).toEqual(["nonRetryable"]);
    expect(await flagsAfter(["retryable"], Params.empty)).toEqual(["nonRetryable"]);
    expect(await flagsAfter(["retryable"], Params.empty, 1000)).toEqual(["retryable"]);
    expect(await flagsAfter(["interrupted"], Params.empty)).toEqual(["interrupted"]);
  });
});
