import { type CtxKey, ctxKey } from "./ctx.ts";
import { hasFlag } from "./errors.ts";

/** What an answer or a failure means to whoever counts or retries it. */
export type ResponseClass = "success" | "retryable" | "failure" | "ignorable";

/**
 * Judges an ended call. Shape: one per stack; `rep` is undefined when the call failed before its head.
 * Cost: called once per counted layer per request, so it must not allocate.
 */
export interface Classifier {
  readonly name: string;
  classify(req: unknown, rep: unknown, error: Error | undefined): ResponseClass;
}

/** The classifier of the service that a call is for: the path stack sets it, the layers below count by it. */
export const ClassifierKey: CtxKey<Classifier | undefined> = ctxKey<Classifier | undefined>("classifier", undefined);

/** Every answer is a success and every failure one, save those that say they count for nothing. */
export const defaultClassifier: Classifier = {
  name: "default",
  classify: (_req, _rep, error) =>
    error === undefined ? "success" : hasFlag(error, "ignorable") ? "ignorable" : "failure",
};
