import { CancelledError, Ctx, failed, ok, Params, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { arbOutcome, ManualClock, MemoryStats, ScriptedService } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concurrencyLimit, MaxConcurrentRequests } from "../src/index.ts";

const arbStep = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ do: "call" as const, which: 0 }) },
  { weight: 3, arbitrary: fc.nat(20).map((which) => ({ do: "end" as const, which })) },
  { weight: 1, arbitrary: fc.nat(20).map((which) => ({ do: "cancel" as const, which })) },
);

describe("concurrencyLimit", () => {
  it("refuses exactly the calls that come when the limit is reached, whatever became of the others", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(arbStep, { maxLength: 60, size: "max" }),
        fc.array(arbOutcome(fc.constant("rep")), { minLength: 1, maxLength: 5 }),
        async (max, steps, answers) => {
          const clock = new ManualClock();
          const stats = new MemoryStats();
          const inner = new ScriptedService<string, string>(clock, (n) => answers[n % answers.length] as never);
          const subject = new Stack([concurrencyLimit<string, string>()], () => inner).make(
            Params.empty.with(MaxConcurrentRequests, max).with(StatsParam, stats),
          );
          // The model: calls that were let in and whose ctx has not ended.
          let open: Ctx[] = [];
          for (const step of steps) {
            if (step.do === "call") {
              const ctx = new Ctx();
              const before = inner.calls.length;
              const call = subject.call("req", ctx);
              const admitted = open.length < max;
              expect(inner.calls.length - before).toBe(admitted ? 1 : 0);
              if (admitted) {
                open.push(ctx);
                call.catch(() => {});
              } else await expect(call).rejects.toMatchObject({ code: "WEFT_OVERLOADED" });
            } else if (open.length > 0) {
              const ctx = open[step.which % open.length] as Ctx;
              if (step.do === "cancel") ctx.cancel(new CancelledError());
              else {
                ctx.end(step.which % 2 === 0 ? ok : failed(new CancelledError()));
                open = open.filter((each) => each !== ctx);
              }
            }
            expect(stats.readGauge("request_concurrency")).toBe(open.length);
          }
          for (const ctx of open) {
            ctx.cancel(new CancelledError());
            ctx.end(ok);
          }
          expect(stats.readGauge("request_concurrency")).toBe(0);
        },
      ),
    );
  });
});
