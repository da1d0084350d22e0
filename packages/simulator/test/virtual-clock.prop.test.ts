import type { Timer } from "@weftmesh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../src/virtual-clock.ts";

/** A timer that, when it fires, sets others and cancels some that were set before. */
interface Node {
  readonly afterMs: number;
  readonly children: readonly Node[];
  readonly cancels: readonly number[];
}

const node = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.record({
    afterMs: fc.oneof(fc.constantFrom(0, -1, 0.5), fc.integer({ min: 0, max: 30 })),
    children: fc.oneof({ maxDepth: 4 }, fc.constant([]), fc.array(tie("node"), { maxLength: 3 })),
    cancels: fc.array(fc.nat(20), { maxLength: 2 }),
  }),
})).node;

interface Fired {
  readonly id: number;
  readonly atMs: number;
}

/** What the laws say must happen, by the slowest way there is. */
function model(roots: readonly Node[]): Fired[] {
  interface Armed {
    readonly id: number;
    readonly dueMs: number;
    readonly node: Node;
  }
  const armed: Armed[] = [];
  const fired: Fired[] = [];
  let ids = 0;
  let nowMs = 0;
  const arm = (each: Node): void =>
    void armed.push({ id: ids++, dueMs: nowMs + Math.max(each.afterMs, 0), node: each });
  roots.forEach(arm);
  while (armed.length > 0) {
    armed.sort((a, b) => a.dueMs - b.dueMs || a.id - b.id);
    const next = armed.shift() as Armed;
    nowMs = next.dueMs;
    fired.push({ id: next.id, atMs: nowMs });
    next.node.children.forEach(arm);
    for (const cancel of next.node.cancels) {
      const at = armed.findIndex(({ id }) => id === cancel);
      if (at !== -1) armed.splice(at, 1);
    }
  }
  return fired;
}

async function play(
  roots: readonly Node[],
  stops: readonly number[],
): Promise<{ fired: Fired[]; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const timers: Timer[] = [];
  const fired: Fired[] = [];
  const arm = (each: Node): void => {
    const id = timers.length;
    const fire = (): void => {
      fired.push({ id, atMs: clock.now() });
      each.children.forEach(arm);
      for (const cancel of each.cancels) timers[cancel]?.cancel();
    };
    timers.push(clock.after(each.afterMs, fire));
  };
  roots.forEach(arm);
  for (const stop of stops) await clock.run(Math.max(stop, clock.now()));
  await clock.run(Number.POSITIVE_INFINITY);
  return { fired, clock };
}

describe("virtual time", () => {
  it("fires each timer once, at its time, by due time and then in the order in which it was set", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(node, { maxLength: 6 }), async (roots) => {
        const { fired, clock } = await play(roots, []);
        expect(fired).toEqual(model(roots));
        expect(clock.armed).toBe(0);
        expect(clock.fired).toBe(fired.length);
      }),
    );
  });

  it("passes in one go as in many", async () => {
    const stops = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(node, { maxLength: 6 }), stops, async (roots, at) => {
        const sorted = [...at].sort((a, b) => a - b);
        expect((await play(roots, sorted)).fired).toEqual(model(roots));
      }),
    );
  });

  it("lets everything that follows from an event happen before the next one, however long the chain", async () => {
    const chain = fc.record({ afterMs: fc.integer({ min: 0, max: 3 }), hops: fc.nat(60) });
    await fc.assert(
      fc.asyncProperty(fc.array(chain, { minLength: 1, maxLength: 20 }), async (chains) => {
        const clock = new VirtualClock();
        let running = 0;
        const overtaken: number[] = [];
        for (const { afterMs, hops } of chains) {
          clock.after(afterMs, () => {
            if (running > 0) overtaken.push(running);
            running++;
            void follow(hops).then(() => {
              running--;
            });
          });
        }
        await clock.run(10);
        expect(overtaken).toEqual([]);
        expect(running).toBe(0);
      }),
    );
  });
});

/** As many turns of the microtask queue as hops, some of them by `await` and some by a thenable. */
async function follow(hops: number): Promise<void> {
  for (let i = 0; i < hops; i++) {
    if (i % 3 === 0) await { then: (done: () => void) => done() };
    else await Promise.resolve();
  }
}
