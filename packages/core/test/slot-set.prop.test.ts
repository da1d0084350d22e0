import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SlotSet } from "../src/slot-set.ts";

const size = 128;
const slot = fc.nat(size - 1);
const change = fc.tuple(fc.boolean(), slot);

describe("a set of slots", () => {
  it("knows the way to the next one that is filled, from everywhere, as a plain set does", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        const filled = new SlotSet(size);
        const model = new Set<number>();
        for (const [adds, at] of changes) {
          if (adds) {
            filled.add(at);
            model.add(at);
          } else {
            filled.delete(at);
            model.delete(at);
          }
        }
        for (let from = 0; from < size; from++) {
          const ways = [...model].map((at) => (at - from + size) % size);
          expect(filled.distance(from)).toBe(ways.length === 0 ? -1 : Math.min(...ways));
        }
      }),
    );
  });
});
