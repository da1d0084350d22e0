import {
  grpcAlwaysRetryable,
  grpcCompliant,
  grpcDefault,
  grpcNeverRetryable,
  grpcRetryableStatusCodes,
  allSuccessful as h2AllSuccessful,
  nonRetryable5XX as h2NonRetryable5XX,
  retryableAll5XX as h2RetryableAll5XX,
  retryableIdempotent5XX as h2RetryableIdempotent5XX,
  retryableRead5XX as h2RetryableRead5XX,
} from "@weftmesh/classifier-h2";
import {
  allSuccessful,
  nonRetryable5XX,
  retryableAll5XX,
  retryableIdempotent5XX,
  retryableRead5XX,
} from "@weftmesh/classifier-http";
import type { AnyPlugin } from "@weftmesh/config";
import { headerTokenIdentifier as h2HeaderTokenIdentifier, headerPathIdentifier } from "@weftmesh/identifier-h2";
import {
  headerIdentifier,
  headerTokenIdentifier,
  methodAndHostIdentifier,
  pathIdentifier,
  staticIdentifier,
} from "@weftmesh/identifier-http";
import {
  adaptiveConcurrencyModule,
  loadSheddingModule,
  nackAdmissionModule,
  rateLimitModule,
} from "@weftmesh/module-admission";
import { fsNamer } from "@weftmesh/namer-fs";
import { rewriteNamer } from "@weftmesh/namer-rewrite";
import { staticNamer } from "@weftmesh/namer-static";
import { h2Protocol } from "@weftmesh/protocol-h2";
import { httpProtocol } from "@weftmesh/protocol-http";
import { prometheusTelemeter } from "@weftmesh/telemeter-prometheus";

/** The plugins of the default distribution: take some away, or add your own, for a build of yours. */
export const standardPlugins: readonly AnyPlugin[] = [
  httpProtocol,
  h2Protocol,
  headerTokenIdentifier,
  headerIdentifier,
  pathIdentifier,
  methodAndHostIdentifier,
  staticIdentifier,
  nonRetryable5XX,
  retryableRead5XX,
  retryableIdempotent5XX,
  retryableAll5XX,
  allSuccessful,
  h2HeaderTokenIdentifier,
  headerPathIdentifier,
  h2NonRetryable5XX,
  h2RetryableRead5XX,
  h2RetryableIdempotent5XX,
  h2RetryableAll5XX,
  h2AllSuccessful,
  grpcDefault,
  grpcCompliant,
  grpcAlwaysRetryable,
  grpcNeverRetryable,
  grpcRetryableStatusCodes,
  fsNamer,
  rewriteNamer,
  staticNamer,
  prometheusTelemeter,
  rateLimitModule,
  adaptiveConcurrencyModule,
  loadSheddingModule,
  nackAdmissionModule,
];
