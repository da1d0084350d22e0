import { ManualClock } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromGrpcDeadline, toGrpcDeadline } from "../src/call-deadline.ts";

const arbClock = fc
  .tuple(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.integer({ min: 1.5e12, max: 2e12 }))
  .map(([nowMs, epochMs]) => new ManualClock(nowMs, epochMs));
const arbLeftMs = fc.oneof(fc.integer({ min: -1e6, max: 1e6 }), fc.integer({ min: -1e12, max: 1e13 }));

/** What grpc-js makes of a deadline: it throws when eight digits have no room for the hours. */
function hoursLeft(deadline: number, clock: ManualClock): number {
  return Math.ceil((deadline - clock.epochMs()) / 3_600_000);
}

describe("deadlines of grpc-js and of a ctx", () => {
  it("are the same moment there and back, as a date and as a number", () => {
    fc.assert(
      fc.property(arbClock, arbLeftMs, (clock, leftMs) => {
        const atEpochMs = clock.epochMs() + leftMs;
        const deadlineMs = fromGrpcDeadline(atEpochMs, clock);
        expect(deadlineMs - clock.now()).toBeCloseTo(leftMs, 3);
        expect(toGrpcDeadline(deadlineMs, clock)).toBeCloseTo(atEpochMs, 2);
        if (Math.abs(atEpochMs) < 8e15) expect(fromGrpcDeadline(new Date(atEpochMs), clock)).toBe(deadlineMs);
      }),
    );
  });

  it("go out only where gRPC has digits for them", () => {
    fc.assert(
      fc.property(arbClock, fc.double({ min: 0, max: 1e18, noNaN: true }), (clock, leftMs) => {
        const deadline = toGrpcDeadline(clock.now() + leftMs, clock);
        if (deadline === undefined) expect(leftMs).toBeGreaterThan(90_000_000 * 3_600_000);
        else expect(hoursLeft(deadline, clock)).toBeLessThan(1e8);
      }),
    );
  });

  it("are none where nothing is said, or nothing that can be read", () => {
    const clock = new ManualClock();
    for (const none of [undefined, Number.POSITIVE_INFINITY, Number.NaN, new Date(Number.NaN)]) {
      expect(fromGrpcDeadline(none, clock)).toBe(Number.POSITIVE_INFINITY);
    }
    expect(toGrpcDeadline(Number.POSITIVE_INFINITY, clock)).toBeUndefined();
    expect(fromGrpcDeadline(Number.NEGATIVE_INFINITY, clock)).toBe(Number.NEGATIVE_INFINITY);
  });
});
