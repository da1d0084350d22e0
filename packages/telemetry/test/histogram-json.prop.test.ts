import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Histogram } from "../src/histogram.ts";

const arbValue = fc.oneof(fc.constantFrom(0, 1e-9), fc.nat(100), fc.double({ min: 0, max: 1e12, noNaN: true }));

describe("a histogram as JSON", () => {
  it("is merged as the histogram itself", () => {
    fc.assert(
      fc.property(
        fc.array(arbValue),
        fc.array(arbValue),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (mine, others, q) => {
          const [direct, told, other] = [new Histogram(), new Histogram(), new Histogram()];
          for (const each of mine) {
            direct.add(each);
            told.add(each);
          }
          for (const each of others) other.add(each);
          direct.merge(other);
          told.mergeJson(JSON.parse(JSON.stringify(other)) as readonly number[]);
          const figures = (each: Histogram): readonly number[] => [
            each.count,
            each.sum,
            each.min,
            each.max,
            each.percentile(q),
          ];
          expect(figures(told)).toEqual(figures(direct));
        },
      ),
    );
  });

  it("that is none adds nothing", () => {
    const histogram = new Histogram();
    for (const json of [[], [0, 0, 0, 0, 0], [Number.NaN]]) histogram.mergeJson(json);
    expect([histogram.count, histogram.sum]).toEqual([0, 0]);
  });
});
