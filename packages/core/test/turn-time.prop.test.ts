import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TurnTime } from "../src/turn-time.ts";

/** A machine whose time moves with each step, and whose turns end when the test says so. */
class FakeMachine {
  nowMs = 0;
  reads = 0;
  armed = 0;
  readonly time: TurnTime = new TurnTime(
    () => {
      this.reads++;
      return this.nowMs;
    },
    (fn) => {
      this.armed++;
      this.#endOfTurn.push(fn);
    },
  );
  readonly #endOfTurn: (() => void)[] = [];

  endTurn(): void {
    for (const fn of this.#endOfTurn.splice(0)) fn();
  }
}

type Step = { readonly step: "read"; readonly times: number } | { readonly step: "turn" };

const arbSteps = fc.array(
  fc.oneof(
    fc.record({ step: fc.constant("read" as const), times: fc.integer({ min: 1, max: 600 }) }),
    fc.record({ step: fc.constant("turn" as const) }),
  ) as fc.Arbitrary<Step>,
  { maxLength: 30 },
);

describe("the time of a turn", () => {
  it("is read once per turn and per 256 reads, never goes back, and is never older than that", () => {
    fc.assert(
      fc.property(arbSteps, (steps) => {
        const machine = new FakeMachine();
        let readsOfTurn = 0;
        let expectedReads = 0;
        let shownMs = -1;
        for (const each of steps) {
          if (each.step === "turn") {
            machine.endTurn();
            readsOfTurn = 0;
            continue;
          }
          for (let i = 0; i < each.times; i++) {
            machine.nowMs++;
            if (readsOfTurn % 256 === 0) {
              expectedReads++;
              shownMs = machine.nowMs;
            }
            readsOfTurn++;
            expect(machine.time.now()).toBe(shownMs);
            expect(machine.reads).toBe(expectedReads);
          }
        }
      }),
    );
  });

  it("asks for the end of a turn once per turn that read it, and not at all while nobody does", () => {
    fc.assert(
      fc.property(arbSteps, (steps) => {
        const machine = new FakeMachine();
        let turns = 0;
        let wasRead = false;
        for (const each of steps) {
          if (each.step === "turn") {
            machine.endTurn();
            wasRead = false;
          } else {
            for (let i = 0; i < each.times; i++) machine.time.now();
            if (!wasRead) turns++;
            wasRead = true;
          }
          expect(machine.armed).toBe(turns);
        }
      }),
    );
  });
});
