import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AdaptiveConcurrencyOptions, GradientLimit } from "../src/gradient-limit.ts";

const half = { next: () => 0.5 };

/** A limit that has measured a least latency, at 1000 ms; the next measurement is far away. */
function learned(options: AdaptiveConcurrencyOptions, minRttMs: number): GradientLimit {
  const limit = new GradientLimit({ minRttRequests: 1, minRttIntervalMs: 1e9, ...options }, half);
  limit.advance(1000 - minRttMs);
  limit.answered(1000 - minRttMs, limit.admitted(1), 1000);
  return limit;
}

/** One interval of answers that all take as long. */
function interval(limit: GradientLimit, sinceMs: number, answers: { latencyMs: number; count: number; peak: number }) {
  limit.admitted(answers.peak);
  for (let i = 0; i < answers.count; i++) limit.answered(sinceMs, false, sinceMs + answers.latencyMs);
}

describe("GradientLimit", () => {
  it("multiplies the limit by least latency over latency, and adds the root: exactly, within its bounds", () => {
    fc.assert(
      fc.property(
        fc.record({
          minLimit: fc.integer({ min: 1, max: 20 }),
          initial: fc.nat(200),
          more: fc.nat(500),
          buffer: fc.constantFrom(0, 0.1, 0.25, 1),
          minRttMs: fc.constantFrom(0.5, 1, 8, 100),
          latencyMs: fc.constantFrom(0.25, 1, 8, 11, 50, 400),
          peakShare: fc.constantFrom(0, 0.25, 0.49, 0.5, 0.51, 1),
        }),
        ({ minLimit, initial, more, buffer, minRttMs, latencyMs, peakShare }) => {
          const initialLimit = minLimit + initial;
          const maxLimit = initialLimit + more;
          const limit = learned({ minLimit, maxLimit, initialLimit, buffer }, minRttMs);
          expect([limit.minRttMs, limit.limit]).toEqual([minRttMs, initialLimit]);
          const peak = Math.max(Math.ceil(initialLimit * peakShare), 1);
          interval(limit, 1000, { latencyMs, count: 5, peak });
          limit.advance(1100 + latencyMs);
          const gradient = Math.min(Math.max((minRttMs * (1 + buffer)) / latencyMs, 0.5), 2);
          const scaled = initialLimit * gradient;
          const wanted = Math.floor(Math.min(Math.max(scaled + Math.sqrt(scaled), minLimit), maxLimit));
          const mayGrow = 2 * peak >= initialLimit;
          expect(limit.limit).toBe(wanted > initialLimit && !mayGrow ? initialLimit : wanted);
          expect([limit.gradient, limit.sampleRttMs]).toEqual([gradient, latencyMs]);
        },
      ),
    );
  });

  it("stays within its bounds, whole, and at the lowest while it measures, whatever happens", () => {
    const arbStep = fc.record({
      dtMs: fc.constantFrom(0, 1, 10, 99, 100, 101, 1000),
      latencyMs: fc.constantFrom(0, 0.001, 1, 5, 20, 3000),
      crowd: fc.nat(40),
      how: fc.constantFrom("answered" as const, "answered" as const, "timedOut" as const),
    });
    fc.assert(
      fc.property(fc.array(arbStep, { maxLength: 200, size: "max" }), fc.nat(), (steps, seed) => {
        const options = { minLimit: 2, maxLimit: 30, initialLimit: 10, minRttRequests: 3, minRttIntervalMs: 500 };
        const limit = new GradientLimit(options, seededRng(seed));
        let nowMs = 5000;
        for (const { dtMs, latencyMs, crowd, how } of steps) {
          nowMs += dtMs;
          limit.advance(nowMs);
          expect(Number.isInteger(limit.limit)).toBe(true);
          expect(limit.limit).toBeGreaterThanOrEqual(2);
          expect(limit.limit).toBeLessThanOrEqual(30);
          if (limit.measuring) expect(limit.limit).toBe(2);
          const quiet = limit.admitted(Math.min(crowd + 1, limit.limit));
          if (how === "answered") limit.answered(nowMs - latencyMs, quiet, nowMs);
          else limit.timedOut(nowMs - latencyMs, nowMs);
          expect(limit.gradient).toBeGreaterThanOrEqual(0.5);
          expect(limit.gradient).toBeLessThanOrEqual(2);
        }
      }),
    );
  });

  it("puts the next measurement off by the interval and at most the jitter, as chance has it", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.constantFrom(0, 0.15, 1),
        (chance, jitter) => {
          const limit = new GradientLimit(
            { minRttRequests: 1, minRttIntervalMs: 1000, jitter, minLimit: 1 },
            { next: () => chance },
          );
          limit.advance(0);
          limit.answered(0, limit.admitted(1), 0);
          const dueMs = 1000 * (1 + jitter * chance);
          limit.admitted(2);
          limit.advance(dueMs - 0.001);
          expect(limit.measuring).toBe(false);
          limit.advance(dueMs);
          expect(limit.measuring).toBe(true);
        },
      ),
    );
  });
});
