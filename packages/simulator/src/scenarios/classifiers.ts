import { type Classifier, hasFlag } from "@weftmesh/core";
import type { HttpResponse } from "@weftmesh/http";

function statusClassifier(name: string, retries: boolean): Classifier {
  return {
    name,
    classify(_req, rep, error) {
      if (error !== undefined) {
        if (hasFlag(error, "ignorable")) return "ignorable";
        return retries && !hasFlag(error, "nonRetryable") && !hasFlag(error, "interrupted") ? "retryable" : "failure";
      }
      const status = (rep as HttpResponse | undefined)?.status ?? 200;
      if (status < 500) return "success";
      return retries ? "retryable" : "failure";
    },
  };
}

/** Answers of 500 and above are failures, and the requests of these scenarios, which all read, may be sent again. */
export const readsMayBeRetried: Classifier = statusClassifier("retryableRead5XX", true);

/** The same failures, and none of them may be sent again. */
export const nothingMayBeRetried: Classifier = statusClassifier("nonRetryable5XX", false);
