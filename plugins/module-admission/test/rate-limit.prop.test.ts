import { ClockParam, dispatch, Params, Stack, service } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest } from "@weftmesh/http";
import { rateLimitModule } from "@weftmesh/module-admission";
import { ManualClock } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const request = (user: string): HttpRequest =>
  new HttpRequest("1.1", "GET", "http", "web", "/", Headers.of("x-user", user), emptyBody);

describe("dev.weftmesh.rateLimit", () => {
  it("lets each sender through at its rate and burst, whatever the others send", async () => {
    const arbConfig = fc.record({
      requestsPerSecond: fc.integer({ min: 1, max: 50 }),
      burst: fc.integer({ min: 1, max: 20 }),
    });
    const arbSteps = fc.array(
      fc.record({ user: fc.constantFrom("a", "b", "c"), times: fc.integer({ min: 1, max: 30 }), thenMs: fc.nat(900) }),
      { maxLength: 20, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(arbConfig, arbSteps, async (identity, steps) => {
        const clock = new ManualClock();
        const params = Params.empty.with(ClockParam, clock);
        const { stackable } = rateLimitModule.make({ identity, maxKeys: 100, header: "x-user" }, params);
        const limited = new Stack([stackable<HttpRequest, string>()], () => service(async () => "ok")).make(params);
        const passed = new Map<string, number>();
        let elapsedMs = 0;
        for (const { user, times, thenMs } of steps) {
          const before = passed.get(user) ?? 0;
          let now = 0;
          for (let i = 0; i < times; i++) {
            const answer = await dispatch(limited, request(user)).catch((error: { code: string }) => error.code);
            if (answer === "ok") now++;
            else expect(answer).toBe("WEFT_RATE_LIMITED");
          }
          passed.set(user, before + now);
          const most = identity.burst + (identity.requestsPerSecond * elapsedMs) / 1000;
          expect(before + now).toBeLessThanOrEqual(most + 1e-9);
          // Who was never here has a full burst, however greedy the others were.
          if (before === 0) expect(now).toBe(Math.min(times, identity.burst));
          await clock.advance(thenMs);
          elapsedMs += thenMs;
        }
      }),
    );
  });
});
