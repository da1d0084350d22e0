import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Distributor, type Taker } from "../src/distributor.ts";

class Handle {
  closed = 0;
  /** Who has it, of those that live. */
  holder: FakeWorker | undefined;

  close(): void {
    this.closed++;
  }
}

class FakeWorker implements Taker {
  readonly inbox: Handle[] = [];
  readonly open: Handle[] = [];

  take(handle: unknown): void {
    (handle as Handle).holder = this;
    this.inbox.push(handle as Handle);
  }
}

type Step =
  | { readonly do: "give" }
  | { readonly do: "add" }
  | { readonly do: "take" | "die" | "leave"; readonly at: number };

const arbStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ do: "give" }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "add" }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom("take", "take", "die", "leave"), at: fc.nat(4) }) as fc.Arbitrary<Step>,
  },
);

describe("a distributor", () => {
  it("loses no connection while workers come, leave and die, and closes its end of each once it was taken", () => {
    fc.assert(
      fc.property(fc.array(arbStep, { maxLength: 80 }), (steps) => {
        const distributor = new Distributor();
        const workers: FakeWorker[] = [];
        const handles: Handle[] = [];
        const lost = new Set<Handle>();
        for (const step of steps) {
          if (step.do === "give") {
            const handle = new Handle();
            handles.push(handle);
            distributor.give(handle, "a");
          } else if (step.do === "add") {
            const worker = new FakeWorker();
            workers.push(worker);
            distributor.add(worker);
          } else {
            const worker = workers[step.at];
            if (worker === undefined) continue;
            if (step.do === "take") {
              worker.open.push(...worker.inbox.splice(0));
              // None closes here: it has taken what it has open.
              distributor.took(worker, worker.open.length, worker.open.length);
            }
            if (step.do === "leave") distributor.leave(worker);
            if (step.do === "die") {
              workers.splice(step.at, 1);
              for (const each of worker.open) lost.add(each);
              worker.inbox.splice(0);
              distributor.remove(worker);
            }
          }
        }
        const held = workers.reduce((sum, each) => sum + each.inbox.length + each.open.length, 0);
        expect(held + distributor.waiting + lost.size).toBe(handles.length);
        for (const worker of workers) {
          for (const each of worker.open) expect(each.closed).toBe(1);
          for (const each of worker.inbox) expect(each.closed).toBe(0);
        }
      }),
    );
  });

  it("keeps workers within one connection of each other as long as none closes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.nat(100), (count, connections) => {
        const distributor = new Distributor();
        const workers = Array.from({ length: count }, () => new FakeWorker());
        for (const each of workers) distributor.add(each);
        for (let i = 0; i < connections; i++) distributor.give(new Handle(), "a");
        const given = workers.map((each) => each.inbox.length);
        expect(Math.max(...given) - Math.min(...given)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("gives a worker that comes late new connections until it has as many as the others", () => {
    const distributor = new Distributor();
    const [first, late] = [new FakeWorker(), new FakeWorker()];
    distributor.add(first);
    for (let i = 0; i < 10; i++) distributor.give(new Handle(), "a");
    distributor.took(first, 10, 6);
    distributor.add(late);
    for (let i = 0; i < 6; i++) distributor.give(new Handle(), "a");
    expect([first.inbox.length, late.inbox.length]).toEqual([10, 6]);
    expect([distributor.openOf(first), distributor.openOf(late)]).toEqual([6, 6]);
  });

  it("gives one that leaves nothing more, and closes what waits at the end", () => {
    const distributor = new Distributor();
    const worker = new FakeWorker();
    distributor.add(worker);
    distributor.give(new Handle(), "a");
    distributor.leave(worker);
    const late = new Handle();
    distributor.give(late, "a");
    expect([worker.inbox.length, distributor.waiting]).toEqual([1, 1]);
    distributor.close();
    expect([late.closed, distributor.waiting]).toEqual([1, 0]);
  });
});
