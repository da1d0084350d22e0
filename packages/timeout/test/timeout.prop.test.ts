import { ClockParam, Ctx, dispatch, type Module, type Param, Params, type Service, Stack } from "@weftmesh/core";
import { answerNever, answerOk, ManualClock, ScriptedService } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  RequestAttemptTimeoutMs,
  requestTimeout,
  ServerTimeoutMs,
  serverTimeout,
  TotalTimeoutMs,
  totalTimeout,
} from "../src/index.ts";

type Modules = readonly (readonly [string, Module<Service<string, string>>, Param<number>])[];
const modules: Modules = [
  ["WEFT_TOTAL_TIMEOUT", totalTimeout<string, string>(), TotalTimeoutMs],
  ["WEFT_REQUEST_TIMEOUT", requestTimeout<string, string>(), RequestAttemptTimeoutMs],
  ["WEFT_SERVER_TIMEOUT", serverTimeout<string, string>(), ServerTimeoutMs],
];
const arbMs = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0.1, max: 2000, noNaN: true }));

/** How a call ended, and when. */
async function ending(
  clock: ManualClock,
  call: Promise<string>,
): Promise<() => { result: string; atMs: number } | undefined> {
  let ended: { result: string; atMs: number } | undefined;
  const note = (result: string): void => {
    ended = { result, atMs: clock.now() };
  };
  call.then(note, (error: { code: string }) => note(error.code));
  return () => ended;
}

describe.each(modules)("the module that fails with %s", (code, module, ms) => {
  function built(clock: ManualClock, inner: Service<string, string>, timeoutMs: number): Service<string, string> {
    return new Stack([module], () => inner).make(Params.empty.with(ms, timeoutMs).with(ClockParam, clock));
  }

  it("ends a call at the earlier of reply and timeout, cancels what stands below only then, and leaves no timer", async () => {
    await fc.assert(
      fc.asyncProperty(arbMs, arbMs, async (timeoutMs, replyMs) => {
        const clock = new ManualClock();
        const inner = new ScriptedService<string, string>(clock, [answerOk("rep", replyMs)]);
        const ended = await ending(clock, dispatch(built(clock, inner, timeoutMs), "req"));
        await clock.advance(2001);
        const inTime = replyMs < timeoutMs;
        expect(ended()).toEqual({ result: inTime ? "rep" : code, atMs: Math.min(replyMs, timeoutMs) });
        expect(inner.calls[0]?.outcome).toBe(inTime ? "ok" : "cancelled");
        expect(clock.armed).toBe(0);
      }),
    );
  });

  it("stops its timer with the head of the response: a long body is not its business", async () => {
    await fc.assert(
      fc.asyncProperty(arbMs, async (timeoutMs) => {
        const clock = new ManualClock();
        const inner = new ScriptedService<string, string>(clock, [answerOk("head")]);
        const ctx = new Ctx();
        ctx.respond(await built(clock, inner, timeoutMs).call("req", ctx));
        expect(clock.armed).toBe(0);
        await clock.advance(5000);
        expect(ctx.cancelled).toBeUndefined();
      }),
    );
  });

  it("enforces a sooner deadline that came with the call, and hands the sooner of both on", async () => {
    await fc.assert(
      fc.asyncProperty(arbMs, fc.nat({ max: 100 }), arbMs, async (timeoutMs, startMs, leftMs) => {
        const clock = new ManualClock(startMs);
        const inner = new ScriptedService<string, string>(clock, [answerNever]);
        const ctx = new Ctx();
        ctx.deadline = startMs + leftMs;
        const ended = await ending(clock, dispatch(built(clock, inner, timeoutMs), "req", ctx));
        expect(ctx.deadline).toBe(Math.min(startMs + leftMs, startMs + timeoutMs));
        await clock.advance(2001);
        expect(ended()?.result).toBe(code);
        expect(ended()?.atMs).toBeCloseTo(startMs + Math.min(timeoutMs, leftMs), 6);
      }),
    );
  });

  it("does not send on a call whose deadline has passed", async () => {
    await fc.assert(
      fc.asyncProperty(arbMs, fc.oneof(fc.constant(0), arbMs), async (timeoutMs, lateMs) => {
        const clock = new ManualClock(5000);
        const inner = new ScriptedService<string, string>(clock, [answerOk("rep")]);
        const ctx = new Ctx();
        ctx.deadline = 5000 - lateMs;
        await expect(built(clock, inner, timeoutMs).call("req", ctx)).rejects.toMatchObject({ code, timeoutMs: 0 });
        expect(inner.calls).toEqual([]);
        expect(clock.armed).toBe(0);
      }),
    );
  });

  it("is left out unless its time is finite and above zero", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constantFrom(Number.POSITIVE_INFINITY, Number.NaN, 0, -0),
          arbMs.map((x) => -x),
        ),
        (no) => {
          const clock = new ManualClock();
          const inner = new ScriptedService<string, string>(clock, [answerOk("rep")]);
          expect(built(clock, inner, no)).toBe(inner);
        },
      ),
    );
  });
});

describe("nested timeouts", () => {
  it("act as the shortest of them, by whoever owns it", async () => {
    await fc.assert(
      fc.asyncProperty(arbMs, arbMs, async (outerMs, innerMs) => {
        const clock = new ManualClock();
        const inner = new ScriptedService<string, string>(clock, [answerNever]);
        const stack = new Stack([totalTimeout<string, string>(), requestTimeout<string, string>()], () => inner);
        const params = Params.empty
          .with(TotalTimeoutMs, outerMs)
          .with(RequestAttemptTimeoutMs, innerMs)
          .with(ClockParam, clock);
        const ended = await ending(clock, dispatch(stack.make(params), "req"));
        await clock.advance(2001);
        expect(ended()).toEqual({
          result: innerMs < outerMs ? "WEFT_REQUEST_TIMEOUT" : "WEFT_TOTAL_TIMEOUT",
          atMs: Math.min(outerMs, innerMs),
        });
        expect(clock.armed).toBe(0);
      }),
    );
  });
});
