import { ClockParam, Ctx, Params, type Service, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { answerOk, describeModule, ManualClock, MemoryStats, ScriptedService } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { RateLimitedError, RateLimitKeyParam, type RateLimitOptions, RateLimitParam, rateLimit } from "../src/index.ts";

const many = { requestsPerSecond: 1_000_000 };

describeModule(rateLimit<object, object>(), {
  params: (clock) => Params.empty.with(RateLimitParam, { total: many, identity: many }).with(ClockParam, clock),
  disabled: () => Params.empty,
});
describeModule(rateLimit<object, object>(), {
  params: (clock) =>
    Params.empty.with(RateLimitParam, { overrides: [{ ...many, keys: ["a"] }] }).with(ClockParam, clock),
  disabled: () => Params.empty.with(RateLimitParam, { overrides: [], maxKeys: 3 }),
});

function limited(
  options: RateLimitOptions,
  params: Params = Params.empty,
): {
  clock: ManualClock;
  stats: MemoryStats;
  subject: Service<string, string>;
  refusal(req?: string): Promise<unknown>;
} {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const inner = new ScriptedService<string, string>(clock, [answerOk("rep")]);
  const subject = new Stack([rateLimit<string, string>()], () => inner).make(
    params
      .with(RateLimitParam, options)
      .with(ClockParam, { now: () => clock.now(), after: (ms, fn) => clock.after(ms, fn), epochMs: noCalendar })
      .with(StatsParam, stats),
  );
  return {
    clock,
    stats,
    subject,
    refusal: (req = "") =>
      subject.call(req, new Ctx()).then(
        () => undefined,
        (error: unknown) => error,
      ),
  };
}

/** I12: no bucket may look at the calendar, which jumps. */
function noCalendar(): never {
  throw new Error("the calendar was asked");
}

const bySender = Params.empty.with(RateLimitKeyParam, (req) => req as string);

describe("rateLimit", () => {
  it("I12: lets a burst through and then as many as the rate says, by a clock that no calendar moves", async () => {
    const { clock, refusal } = limited({ total: { requestsPerSecond: 4, burst: 2 } });
    expect([await refusal(), await refusal()]).toEqual([undefined, undefined]);
    expect(await refusal()).toMatchObject({
      code: "WEFT_RATE_LIMITED",
      flags: ["rejected", "nonRetryable"],
      scope: "total",
      requestsPerSecond: 4,
      retryAfterMs: 250,
      message: "the total rate limit of 4 requests per second is exceeded; the next may come in 250 ms",
    });
    await clock.advance(249);
    expect(await refusal()).toMatchObject({ retryAfterMs: 1 });
    await clock.advance(1);
    expect([await refusal(), (await refusal()) === undefined]).toEqual([undefined, false]);
  });

  it("gives each sender a rate, and those that nobody knows one together", async () => {
    const keys = Params.empty.with(RateLimitKeyParam, (req) => (req === "nobody" ? undefined : (req as string)));
    const { stats, refusal } = limited({ identity: { requestsPerSecond: 1 } }, keys);
    expect([await refusal("a"), await refusal("b")]).toEqual([undefined, undefined]);
    expect(await refusal("a")).toMatchObject({ scope: "identity", requestsPerSecond: 1 });
    expect(await refusal("nobody")).toBeUndefined();
    expect(await refusal("nobody")).toMatchObject({ scope: "identity" });
    expect(stats.readGauge("rate_limit/keys")).toBe(2);
    expect(stats.readCounter("rate_limit/limited/identity")).toBe(2);
  });

  it("takes everybody for one sender when nothing tells them apart", async () => {
    const { refusal } = limited({ identity: { requestsPerSecond: 1 } });
    expect(await refusal("a")).toBeUndefined();
    expect(await refusal("b")).toMatchObject({ scope: "identity" });
  });

  it("has one bucket for all whom an override names, instead of their own", async () => {
    const { stats, refusal } = limited(
      { identity: { requestsPerSecond: 1 }, overrides: [{ requestsPerSecond: 2, keys: ["a", "b"] }] },
      bySender,
    );
    expect([await refusal("a"), await refusal("b")]).toEqual([undefined, undefined]);
    expect(await refusal("a")).toMatchObject({
      scope: "override",
      requestsPerSecond: 2,
      message: "the override rate limit of 2 requests per second is exceeded; the next may come in 500 ms",
    });
    expect(stats.readCounter("rate_limit/limited/override")).toBe(1);
    expect(stats.readGauge("rate_limit/keys")).toBe(0);
  });

  it("charges the total nothing for what a sender's own rate refuses", async () => {
    const { refusal } = limited({ total: { requestsPerSecond: 3 }, identity: { requestsPerSecond: 1 } }, bySender);
    expect(await refusal("greedy")).toBeUndefined();
    for (let i = 0; i < 10; i++) expect(await refusal("greedy")).toMatchObject({ scope: "identity" });
    expect([await refusal("a"), await refusal("b")]).toEqual([undefined, undefined]);
    expect(await refusal("c")).toMatchObject({ scope: "total" });
  });

  it("counts the calls of senders for whom there was no room", async () => {
    const { stats, refusal } = limited({ identity: { requestsPerSecond: 1 }, maxKeys: 1 }, bySender);
    await refusal("a");
    await refusal("b");
    expect(await refusal("c")).toMatchObject({ scope: "identity" });
    expect(stats.readCounter("rate_limit/key_overflow")).toBe(2);
    expect(stats.readGauge("rate_limit/keys")).toBe(1);
  });

  it("tells ten thousand senders apart where nothing else is set", async () => {
    const { stats, refusal } = limited({ identity: { requestsPerSecond: 1 } }, bySender);
    for (let n = 0; n < 10_001; n++) await refusal(String(n));
    expect(stats.readGauge("rate_limit/keys")).toBe(10_000);
    expect(stats.readCounter("rate_limit/key_overflow")).toBe(1);
  });

  it("rejects when the sender cannot be told", async () => {
    const broken = Params.empty.with(RateLimitKeyParam, () => {
      throw new Error("no sender");
    });
    const { subject } = limited({ identity: { requestsPerSecond: 1 } }, broken);
    await expect(subject.call("", new Ctx())).rejects.toThrow("no sender");
  });

  it("keeps no gauge when it is closed", async () => {
    const { stats, subject } = limited({ total: { requestsPerSecond: 1 } });
    await subject.close();
    expect(stats.names()).toEqual([
      "rate_limit/key_overflow",
      "rate_limit/limited/identity",
      "rate_limit/limited/override",
      "rate_limit/limited/total",
    ]);
  });

  it("does not build when one sender may have more than all together", () => {
    const total = { requestsPerSecond: 2 };
    const three = { requestsPerSecond: 3 };
    const message = "rateLimit: 3 requests per second for one are more than the 2 for all";
    expect(() => limited({ total, identity: three })).toThrow(new RangeError(message));
    expect(() => limited({ total, identity: total, overrides: [{ ...three, keys: [] }] })).toThrow(message);
    expect(() => limited({ total, overrides: [{ ...total, keys: [] }] })).not.toThrow();
    expect(() => limited({ identity: three })).not.toThrow();
  });

  it("shows a listing what its senders are told apart by", () => {
    const { show } = RateLimitKeyParam;
    expect(show(undefined)).toBeUndefined();
    expect(
      show(function header() {
        return undefined;
      }),
    ).toBe("header");
    expect(
      show(
        (
          () => () =>
            undefined
        )(),
      ),
    ).toBe("a function");
  });
});

describe("RateLimitedError", () => {
  it("says in whole seconds when to come again, and never at once", () => {
    const seconds = (ms: number): number => new RateLimitedError("total", 1, ms).retryAfterSeconds;
    expect([0, 1, 999, 1000, 1001, 2500].map(seconds)).toEqual([1, 1, 1, 1, 2, 3]);
  });
});
