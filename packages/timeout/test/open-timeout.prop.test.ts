import {
  CancelledError,
  Ctx,
  hasFlag,
  ok,
  type Service,
  type ServiceFactory,
  type Status,
  service,
  type Timer,
} from "@weftmesh/core";
import { ManualClock, settle, testError } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConnectTimeoutMs, OpenTimeoutError, openTimeout } from "../src/index.ts";

interface Plan {
  /** When the session is there, or fails; never if undefined. */
  readonly afterMs: number | undefined;
  readonly fails: boolean;
  /** Whether it gives up when it is told to. */
  readonly heeds: boolean;
}

/** Opens sessions by a plan, and counts how often each is closed. */
class Opener implements ServiceFactory<string, string> {
  status: Status = "open";
  closes = 0;
  sessionCloses = 0;
  opened = 0;
  readonly ctxs: Ctx[] = [];
  readonly #clock: ManualClock;
  readonly #plan: Plan;

  constructor(clock: ManualClock, plan: Plan) {
    this.#clock = clock;
    this.#plan = plan;
  }

  open(ctx: Ctx): Promise<Service<string, string>> {
    this.ctxs.push(ctx);
    const { afterMs, fails, heeds } = this.#plan;
    const session: Service<string, string> = {
      ...service<string, string>((req) => Promise.resolve(req)),
      close: () => {
        this.sessionCloses++;
        return Promise.reject(testError("it would not close"));
      },
    };
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      if (afterMs !== undefined) {
        timer = this.#clock.after(afterMs, () => {
          if (fails) reject(testError("refused"));
          else {
            this.opened++;
            resolve(session);
          }
        });
      }
      if (heeds) {
        ctx.onCancel((reason) => {
          timer?.cancel();
          reject(reason);
        });
      }
    });
  }

  close(): Promise<void> {
    this.closes++;
    return Promise.resolve();
  }
}

describe("openTimeout", () => {
  const arbMs = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0.1, max: 2000, noNaN: true }));
  const arbPlan = fc.record({
    afterMs: fc.option(fc.integer({ min: 0, max: 2500 }), { nil: undefined }),
    fails: fc.boolean(),
    heeds: fc.boolean(),
  });
  const arbNever = fc.option(arbMs, { nil: Number.POSITIVE_INFINITY });

  it("11.12.7: opens a session in time or not at all, and closes one that comes too late exactly once", async () => {
    await fc.assert(
      fc.asyncProperty(arbPlan, arbMs, arbNever, arbNever, async (plan, limitMs, deadlineMs, cancelMs) => {
        const clock = new ManualClock();
        const opener = new Opener(clock, plan);
        const ctx = new Ctx();
        ctx.deadline = deadlineMs;
        const reason = new CancelledError();
        if (cancelMs !== Number.POSITIVE_INFINITY) clock.after(cancelMs, () => ctx.cancel(reason));
        let ending: { result: string; atMs: number } | undefined;
        const note = (result: string): void => {
          ending = { result, atMs: clock.now() };
        };
        openTimeout(opener, limitMs, clock)
          .open(ctx)
          .then(
            () => note("open"),
            (error) => note(error.code),
          );
        expect(opener.ctxs[0]?.deadline).toBe(Math.min(limitMs, deadlineMs));
        await clock.advance(5000);
        const dueMs = plan.afterMs ?? Number.POSITIVE_INFINITY;
        const untilMs = Math.min(limitMs, deadlineMs);
        const atMs = Math.min(dueMs, untilMs, cancelMs);
        // Timers that are due together fire in the order in which they were set: the caller's, ours, the opener's.
        const result =
          atMs === cancelMs
            ? "WEFT_CANCELLED"
            : atMs === untilMs
              ? "WEFT_OPEN_TIMEOUT"
              : plan.fails
                ? "WEFT_TEST"
                : "open";
        expect(ending).toEqual({ result, atMs });
        expect(opener.sessionCloses).toBe(opener.opened - (result === "open" ? 1 : 0));
        expect(opener.ctxs[0]?.ended).toBe(true);
        expect(ctx.ended).toBe(false);
        expect(ctx.deadline).toBe(deadlineMs);
        expect(clock.armed).toBe(0);
      }),
      { numRuns: 400 },
    );
  });

  it("is the factory itself unless its time is finite and above zero", () => {
    const clock = new ManualClock();
    const opener = new Opener(clock, { afterMs: 0, fails: false, heeds: true });
    for (const ms of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) expect(openTimeout(opener, ms, clock)).toBe(opener);
  });

  it("has the status of the factory, and closes it", async () => {
    const clock = new ManualClock();
    const opener = new Opener(clock, { afterMs: 0, fails: false, heeds: true });
    const timed = openTimeout(opener, 10, clock);
    for (const status of ["open", "busy", "closed"] satisfies Status[]) {
      opener.status = status;
      expect(timed.status).toBe(status);
    }
    await timed.close();
    expect(opener.closes).toBe(1);
  });

  it("does not open for a call whose deadline has passed, or that was cancelled", async () => {
    const clock = new ManualClock(100);
    const opener = new Opener(clock, { afterMs: 0, fails: false, heeds: true });
    const timed = openTimeout(opener, 10, clock);
    const late = new Ctx();
    late.deadline = 100;
    await expect(timed.open(late)).rejects.toMatchObject({ code: "WEFT_OPEN_TIMEOUT", timeoutMs: 0 });
    const gone = new Ctx();
    const reason = new CancelledError();
    gone.cancel(reason);
    await expect(timed.open(gone)).rejects.toBe(reason);
    expect([opener.ctxs.length, clock.armed]).toEqual([0, 0]);
  });

  it("turns a throw into a rejection", async () => {
    const clock = new ManualClock();
    const thrown = testError("thrown");
    const throwing: ServiceFactory<string, string> = {
      status: "open",
      open: () => {
        throw thrown;
      },
      close: () => Promise.resolve(),
    };
    await expect(openTimeout(throwing, 10, clock).open(new Ctx())).rejects.toBe(thrown);
    expect(clock.armed).toBe(0);
  });

  it("F12: fails after its time, with an error that lets the call be sent again", async () => {
    const clock = new ManualClock();
    const opener = new Opener(clock, { afterMs: undefined, fails: false, heeds: true });
    const failure = expect(openTimeout(opener, ConnectTimeoutMs.default, clock).open(new Ctx())).rejects.toMatchObject({
      code: "WEFT_OPEN_TIMEOUT",
      timeoutMs: 1000,
      message: "exceeded 1.seconds while waiting for a session to be open",
    });
    await clock.advance(1000);
    await failure;
    expect(hasFlag(new OpenTimeoutError(1), "retryable")).toBe(true);
    expect(hasFlag(new OpenTimeoutError(1), "deadlineExceeded")).toBe(true);
  });

  it("leaves a session alone that was open in time, whatever becomes of the call", async () => {
    const clock = new ManualClock();
    const opener = new Opener(clock, { afterMs: 5, fails: false, heeds: true });
    const ctx = new Ctx();
    const opened = openTimeout(opener, 10, clock).open(ctx);
    await clock.advance(5);
    const session = await opened;
    expect(await session.call("req", new Ctx())).toBe("req");
    ctx.cancel(new CancelledError());
    await clock.advance(1000);
    await settle();
    ctx.end(ok);
    expect(opener.sessionCloses).toBe(0);
  });
});
