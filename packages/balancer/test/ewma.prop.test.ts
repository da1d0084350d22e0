import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ewma } from "../src/index.ts";

const arbLatency = fc.double({ min: 0, max: 1e6, noNaN: true });
const arbScript = fc.array(fc.tuple(fc.double({ min: 0, max: 30_000, noNaN: true }), arbLatency), {
  minLength: 1,
  maxLength: 40,
});
const arbDecay = fc.double({ min: 1, max: 60_000, noNaN: true });

describe("Ewma", () => {
  it("is, since its last peak, the closed form of a moving average", () => {
    fc.assert(
      fc.property(arbDecay, arbScript, (decayMs, script) => {
        const ewma = new Ewma(decayMs);
        let nowMs = 0;
        /** What was observed since the last peak, with its moment. */
        let since: { atMs: number; value: number }[] = [];
        for (const [dtMs, value] of script) {
          nowMs += dtMs;
          const before = ewma.at(since.at(-1)?.atMs ?? 0);
          if (since.length === 0 || value > before) since = [{ atMs: nowMs, value }];
          else since.push({ atMs: nowMs, value });
          ewma.observe(value, nowMs);
          const first = since[0] as { atMs: number; value: number };
          // Every value fades by all the time that has passed since it was new.
          let expected = first.value * Math.exp(-(nowMs - first.atMs) / decayMs);
          for (let i = 1; i < since.length; i++) {
            const { atMs, value: each } = since[i] as { atMs: number; value: number };
            const gapMs = atMs - (since[i - 1] as { atMs: number }).atMs;
            expected += each * (1 - Math.exp(-gapMs / decayMs)) * Math.exp(-(nowMs - atMs) / decayMs);
          }
          expect(Math.abs(ewma.at(nowMs) - expected)).toBeLessThanOrEqual(1e-9 * Math.max(expected, 1));
        }
      }),
    );
  });

  it("jumps to a peak at once, and otherwise stays between the news and what it was", () => {
    fc.assert(
      fc.property(arbDecay, arbScript, (decayMs, script) => {
        const ewma = new Ewma(decayMs);
        let nowMs = 0;
        let stored = 0;
        for (const [dtMs, value] of script) {
          nowMs += dtMs;
          ewma.observe(value, nowMs);
          const now = ewma.at(nowMs);
          if (value > stored) expect(now).toBe(value);
          else {
            expect(now).toBeGreaterThanOrEqual(Math.min(value, stored) * (1 - 1e-12));
            expect(now).toBeLessThanOrEqual(stored * (1 + 1e-12));
          }
          stored = now;
        }
      }),
    );
  });

  it("fades exponentially without news, by half in 0.69 decay times, and reading it changes nothing", () => {
    fc.assert(
      fc.property(
        arbDecay,
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        fc.array(arbLatency),
        (decayMs, cost, reads) => {
          const ewma = new Ewma(decayMs);
          ewma.observe(cost, 500);
          for (const atMs of reads) {
            const expected = cost * Math.exp(-Math.max(atMs - 500, 0) / decayMs);
            expect(ewma.at(atMs)).toBeCloseTo(expected, 6);
            expect(ewma.at(atMs)).toBe(ewma.at(atMs));
          }
          expect(ewma.at(500 + decayMs * Math.LN2) / cost).toBeCloseTo(0.5, 9);
        },
      ),
    );
  });

  it("takes equal, earlier and negative times without harm, and a decay of nothing as the last value", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 60_000, noNaN: true }),
        fc.array(fc.tuple(arbLatency, fc.integer())),
        (decay, all) => {
          const ewma = new Ewma(decay);
          for (const [nowMs, latency] of all) {
            ewma.observe(latency, nowMs);
            expect(ewma.at(nowMs)).toBeGreaterThanOrEqual(0);
            expect(Number.isFinite(ewma.at(nowMs))).toBe(true);
          }
        },
      ),
    );
  });

  it("is the last value with no decay time, and nothing as soon as time moves on", () => {
    fc.assert(
      fc.property(fc.array(arbLatency, { minLength: 1 }), fc.boolean(), (values, sameTime) => {
        const ewma = new Ewma(0);
        values.forEach((value, i) => {
          const nowMs = sameTime ? 7 : i;
          ewma.observe(value, nowMs);
          expect(ewma.at(nowMs)).toBe(value);
          expect(ewma.at(nowMs + 0.001)).toBe(0);
        });
      }),
    );
  });
});
