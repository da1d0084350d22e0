import {
  CancelledError,
  type Classifier,
  ClassifierKey,
  type Ctx,
  failed,
  ok,
  type ResponseClass,
  WeftError,
} from "@weftmesh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pathStats } from "../src/request-stats-module.ts";
import { type Rep, Rig } from "./calls.ts";

type Step =
  | { readonly op: "start"; readonly verdict: ResponseClass }
  | { readonly op: "respond" | "end" | "fail" | "leave" | "cancel"; readonly which: number }
  | { readonly op: "wait"; readonly ms: number };

const which = fc.nat(9);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("start" as const),
      verdict: fc.constantFrom<ResponseClass>("success", "retryable", "failure", "ignorable"),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constantFrom("respond" as const, "end" as const, "fail" as const, "leave" as const, "cancel" as const),
      which,
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("wait" as const), ms: fc.nat(50) }) },
);

interface Open {
  readonly ctx: Ctx;
  readonly verdict: ResponseClass;
  readonly startMs: number;
  headMs: number | undefined;
}

describe("pathStats", () => {
  it("keeps requests = success + failures + ignored, one latency each, and pending = calls that are open", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), async (steps) => {
        const rig = new Rig(pathStats<string, Rep>());
        const open: Open[] = [];
        const model = { requests: 0, success: 0, failures: 0, latencies: [] as number[] };
        const over = (call: Open, ignoredError: boolean, verdict: ResponseClass): void => {
          open.splice(open.indexOf(call), 1);
          if (ignoredError) return;
          model.requests++;
          model.latencies.push((call.headMs ?? rig.clock.now()) - call.startMs);
          if (verdict === "success") model.success++;
          else if (verdict !== "ignorable") model.failures++;
        };
        for (const each of steps) {
          if (each.op === "wait") await rig.clock.advance(each.ms);
          else if (each.op === "start") {
            const verdict = each.verdict;
            const classifier: Classifier = { name: "scripted", classify: () => verdict };
            const ctx = rig.start();
            ctx.set(ClassifierKey, classifier);
            open.push({ ctx, verdict, startMs: rig.clock.now(), headMs: undefined });
          } else {
            const call = open[each.which % Math.max(open.length, 1)];
            if (call === undefined) continue;
            if (each.op === "respond") {
              if (call.headMs === undefined) {
                call.headMs = rig.clock.now();
                call.ctx.respond({ status: 200 });
              }
            } else if (each.op === "cancel") call.ctx.cancel(new CancelledError());
            else if (each.op === "end") {
              call.ctx.end(ok);
              over(call, false, call.verdict);
            } else if (each.op === "fail") {
              call.ctx.end(failed(new WeftError("WEFT_X", "x")));
              over(call, false, call.verdict);
            } else {
              call.ctx.end(failed(new CancelledError()));
              over(call, true, call.verdict);
            }
          }
          expect(rig.stats.readGauge("pending")).toBe(open.length);
        }
        expect(rig.counters("requests", "success", "failures")).toEqual({
          requests: model.requests,
          success: model.success,
          failures: model.failures,
        });
        expect(rig.stats.readStat("request_latency_ms")).toEqual(model.latencies);
        for (const { ctx } of open) ctx.end(ok);
        expect(rig.stats.readGauge("pending")).toBe(0);
      }),
    );
  });
});
