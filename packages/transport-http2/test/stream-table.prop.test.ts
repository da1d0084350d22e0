import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StreamTable } from "../src/stream-table.ts";

/** Adds the next stream, or some later one; deletes one that is there, or is not. */
type Step = { readonly kind: "add"; readonly skip: number } | { readonly kind: "delete"; readonly which: number };

const arbStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("add" as const), skip: fc.oneof(fc.constant(0), fc.nat(40)) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), which: fc.nat(60) }) },
);

describe("StreamTable", () => {
  it("has what a map has, whatever comes and goes", () => {
    fc.assert(
      fc.property(fc.array(arbStep, { maxLength: 300 }), (steps) => {
        const table = new StreamTable<{ readonly id: number }>();
        const map = new Map<number, { readonly id: number }>();
        let next = 1;
        for (const step of steps) {
          if (step.kind === "add") {
            next += 2 * step.skip;
            const stream = { id: next };
            next += 2;
            table.add(stream);
            map.set(stream.id, stream);
          } else {
            const id = [...map.keys()][step.which] ?? 2 * step.which + 1;
            expect(table.delete(id)).toBe(map.delete(id));
          }
          expect(table.size).toBe(map.size);
        }
        for (let id = 1; id < next; id += 2) expect(table.get(id)).toBe(map.get(id));
        expect(new Set(table.list())).toEqual(new Set(map.values()));
        table.clear();
        expect([table.size, table.list()]).toEqual([0, []]);
      }),
      { numRuns: Number(process.env["WEFT_RUNS"] ?? 300) },
    );
  });
});
