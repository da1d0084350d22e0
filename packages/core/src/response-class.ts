import { type CtxKey, ctxKey } from "./ctx.ts";
import { hasFlag } from "./errors.ts";

/** What an answer or a failure means to whoever counts or retries it. */
export type ResponseClass = "success" | "retryable" | "failure" | "ignorable";

/**
 * Judges calls. Shape: one per stack; `rep` is undefined when the call failed before its head. An answer that is still
 * coming is judged by what of it is here.
 * Cost: called once per counted layer per request, so it must not allocate.
 */
export interface Classifier {
  readonly name: string;
  classify(req: unknown, rep: unknown, error: Error | undefined): ResponseClass;
  /** Judges answers by their end, as where a status stands in the trailers: what it says of one that is still coming may change. */
  readonly judgesEnds?: boolean;
  /** Whether this answer, which is still coming, may turn out retryable: whoever retries waits for that. Absent for never. */
  mayTurnRetryable?(req: unknown, rep: unknown): boolean;
}

/** The classifier of the service that a call is for: the path stack sets it, the layers below count by it. */
export const ClassifierKey: CtxKey<Classifier | undefined> = ctxKey<Classifier | undefined>("classifier", undefined);

/** Every answer is a success and every failure one, save those that say they count for nothing. */
export const defaultClassifier: Classifier = {
  name: "default",
  classify: (_req, _rep, error) =>
    error === undefined ? "success" : hasFlag(error, "ignorable") ? "ignorable" : "failure",
};
