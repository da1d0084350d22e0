import { CancelledError, failed, ok, WeftError } from "@weftmesh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { statusCodeStats } from "../src/status-code-stats.ts";
import { type Rep, Rig } from "./calls.ts";

const rigOf = (): Rig => new Rig(statusCodeStats<string, Rep>());

describe("statusCodeStats", () => {
  it("has the classes and error at zero before the first answer, and no code", () => {
    expect(rigOf().stats.names()).toEqual(
      ["1XX", "2XX", "3XX", "4XX", "5XX", "error"].flatMap((name) => [`status/${name}`, `time/${name}`]).sort(),
    );
  });

  it("counts the code and its class with the head, and the time up to it", async () => {
    const rig = rigOf();
    const ctx = rig.start();
    await rig.clock.advance(12);
    ctx.respond({ status: 404 });
    expect(rig.counters("status/404", "status/4XX", "status/error")).toEqual({
      "status/404": 1,
      "status/4XX": 1,
      "status/error": 0,
    });
    await rig.clock.advance(12);
    ctx.end(failed(new WeftError("WEFT_X", "the body broke")));
    expect(rig.counters("status/error")).toEqual({ "status/error": 0 });
    expect(rig.stats.readStat("time/4XX")).toEqual([12]);
  });

  it("counts a call without an answer as an error, save when the caller went away", async () => {
    const rig = rigOf();
    const ctx = rig.start();
    await rig.clock.advance(3);
    ctx.end(failed(new WeftError("WEFT_X", "x")));
    rig.start().end(failed(new CancelledError()));
    expect(rig.counters("status/error")).toEqual({ "status/error": 1 });
    expect(rig.stats.readStat("time/error")).toEqual([3]);
  });

  it("counts every answer once by its code and once by its class, whatever a backend sends", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer({ min: 100, max: 999 }), fc.integer())), (statuses) => {
        const rig = rigOf();
        for (const status of statuses) {
          const ctx = rig.start();
          ctx.respond({ status });
          ctx.end(ok);
        }
        let codes = 0;
        let classes = 0;
        for (const name of rig.stats.names()) {
          const count = rig.stats.readCounter(name);
          if (/^status\/\d{3}$/.test(name)) codes += count;
          else if (/^status\/(\dXX|error)$/.test(name)) classes += count;
        }
        expect(classes).toBe(statuses.length);
        expect(codes).toBe(statuses.filter((each) => each >= 100 && each <= 999).length);
      }),
    );
  });
});
