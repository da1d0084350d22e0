import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { best, bestOf, compareStatus, type Status, worst, worstOf } from "../src/index.ts";

const arbStatus = fc.constantFrom<Status>("open", "busy", "closed");

describe("Status", () => {
  it("is a lattice: worst and best are commutative, associative, idempotent, and absorb each other", () => {
    fc.assert(
      fc.property(arbStatus, arbStatus, arbStatus, (a, b, c) => {
        for (const [join, meet] of [
          [worst, best],
          [best, worst],
        ] as const) {
          expect(join(a, b)).toBe(join(b, a));
          expect(join(join(a, b), c)).toBe(join(a, join(b, c)));
          expect(join(a, a)).toBe(a);
          expect(join(a, meet(a, b))).toBe(a);
        }
        expect(Math.sign(compareStatus(a, b))).toBe(-Math.sign(compareStatus(b, a)) + 0);
        expect(compareStatus(worst(a, b), best(a, b))).toBeLessThanOrEqual(0);
      }),
    );
  });

  it("is closed before busy before open", () => {
    expect((["open", "closed", "busy"] as Status[]).sort(compareStatus)).toEqual(["closed", "busy", "open"]);
    expect([worst("open", "busy"), worst("busy", "closed"), best("closed", "busy"), best("busy", "open")]).toEqual([
      "busy",
      "closed",
      "busy",
      "open",
    ]);
  });

  it("of many is that of the halves, and of none is the identity", () => {
    expect([worstOf([]), bestOf([])]).toEqual(["open", "closed"]);
    fc.assert(
      fc.property(fc.array(arbStatus), fc.array(arbStatus), (a, b) => {
        expect(worstOf([...a, ...b])).toBe(worst(worstOf(a), worstOf(b)));
        expect(bestOf([...a, ...b])).toBe(best(bestOf(a), bestOf(b)));
      }),
    );
  });

  it("looks no further than the worst or the best there is", () => {
    const endless = function* (status: Status): Iterable<Status> {
      yield status;
      expect.unreachable();
    };
    expect([worstOf(endless("closed")), bestOf(endless("open"))]).toEqual(["closed", "open"]);
  });
});
