import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventHeap, type HeapEvent } from "../src/event-heap.ts";

class Item implements HeapEvent {
  at = -1;
  readonly dueMs: number;
  readonly order: number;

  constructor(dueMs: number, order: number) {
    this.dueMs = dueMs;
    this.order = order;
  }
}

type Step = { readonly add: number } | { readonly pop: true } | { readonly delete: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ add: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 2, arbitrary: fc.constant({ pop: true } as const) },
  { weight: 2, arbitrary: fc.record({ delete: fc.nat(200) }) },
);

/** Enough to begin with that there are several levels. */
const bulk: fc.Arbitrary<Step[]> = fc.array(fc.record({ add: fc.integer({ min: 0, max: 1000 }) }), { maxLength: 150 });

describe("the event heap", () => {
  it("gives the same as a sorted list, whatever is added and deleted in between", () => {
    fc.assert(
      fc.property(bulk, fc.array(step, { maxLength: 200 }), (first, steps) => {
        const heap = new EventHeap<Item>();
        const model: Item[] = [];
        let order = 0;
        for (const each of [...first, ...steps]) {
          if ("add" in each) {
            const item = new Item(each.add, order++);
            heap.add(item);
            model.push(item);
            model.sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
          } else if ("pop" in each) {
            const first = model.shift();
            expect(heap.first).toBe(first);
            if (first !== undefined) expect(heap.delete(first)).toBe(true);
          } else if (model.length > 0) {
            const [item] = model.splice(each.delete % model.length, 1) as [Item];
            expect(heap.delete(item)).toBe(true);
            expect(heap.delete(item)).toBe(false);
          }
          expect(heap.size).toBe(model.length);
          expect(heap.first).toBe(model[0]);
        }
        const rest: Item[] = [];
        for (let item = heap.first; item !== undefined; item = heap.first) {
          heap.delete(item);
          rest.push(item);
        }
        expect(rest).toEqual(model);
      }),
    );
  });
});
