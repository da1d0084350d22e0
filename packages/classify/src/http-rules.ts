import { retryableMethods } from "./http-classifier.ts";

/** What a kind of classifier makes of statuses and methods. */
export interface HttpRule {
  /** Methods whose failures may be sent again. */
  readonly methods: ReadonlySet<string>;
  /** The least status that is a failure. */
  readonly failsFrom: number;
}

export type HttpRuleName =
  | "nonRetryable5XX"
  | "retryableRead5XX"
  | "retryableIdempotent5XX"
  | "retryableAll5XX"
  | "allSuccessful";

/** Linkerd's five, by what their kinds end with in each version of HTTP. */
export const httpRules: Readonly<Record<HttpRuleName, HttpRule>> = {
  /** 5XX answers are failures, and none is sent again. */
  nonRetryable5XX: { methods: retryableMethods.none, failsFrom: 500 },
  /** Those of GET, HEAD, OPTIONS and TRACE may be sent again. */
  retryableRead5XX: { methods: retryableMethods.read, failsFrom: 500 },
  /** Those of the methods that read, of PUT and of DELETE may be sent again. */
  retryableIdempotent5XX: { methods: retryableMethods.idempotent, failsFrom: 500 },
  /** Those of every method but CONNECT may be sent again. */
  retryableAll5XX: { methods: retryableMethods.all, failsFrom: 500 },
  /** Every answer is a success, 5XX included. */
  allSuccessful: { methods: retryableMethods.none, failsFrom: Number.POSITIVE_INFINITY },
};
