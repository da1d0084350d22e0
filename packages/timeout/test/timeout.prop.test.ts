import {
  ClockParam,
  Ctx,
  dispatch,
  type Module,
  ok,
  type Param,
  Params,
  type Service,
  Stack,
  service,
} from "@weftmesh/core";
import { answerFail, answerNever, answerOk, ManualClock, ScriptedService } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DeadlineCoversBodyKey,
  DynamicTimeouts,
  deadline,
  LatencyCompensationMs,
  RequestAttemptTimeoutMs,
  RequestTimeoutKey,
  requestTimeout,
  ServerTimeoutMs,
  serverTimeout,
  TotalTimeoutKey,
  TotalTimeoutMs,
  totalTimeout,
} from "../src/index.ts";
import { callEnding } from "./call-ending.ts";

type Modules = readonly (readonly [string, Module<Service<string, string>>, Param<number>])[];
const modules: Modules = [
  ["WEFT_TOTAL_TIMEOUT", totalTimeout<string, string>(), TotalTimeoutMs],
  ["WEFT_REQUEST_TIMEOUT", requestTimeout<string, string>(), RequestAttemptTimeoutMs],
  ["WEFT_SERVER_TIMEOUT", serverTimeout<string, string>(), ServerTimeoutMs],
];
const arbMs = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0.1, max: 2000, noNaN: true }));

describe.each(modules)("the module that fails with %s", (code, module, ms) => {
  function built(clock: ManualClock, inner: Service<string, string>, timeoutMs: number): Service<string, string> {
    return new Stack([module], () => inner).make(Params.empty.with(ms, timeoutMs).with(ClockParam, clock));
  }

  it("11.12.1: ends a call at the earlier of reply and timeout, cancels what stands below only then, and leaves no timer", async () => {
    await fc.assert(
      fc.asyncProperty(arbMs, arbMs, async (timeoutMs, replyMs) => {
        const clock = new ManualClock();
        const inner = new ScriptedService<string, string>(clock, [answerOk("rep", replyMs)]);
        const ended = callEnding(clock, built(clock, inner, timeoutMs));
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
        const ended = callEnding(clock, built(clock, inner, timeoutMs), ctx);
        expect(ctx.deadline).toBe(Math.min(startMs + leftMs, startMs + timeoutMs));
        await clock.advance(2001);
        expect(ended()?.result).toBe(code);
        expect(ended()?.atMs).toBeCloseTo(startMs + Math.min(timeoutMs, leftMs), 6);
      }),
    );
  });

  it("leaves no timer for a call that fails, or ends before its head", async () => {
    const clock = new ManualClock();
    const inner = new ScriptedService<string, string>(clock, [answerFail([], 5), answerNever]);
    const svc = built(clock, inner, 1000);
    const failed = callEnding(clock, svc);
    await clock.advance(5);
    expect([failed()?.result, clock.armed]).toEqual(["WEFT_TEST", 0]);
    const ctx = new Ctx();
    svc.call("req", ctx).catch(() => {});
    expect(clock.armed).toBe(1);
    ctx.end(ok);
    expect(clock.armed).toBe(0);
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

  it("11.12.2: is left out unless its time is finite and above zero", () => {
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

/** A stack of timeouts over one that makes attempts, over more of them, in the order of the default stacks. */
function nested(clock: ManualClock, inner: Service<string, string>, params: Params): Service<string, string> {
  const client = new Stack([requestTimeout<string, string>()], () => inner).make(params.with(ClockParam, clock));
  const attempt = service((req: string, ctx) => dispatch(client, req, ctx.fork()));
  return new Stack(
    [deadline<string, string>(), serverTimeout<string, string>(), totalTimeout<string, string>()],
    () => attempt,
  ).make(params.with(ClockParam, clock));
}

describe("nested timeouts", () => {
  const arbLimit = fc.option(arbMs, { nil: Number.POSITIVE_INFINITY });

  it("11.12.2: act as the shortest of them, by the outermost of those that end together", async () => {
    await fc.assert(
      fc.asyncProperty(arbLimit, arbLimit, arbLimit, arbLimit, arbMs, async (fromWire, server, total, attempt, rep) => {
        const clock = new ManualClock();
        const inner = new ScriptedService<string, string>(clock, [answerOk("rep", rep)]);
        const params = Params.empty
          .with(ServerTimeoutMs, server)
          .with(TotalTimeoutMs, total)
          .with(RequestAttemptTimeoutMs, attempt);
        const ctx = new Ctx();
        ctx.deadline = fromWire;
        const ended = callEnding(clock, nested(clock, inner, params), ctx);
        await clock.advance(2001);
        const limits = [
          ["WEFT_DEADLINE", fromWire],
          ["WEFT_SERVER_TIMEOUT", server],
          ["WEFT_TOTAL_TIMEOUT", total],
          ["WEFT_REQUEST_TIMEOUT", attempt],
        ] as const;
        const atMs = Math.min(fromWire, server, total, attempt);
        const code = limits.find(([, ms]) => ms === atMs)?.[0];
        expect(ended()).toEqual(rep < atMs ? { result: "rep", atMs: rep } : { result: code, atMs });
        expect(inner.calls[0]?.ctx.deadline).toBe(atMs);
        expect(clock.armed).toBe(0);
      }),
    );
  });

  it("arm a timer for each that is shorter than all above it, and no other", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 4, maxLength: 4 }), async (all) => {
        const clock = new ManualClock();
        const inner = new ScriptedService<string, string>(clock, [answerNever]);
        const [fromWire = 0, server = 0, total = 0, attempt = 0] = all;
        const params = Params.empty
          .with(ServerTimeoutMs, server)
          .with(TotalTimeoutMs, total)
          .with(RequestAttemptTimeoutMs, attempt);
        const ctx = new Ctx();
        ctx.deadline = fromWire;
        const ended = callEnding(clock, nested(clock, inner, params), ctx);
        const shorter = all.filter((ms, at) => all.slice(0, at).every((above) => ms < above));
        expect(clock.armed).toBe(shorter.length);
        await clock.advance(5);
        expect(ended()?.atMs).toBe(Math.min(...all));
        expect(clock.armed).toBe(0);
      }),
    );
  });

  it("arm their own timer where the one above has let go, or never was", async () => {
    const clock = new ManualClock();
    const inner = new ScriptedService<string, string>(clock, [answerNever]);
    const params = Params.empty.with(ClockParam, clock).with(TotalTimeoutMs, 100).with(RequestAttemptTimeoutMs, 200);
    const total = new Stack([totalTimeout<string, string>()], () => inner).make(params);
    const attempt = new Stack([requestTimeout<string, string>()], () => inner).make(params);
    const ctx = new Ctx();
    total.call("req", ctx).catch(() => {});
    ctx.respond("head");
    expect(clock.armed).toBe(0);
    const ended = callEnding(clock, attempt, ctx.fork());
    expect(clock.armed).toBe(1);
    await clock.advance(100);
    expect(ended()).toEqual({ result: "WEFT_REQUEST_TIMEOUT", atMs: 100 });
  });

  it("do not stand in for a deadline that holds for the body too", async () => {
    const clock = new ManualClock();
    const inner = new ScriptedService<string, string>(clock, [answerNever]);
    const params = Params.empty.with(ClockParam, clock).with(ServerTimeoutMs, 100);
    const stack = new Stack([serverTimeout<string, string>(), deadline<string, string>()], () => inner);
    const ctx = new Ctx().set(DeadlineCoversBodyKey, true);
    stack
      .make(params)
      .call("req", ctx)
      .catch(() => {});
    expect(clock.armed).toBe(2);
    ctx.respond("head");
    expect(clock.armed).toBe(1);
    await clock.advance(100);
    expect(ctx.cancelled).toMatchObject({ code: "WEFT_DEADLINE" });
    const brief = new Ctx();
    stack
      .make(params)
      .call("req", brief)
      .catch(() => {});
    expect(clock.armed).toBe(1);
  });

  it("11.12.5: an attempt lowers its own deadline alone, to the sooner of both", async () => {
    await fc.assert(
      fc.asyncProperty(arbMs, arbMs, fc.array(fc.nat(50), { minLength: 1, maxLength: 5 }), async (left, ms, waits) => {
        const clock = new ManualClock();
        const inner = new ScriptedService<string, string>(clock, [answerNever]);
        const params = Params.empty.with(ClockParam, clock).with(RequestAttemptTimeoutMs, ms);
        const attempt = new Stack([requestTimeout<string, string>()], () => inner).make(params);
        const ctx = new Ctx();
        ctx.deadline = 10_000 + left;
        for (const waitMs of waits) {
          await clock.advance(waitMs);
          const child = ctx.fork();
          attempt.call("req", child).catch(() => {});
          expect(child.deadline).toBe(Math.min(10_000 + left, clock.now() + ms));
          expect(ctx.deadline).toBe(10_000 + left);
        }
      }),
    );
  });

  it("G19: the total time bounds all attempts together, however many there are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 200 }),
        async (totalMs, attemptMs) => {
          const clock = new ManualClock();
          const inner = new ScriptedService<string, string>(clock, [answerNever]);
          const params = Params.empty
            .with(ClockParam, clock)
            .with(TotalTimeoutMs, totalMs)
            .with(RequestAttemptTimeoutMs, attemptMs);
          const client = new Stack([requestTimeout<string, string>()], () => inner).make(params);
          const again = (ctx: Ctx): Promise<string> =>
            dispatch(client, "req", ctx.fork()).catch((error) => {
              if (ctx.cancelled !== undefined) throw error;
              return again(ctx);
            });
          const retrying = service((_req: string, ctx) => again(ctx));
          const ended = callEnding(clock, new Stack([totalTimeout<string, string>()], () => retrying).make(params));
          await clock.advance(1000);
          expect(ended()).toEqual({ result: "WEFT_TOTAL_TIMEOUT", atMs: totalMs });
          expect(inner.calls.length).toBe(Math.ceil(totalMs / attemptMs));
          for (const { ctx } of inner.calls) expect(ctx.deadline).toBeLessThanOrEqual(totalMs);
          expect(clock.armed).toBe(0);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("F11: a backend that takes the call and never answers costs one attempt its time, and no more", async () => {
    const clock = new ManualClock();
    const inner = new ScriptedService<string, string>(clock, [answerNever]);
    const params = Params.empty.with(ClockParam, clock).with(RequestAttemptTimeoutMs, 300);
    const ended = callEnding(clock, new Stack([requestTimeout<string, string>()], () => inner).make(params));
    await clock.advance(299);
    expect(ended()).toBeUndefined();
    await clock.advance(1);
    expect([ended(), inner.calls[0]?.outcome]).toEqual([{ result: "WEFT_REQUEST_TIMEOUT", atMs: 300 }, "cancelled"]);
  });
});

describe("a call's own time", () => {
  const dynamic = [
    [requestTimeout<string, string>(), RequestAttemptTimeoutMs, RequestTimeoutKey],
    [totalTimeout<string, string>(), TotalTimeoutMs, TotalTimeoutKey],
  ] as const;
  const arbOwn = fc.oneof(
    arbMs,
    fc.constantFrom(undefined, 0, -5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  );

  it.each(dynamic)("11.12.2: counts instead of the fixed one when it is above zero", async (module, ms, key) => {
    await fc.assert(
      fc.asyncProperty(fc.option(arbMs, { nil: Number.POSITIVE_INFINITY }), arbOwn, async (fixedMs, ownMs) => {
        const clock = new ManualClock();
        const inner = new ScriptedService<string, string>(clock, [answerOk("rep", 2001)]);
        const params = Params.empty.with(ms, fixedMs).with(DynamicTimeouts, true).with(ClockParam, clock);
        const ctx = new Ctx();
        if (ownMs !== undefined) ctx.set(key, ownMs);
        const ended = callEnding(clock, new Stack([module], () => inner).make(params), ctx);
        await clock.advance(2001);
        const limitMs = ownMs !== undefined && ownMs > 0 ? ownMs : fixedMs;
        expect(ended()?.atMs).toBe(Math.min(limitMs, 2001));
        expect(ended()?.result === "rep").toBe(limitMs > 2000);
        expect(ctx.deadline).toBe(limitMs);
        expect(clock.armed).toBe(0);
      }),
    );
  });

  it.each(dynamic)("is not looked at unless calls may bring one", async (module, ms, key) => {
    const clock = new ManualClock();
    const inner = new ScriptedService<string, string>(clock, [answerNever]);
    const params = Params.empty.with(ms, 100).with(ClockParam, clock);
    const ended = callEnding(clock, new Stack([module], () => inner).make(params), new Ctx().set(key, 10));
    await clock.advance(100);
    expect(ended()?.atMs).toBe(100);
    expect(new Stack([module], () => inner).make(Params.empty.with(ClockParam, clock))).toBe(inner);
  });

  it.each(dynamic)("lifts the limit for that call alone, whose deadline is left to others", async (module, ms, key) => {
    const clock = new ManualClock();
    const inner = new ScriptedService<string, string>(clock, [answerNever]);
    const params = Params.empty.with(ms, 50).with(DynamicTimeouts, true).with(ClockParam, clock);
    const svc = new Stack([module], () => inner).make(params);
    const ctx = new Ctx().set(key, Number.POSITIVE_INFINITY);
    ctx.deadline = 20;
    svc.call("req", ctx).catch(() => {});
    expect([clock.armed, ctx.deadline]).toEqual([0, 20]);
    svc.call("req", new Ctx()).catch(() => {});
    expect(clock.armed).toBe(1);
  });

  it.each(dynamic)("does not bring a call back whose deadline has passed", async (module, ms, key) => {
    const clock = new ManualClock(100);
    const inner = new ScriptedService<string, string>(clock, [answerOk("rep")]);
    const params = Params.empty.with(ms, 50).with(DynamicTimeouts, true).with(ClockParam, clock);
    const ctx = new Ctx().set(key, 1000);
    ctx.deadline = 100;
    await expect(new Stack([module], () => inner).make(params).call("req", ctx)).rejects.toMatchObject({
      timeoutMs: 0,
    });
    expect(inner.calls).toEqual([]);
  });
});

describe("latency compensation", () => {
  it("is added to the fixed time of an attempt, and leaves the module out when nothing remains", async () => {
    await fc.assert(
      fc.asyncProperty(arbMs, fc.double({ min: -2500, max: 500, noNaN: true }), async (timeoutMs, moreMs) => {
        const clock = new ManualClock();
        const inner = new ScriptedService<string, string>(clock, [answerNever]);
        const params = Params.empty
          .with(ClockParam, clock)
          .with(RequestAttemptTimeoutMs, timeoutMs)
          .with(LatencyCompensationMs, moreMs);
        const svc = new Stack([requestTimeout<string, string>()], () => inner).make(params);
        if (timeoutMs + moreMs <= 0) {
          expect(svc).toBe(inner);
          return;
        }
        const ended = callEnding(clock, svc);
        await clock.advance(2500);
        expect(ended()?.atMs).toBe(timeoutMs + moreMs);
      }),
    );
  });
});
