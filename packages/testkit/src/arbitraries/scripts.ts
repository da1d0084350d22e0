import fc from "fast-check";
import { type Answer, answerFail, answerNever, answerOk, answerThrow } from "../scripted-service.ts";

/** One step of a script: so long after the step before, this happens. */
export interface ScriptStep<Event> {
  readonly dtMs: number;
  readonly event: Event;
}

export interface ArbScriptOptions {
  /** A span that the subject cares about; steps just below, at and just above it are drawn often. */
  readonly windowMs?: number;
  /** 50 if not given. */
  readonly maxLength?: number;
}

/** Events in virtual time. Steps of 0 ms, 1 ms and about the window find most mistakes at edges. */
export function arbScript<Event>(
  event: fc.Arbitrary<Event>,
  options?: ArbScriptOptions,
): fc.Arbitrary<readonly ScriptStep<Event>[]> {
  const windowMs = options?.windowMs ?? 1000;
  const edges = fc.constantFrom(0, 1, Math.max(windowMs - 1, 0), windowMs, windowMs + 1);
  const dtMs = fc.oneof({ weight: 3, arbitrary: edges }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 5000 }) });
  return fc.array(fc.record({ dtMs, event }), { maxLength: options?.maxLength ?? 50 });
}

/** Latencies across the orders of magnitude, in ms. */
export const arbLatencyMs: fc.Arbitrary<number> = fc.constantFrom(0, 1, 10, 1000, 1_000_000);

/** What a peer may do with one call: mostly answer, now and then each of the ways to fail. */
export function arbOutcome<Rep>(rep: fc.Arbitrary<Rep>): fc.Arbitrary<Answer<Rep>> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.tuple(rep, arbLatencyMs).map(([each, ms]): Answer<Rep> => answerOk(each, ms)) },
    { weight: 1, arbitrary: arbLatencyMs.map((ms): Answer<Rep> => answerFail(["retryable"], ms)) },
    { weight: 1, arbitrary: arbLatencyMs.map((ms): Answer<Rep> => answerFail(["nonRetryable"], ms)) },
    { weight: 1, arbitrary: arbLatencyMs.map((ms): Answer<Rep> => answerFail(["ignorable"], ms)) },
    { weight: 1, arbitrary: fc.constant<Answer<Rep>>(answerNever) },
    { weight: 1, arbitrary: fc.constant<Answer<Rep>>(answerThrow()) },
  );
}
