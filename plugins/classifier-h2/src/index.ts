export {
  allSuccessful,
  nonRetryable5XX,
  retryableAll5XX,
  retryableIdempotent5XX,
  retryableRead5XX,
} from "./classifiers.ts";
export { GrpcClassifier, type GrpcClassifierOptions } from "./grpc-classifier.ts";
export {
  grpcAlwaysRetryable,
  grpcCompliant,
  grpcDefault,
  grpcNeverRetryable,
  grpcRetryableStatusCodes,
} from "./grpc-classifiers.ts";
