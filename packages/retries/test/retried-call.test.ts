import type { Backoff } from "@weftmesh/backoff";
import {
  type Classifier,
  ClassifierKey,
  type Clock,
  ClockParam,
  Ctx,
  dispatch,
  Params,
  RngParam,
  type Service,
  Stack,
} from "@weftmesh/core";
import { RetryBackoffParam, type RetryProtocol, requeues, retries, wholeMessages } from "@weftmesh/retries";
import { answerOk, ManualClock, ScriptedService, seededRng, settle, testError } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";

const byName: Classifier = {
  name: "byName",
  classify: (_req, rep, error) => (error !== undefined || rep === "retry" ? "retryable" : "success"),
};

function build(
  inner: Service<string, string>,
  clock: Clock,
  backoff: Backoff,
  protocol: RetryProtocol<string, string> = wholeMessages(),
): Service<string, string> {
  return new Stack([retries(protocol)], () => inner).make(
    Params.empty.with(ClockParam, clock).with(RngParam, seededRng(1)).with(RetryBackoffParam, backoff),
  );
}

const call = (service: Service<string, string>, ctx: Ctx = new Ctx()): Promise<string> =>
  dispatch(service, "req", ctx.set(ClassifierKey, byName));

describe("a call that is retried", () => {
  it("tells its backoff the number of the wait and what the backoff said last, whatever the peer asked for", async () => {
    const told: [number, number][] = [];
    const backoff: Backoff = {
      name: "recording",
      delayMs: (attempt, previousMs) => {
        told.push([attempt, previousMs]);
        return 10 + attempt;
      },
    };
    const clock = new ManualClock();
    const answers = ["retry", "retry", "retry", "good"] as const;
    const inner = new ScriptedService<string, string>(
      clock,
      answers.map((each) => answerOk(each)),
    );
    const pushing: RetryProtocol<string, string> = { ...wholeMessages<string, string>(), pushBackMs: () => 500 };
    const pending = call(build(inner, clock, backoff, pushing));
    await clock.advance(1500);
    expect(await pending).toBe("good");
    expect(told).toEqual([
      [0, 0],
      [1, 10],
      [2, 11],
    ]);
  });

  it("G19: leaves no timer when it is cancelled in a wait, and nothing to cancel when the wait is over", async () => {
    const clock = new ManualClock();
    let cancels = 0;
    const counting: Clock = {
      now: () => clock.now(),
      epochMs: () => clock.epochMs(),
      after: (ms, fn) => {
        const timer = clock.after(ms, fn);
        return {
          cancel: () => {
            cancels++;
            timer.cancel();
          },
        };
      },
    };
    const backoff: Backoff = { name: "100", delayMs: () => 100 };
    const inner = new ScriptedService<string, string>(clock, [answerOk("retry"), answerOk("retry", 1000)]);
    const ctx = new Ctx();
    const pending = call(build(inner, counting, backoff), ctx);
    await clock.advance(100);
    expect([inner.calls.length, cancels]).toEqual([2, 0]);
    ctx.cancel(testError("enough in the attempt"));
    await expect(pending).rejects.toThrow("enough in the attempt");
    expect([clock.armed, cancels]).toEqual([0, 0]);

    const second = new Ctx();
    const waiting = call(build(new ScriptedService(clock, [answerOk("retry")]), counting, backoff), second);
    await settle();
    expect(clock.armed).toBe(1);
    second.cancel(testError("enough in the wait"));
    expect(clock.armed).toBe(0);
    await expect(waiting).rejects.toThrow("enough in the wait");
  });

  it("tells whoever watches an attempt why it was cancelled, whatever the service says then", async () => {
    for (const module of [retries<string, string>(wholeMessages()), requeues<string, string>(wholeMessages())]) {
      const clock = new ManualClock();
      const outcomes: unknown[] = [];
      const inner: Service<string, string> = {
        status: "open",
        close: () => Promise.resolve(),
        call: (_req, ctx) => {
          if (outcomes.length > 0) return Promise.resolve("good");
          ctx.observe({ onEnd: (_ctx, outcome) => void outcomes.push(outcome) });
          ctx.cancel(testError("too late"));
          return Promise.reject(testError("the socket was closed", ["retryable"]));
        },
      };
      const params = Params.empty.with(ClockParam, clock).with(RngParam, seededRng(1));
      expect(await call(new Stack([module], () => inner).make(params))).toBe("good");
      expect(outcomes).toMatchObject([{ kind: "failed", error: { message: "too late" } }]);
    }
  });
});
