import { ClockParam, Ctx, Params } from "@weftmesh/core";
import { ManualClock, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StreamIdleTimeoutMs, streamIdleTimeout } from "../src/index.ts";
import { HttpCall } from "./http-call.ts";

const bytes = Buffer.from("x");

describe("the stream idle timeout", () => {
  const arbStep = fc.record({
    waitMs: fc.oneof(fc.integer({ min: 0, max: 120 }), fc.double({ min: 0, max: 120, noNaN: true })),
    event: fc.constantFrom("upload", "download", "uploadEnds", "downloadEnds", "nothing"),
  });

  it("ends a call exactly its time after the last of what moved, and never one that moves", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbStep, { maxLength: 30 }), async (steps) => {
        const clock = new ManualClock();
        const http = new HttpCall(
          streamIdleTimeout,
          Params.empty.with(ClockParam, clock).with(StreamIdleTimeoutMs, 100),
        );
        const ctx = new Ctx();
        let cancelledMs: number | undefined;
        ctx.onCancel(() => {
          cancelledMs = clock.now();
        });
        http.start(ctx, http.upload);
        http.answer();
        await settle();
        http.take();
        let movedMs = 0;
        const open = { upload: true, download: true };
        let expectedMs: number | undefined;
        for (const { waitMs, event } of [...steps, { waitMs: 500, event: "nothing" } as const]) {
          if ((open.upload || open.download) && clock.now() + waitMs >= movedMs + 100) expectedMs ??= movedMs + 100;
          await clock.advance(waitMs);
          expect(cancelledMs === undefined).toBe(expectedMs === undefined);
          if (expectedMs !== undefined) break;
          const side = event.startsWith("upload") ? "upload" : "download";
          if (event === "nothing" || !open[side]) continue;
          movedMs = clock.now();
          if (event.endsWith("Ends")) {
            http[side].end();
            open[side] = false;
          } else http[side].push(bytes);
        }
        if (expectedMs !== undefined) expect(cancelledMs).toBeCloseTo(expectedMs, 6);
        expect(clock.armed).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
