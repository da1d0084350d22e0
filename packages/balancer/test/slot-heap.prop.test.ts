import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SlotHeap } from "../src/slot-heap.ts";

const slots = 8;

type Step =
  | { readonly kind: "add" | "remove" | "scatter"; readonly slot: number }
  | { readonly kind: "set"; readonly slot: number; readonly key: number };

const arbStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("add" as const, "remove" as const, "scatter" as const), slot: fc.nat(slots - 1) }),
  fc.record({ kind: fc.constant("set" as const), slot: fc.nat(slots - 1), key: fc.nat(6) }),
);

/** Slots in the order of their places; none where places and slots do not agree. */
function layout(heap: SlotHeap): number[] {
  const byPlace = new Array<number>(heap.size).fill(-1);
  for (let slot = 0; slot < slots; slot++) {
    if (heap.has(slot) !== (heap.placeOf(slot) !== -1)) throw new Error(`slot ${slot} is in and is not`);
    if (heap.has(slot)) byPlace[heap.placeOf(slot)] = slot;
  }
  return byPlace;
}

describe("SlotHeap", () => {
  it("keeps its order and its places through any 400 changes", () => {
    fc.assert(
      fc.property(fc.array(arbStep, { minLength: 400, maxLength: 400 }), fc.integer(), (steps, seed) => {
        const keys = new Float64Array(slots);
        const heap = new SlotHeap(keys);
        const rng = seededRng(seed);
        const inside = new Set<number>();
        for (const step of steps) {
          const { slot } = step;
          if (step.kind === "add" && !inside.has(slot)) {
            heap.add(slot);
            inside.add(slot);
          } else if (step.kind === "remove" && inside.delete(slot)) heap.remove(slot);
          else if (step.kind === "scatter" && inside.has(slot)) {
            keys[slot] = 0;
            heap.scatter(slot, rng);
          } else if (step.kind === "set") {
            keys[slot] = step.key;
            if (inside.has(slot)) heap.moved(slot);
          }
          const order = layout(heap);
          const inOrder = order.every(
            (each, place) =>
              place === 0 || (keys[order[(place - 1) >> 1] as number] as number) <= (keys[each] as number),
          );
          const complete = order.length === inside.size && order.every((each) => inside.has(each));
          if (!inOrder || !complete || heap.first !== (order[0] ?? -1)) {
            expect.fail(`places ${order} of ${[...inside]}, keys ${keys}`);
          }
        }
      }),
    );
  });

  it("lets what fills a gap rise, where it belongs above its new place", () => {
    const keys = Float64Array.of(0, 10, 1, 11, 12, 2, 3);
    const heap = new SlotHeap(keys);
    for (let slot = 0; slot < 7; slot++) heap.add(slot);
    // The last, of key 3, goes to the place of slot 3, which is below slot 1 of key 10.
    heap.remove(3);
    expect([heap.placeOf(6), heap.placeOf(1)]).toEqual([1, 3]);
  });

  it("scatters to every place that order allows, with the same chance", () => {
    const calls = 50_000;
    const heap = new SlotHeap(new Float64Array(slots));
    for (let slot = 0; slot < slots; slot++) heap.add(slot);
    const rng = seededRng(5);
    const counts = new Array<number>(slots).fill(0);
    for (let i = 0; i < calls; i++) {
      heap.scatter(i % slots, rng);
      counts[heap.placeOf(i % slots)]!++;
    }
    for (const count of counts) {
      expect(Math.abs(count / calls - 1 / slots)).toBeLessThan(
        5 * Math.sqrt((1 / slots) * (1 - 1 / slots) * (1 / calls)),
      );
    }
  });
});
