import { ClassifierKey, type Ctx, defaultClassifier, hasFlag } from "@weftmesh/core";

/** What a call says of its endpoint. `limited`: it answered, but that it was asked too much. */
export type Verdict = "success" | "failure" | "limited" | "ignorable";

type IsLimited = ((rep: unknown) => boolean) | undefined;

/** Whether an answer with a good head may be a failure by its end. */
export function judgesEnds(ctx: Ctx): boolean {
  return ctx.get(ClassifierKey)?.judgesEnds === true;
}

/** Of an answer by what of it has come: its head, or all of it. */
export function verdictOfHead(ctx: Ctx, req: unknown, rep: unknown, isLimited: IsLimited): Verdict {
  const verdict = classify(ctx, req, rep, undefined);
  return verdict === "success" && isLimited?.(rep) === true ? "limited" : verdict;
}

/** Of a call that failed; `rep` is the head of its answer, if there was one. */
export function verdictOfFailure(ctx: Ctx, req: unknown, rep: unknown, error: Error): Verdict {
  if (hasFlag(error, "ignorable")) return "ignorable";
  // Given up from above before there was an answer, and not for want of our own time: a client that broke off, sent
  // nonsense or gave us no time to speak of must not be able to get a healthy endpoint out.
  const { cancelled } = ctx;
  if (rep === undefined && cancelled !== undefined && isOfTheCaller(cancelled)) return "ignorable";
  return classify(ctx, req, rep, error);
}

/** A deadline that the caller brought is flagged as interrupted, and a timeout of ours is not. */
function isOfTheCaller(reason: Error): boolean {
  return !hasFlag(reason, "deadlineExceeded") || hasFlag(reason, "interrupted");
}

function classify(ctx: Ctx, req: unknown, rep: unknown, error: Error | undefined): Verdict {
  const classifier = ctx.get(ClassifierKey) ?? defaultClassifier;
  try {
    const kind = classifier.classify(req, rep, error);
    return kind === "retryable" ? "failure" : kind;
  } catch {
    // The classifier's fault and not the endpoint's; the stats modules count it.
    return "ignorable";
  }
}
