export {
  allSuccessful,
  nonRetryable5XX,
  retryableAll5XX,
  retryableIdempotent5XX,
  retryableRead5XX,
} from "./classifiers.ts";
