export {
  allSuccessful,
  nonRetryable5XX,
  retryableAll5XX,
  retryableIdempotent5XX,
  retryableRead5XX,
} from "./classifiers.ts";
export { HttpClassifier, type HttpClassifierOptions, retryableMethods } from "./response-classifiers.ts";
