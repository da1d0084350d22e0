import {
  allSuccessful,
  nonRetryable5XX,
  retryableAll5XX,
  retryableIdempotent5XX,
  retryableRead5XX,
} from "@weftmesh/classifier-http";
import type { AnyPlugin } from "@weftmesh/config";
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
import { httpProtocol } from "@weftmesh/protocol-http";
import { prometheusTelemeter } from "@weftmesh/telemeter-prometheus";

/** The plugins of the default distribution: take some away, or add your own, for a build of yours. */
export const standardPlugins: readonly AnyPlugin[] = [
  httpProtocol,
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
  fsNamer,
  rewriteNamer,
  staticNamer,
  prometheusTelemeter,
  rateLimitModule,
  adaptiveConcurrencyModule,
  loadSheddingModule,
  nackAdmissionModule,
];
