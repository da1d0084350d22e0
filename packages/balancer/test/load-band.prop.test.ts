import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LoadBand, type LoadBandOptions } from "../src/index.ts";

class Steps {
  widens = 0;
  narrows = 0;
  widened(): void {
    this.widens++;
  }
  narrowed(): void {
    this.narrows++;
  }
}

function band(options: LoadBandOptions = {}, min = 1, max = 1_000_000): { band: LoadBand; steps: Steps } {
  const steps = new Steps();
  const made = new LoadBand(options, steps, 0);
  made.fit(min, max);
  return { band: made, steps };
}

const arbOptions = fc
  .record({ low: fc.double({ min: 0, max: 2, noNaN: true }), by: fc.double({ min: 0.1, max: 4, noNaN: true }) })
  .map(({ low, by }) => ({ lowLoad: low, highLoad: low + by }));

describe("LoadBand", () => {
  it("stays within its bounds and takes one step at most per call that begins or ends, each of them told", () => {
    fc.assert(
      fc.property(
        arbOptions,
        fc.nat(5000),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 30 }),
        fc.array(fc.record({ afterMs: fc.nat(2000), begins: fc.boolean() }), { maxLength: 200 }),
        (options, smoothWindowMs, min, max, events) => {
          const { band: subject, steps } = band({ ...options, smoothWindowMs }, min, max);
          let inFlight = 0;
          let nowMs = 0;
          for (const { afterMs, begins } of events) {
            if (!begins && inFlight === 0) continue;
            nowMs += afterMs;
            inFlight += begins ? 1 : -1;
            const { width } = subject;
            const [wide, narrow] = [steps.widens, steps.narrows];
            const load = subject.average(nowMs);
            subject.changed(begins ? 1 : -1, nowMs, true);
            const load2 = (smoothWindowMs === 0 ? inFlight : load) / width;
            const expected =
              load2 >= options.highLoad
                ? Math.min(width + 1, max)
                : load2 <= options.lowLoad
                  ? Math.max(width - 1, Math.min(min, max))
                  : width;
            expect(subject.width).toBe(expected);
            expect([steps.widens - wide, steps.narrows - narrow]).toEqual([
              Math.max(expected - width, 0),
              Math.max(width - expected, 0),
            ]);
          }
        },
      ),
    );
  });

  it("is as wide as the calls in flight by the upper load, give or take one, as they grow one by one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.constantFrom(1.125, 2, 5), (calls, highLoad) => {
        const { band: subject } = band({ smoothWindowMs: 0, highLoad });
        for (let i = 1; i <= calls; i++) {
          subject.changed(1, 0, true);
          expect(Math.abs(i / highLoad - subject.width)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it("comes back into the band after a fall, however far it lags behind at first", () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 300 }), fc.integer({ min: 3, max: 20 }), (from, to) => {
        const { band: subject } = band({ smoothWindowMs: 0, lowLoad: 0.875, highLoad: 1.125 });
        for (let i = 0; i < from; i++) subject.changed(1, 0, true);
        for (let i = from; i > to; i--) subject.changed(-1, 0, true);
        for (let i = 0; i < 2 * from; i++) {
          subject.changed(-1, 0, true);
          subject.changed(1, 0, true);
        }
        // One more than that: the call that ends makes the load lower for a moment.
        expect(to / 1.125).toBeLessThanOrEqual(subject.width + 1);
        expect(subject.width).toBeLessThanOrEqual(Math.max(1, to / 0.875));
      }),
    );
  });

  it("leaves the width alone while the load stays within the band", () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 200 }), fc.array(fc.boolean(), { maxLength: 100 }), (calls, moves) => {
        const { band: subject } = band({ smoothWindowMs: 0 });
        for (let i = 0; i < calls; i++) subject.changed(1, 0, true);
        const { width } = subject;
        let inFlight = calls;
        for (const up of moves) {
          const next = inFlight + (up ? 1 : -1);
          if (next / width >= 2 || next / width <= 0.5) continue;
          inFlight = next;
          subject.changed(up ? 1 : -1, 0, true);
          expect(subject.width).toBe(width);
        }
      }),
    );
  });

  it("averages what was in flight over time: exactly, and the same however often it is asked", () => {
    const windowMs = 1000;
    fc.assert(
      fc.property(
        fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 3000 }), begins: fc.boolean() }), { minLength: 1 }),
        fc.nat(3000),
        (events, laterMs) => {
          const { band: subject } = band({ smoothWindowMs: windowMs });
          const history: { fromMs: number; inFlight: number }[] = [{ fromMs: 0, inFlight: 0 }];
          let nowMs = 0;
          for (const { afterMs, begins } of events) {
            nowMs += afterMs;
            const inFlight = (history.at(-1) as { inFlight: number }).inFlight + (begins ? 1 : -1);
            if (inFlight < 0) continue;
            subject.average(nowMs - afterMs / 2);
            subject.changed(begins ? 1 : -1, nowMs, true);
            history.push({ fromMs: nowMs, inFlight });
          }
          const endMs = nowMs + laterMs;
          // The integral of what was in flight, each moment by how long ago it was.
          let expected = 0;
          for (const [i, { fromMs, inFlight }] of history.entries()) {
            const toMs = history[i + 1]?.fromMs ?? endMs;
            expected += inFlight * (Math.exp((toMs - endMs) / windowMs) - Math.exp((fromMs - endMs) / windowMs));
          }
          expect(subject.average(endMs)).toBeCloseTo(expected, 9);
        },
      ),
    );
  });

  it("sees a client whose calls follow each other without a gap as one call in flight, not as idle", () => {
    const { band: subject } = band({ smoothWindowMs: 1000 });
    for (let nowMs = 0; nowMs < 20_000; nowMs += 100) {
      subject.changed(1, nowMs, true);
      subject.changed(-1, nowMs + 100, true);
    }
    expect(subject.average(20_000)).toBeCloseTo(1, 6);
  });

  it("settles where the average is within the band, at any rate of calls", () => {
    for (const inFlight of [1, 3, 10, 50, 200]) {
      const rng = seededRng(inFlight);
      const { band: subject } = band({}, 1, 1000);
      let open = 0;
      for (let nowMs = 0; nowMs < 120_000; nowMs += 10) {
        // Calls begin and end with the same chance where as many are in flight as there should be.
        const begins = rng.next() * 2 * inFlight > open;
        if (!begins && open === 0) continue;
        open += begins ? 1 : -1;
        subject.changed(begins ? 1 : -1, nowMs, true);
      }
      const load = subject.average(120_000) / subject.width;
      expect(load).toBeLessThan(2.2);
      if (subject.width > 1) expect(load).toBeGreaterThan(0.45);
    }
  });

  it("keeps its width through other bounds as far as they let it, and takes no step where it is told not to", () => {
    const { band: subject, steps } = band({ smoothWindowMs: 0 }, 3, 10);
    expect(subject.width).toBe(3);
    for (let i = 0; i < 100; i++) subject.changed(1, 0, true);
    expect([subject.width, steps.widens]).toEqual([10, 7]);
    subject.fit(3, 5);
    expect(subject.width).toBe(5);
    subject.fit(8, 20);
    expect(subject.width).toBe(8);
    subject.fit(12, 6);
    expect(subject.width).toBe(6);
    subject.fit(1, 0);
    expect(subject.width).toBe(1);
    subject.fit(1, 9);
    subject.changed(1, 0, false);
    expect([subject.width, subject.average(0)]).toEqual([1, 101]);
  });

  it("takes a step where the load is at a border exactly", () => {
    const { band: subject, steps } = band({ smoothWindowMs: 0, lowLoad: 1, highLoad: 3 }, 1, 10);
    for (let i = 0; i < 3; i++) subject.changed(1, 0, true);
    expect([subject.width, steps.widens]).toEqual([2, 1]);
    subject.changed(1, 0, true);
    subject.changed(-1, 0, true);
    expect([subject.width, steps.narrows]).toEqual([2, 0]);
    subject.changed(-1, 0, true);
    expect([subject.width, steps.narrows]).toEqual([1, 1]);
  });

  it("forgets what is in flight to endpoints that are gone, and not the average", () => {
    const { band: subject } = band({ smoothWindowMs: 1000 });
    for (let i = 0; i < 8; i++) subject.changed(1, 0, true);
    subject.recount(2, 1000);
    expect(subject.average(1000)).toBeCloseTo(8 * (1 - Math.exp(-1)), 9);
    expect(subject.average(100_000)).toBeCloseTo(2, 9);
    // A clock that goes back has no time in it.
    expect(subject.average(500)).toBeCloseTo(8 * (1 - Math.exp(-1)), 9);
    subject.recount(2, 500);
    expect(subject.average(1000)).toBeCloseTo(8 * (1 - Math.exp(-1)), 9);
  });

  it("refuses a band that is none", () => {
    for (const options of [
      { lowLoad: -1 },
      { lowLoad: 2 },
      { lowLoad: 3 },
      { highLoad: Number.NaN },
      { lowLoad: Number.NaN },
      { smoothWindowMs: -1 },
      { smoothWindowMs: Number.NaN },
    ]) {
      expect(() => band(options)).toThrow(RangeError);
    }
  });
});
