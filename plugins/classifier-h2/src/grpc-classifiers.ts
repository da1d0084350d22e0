import { definePlugin, integer, type Plugin } from "@weftmesh/config";
import { hasFlag } from "@weftmesh/core";
import * as z from "zod";
import { GrpcClassifier, type GrpcClassifierOptions } from "./grpc-classifier.ts";

interface GrpcConfig {
  readonly successStatusCodes: readonly number[];
}

const statusCodes = (): z.ZodType<readonly number[]> =>
  z
    .array(integer(0, 2_147_483_647, "a status of gRPC: an integer from 0", 14))
    .meta({ expects: "a list of statuses of gRPC, such as [14]" });

const keys = () => ({
  successStatusCodes: statusCodes()
    .default([0])
    .describe("Statuses of gRPC that are successes") as unknown as z.ZodType<readonly number[]>,
});

const unavailable = 14;
/** Those that gRPC maps to UNAVAILABLE. */
const unavailableHttp: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const never = (): boolean => false;
const always = (): boolean => true;

type Rules = Omit<GrpcClassifierOptions, "name" | "successStatusCodes">;

function grpcPlugin(name: string, rules: Rules): Plugin<"classifier", GrpcConfig> {
  const kind = `io.l5d.h2.grpc.${name}`;
  return definePlugin<"classifier", GrpcConfig>({
    type: "classifier",
    kind,
    schema: z.strictObject(keys()),
    make: ({ successStatusCodes }) =>
      new GrpcClassifier({ ...rules, name: kind, successStatusCodes: new Set(successStatusCodes) }),
  });
}

/** UNAVAILABLE (14) may be sent again, and nothing else. */
export const grpcDefault: Plugin<"classifier", GrpcConfig> = grpcPlugin("default", {
  retryableStatus: (status) => status === unavailable,
  retryableHttpStatus: never,
  retryableError: never,
  retries: true,
});

/**
 * What gRPC itself calls unavailable may be sent again: status 14, a stream that was refused before any work was done,
 * and an HTTP 429, 502, 503 or 504.
 */
export const grpcCompliant: Plugin<"classifier", GrpcConfig> = grpcPlugin("compliant", {
  retryableStatus: (status) => status === unavailable,
  retryableHttpStatus: (status) => unavailableHttp.has(status),
  retryableError: (error) => hasFlag(error, "retryable"),
  retries: true,
});

/** Every failure may be sent again. */
export const grpcAlwaysRetryable: Plugin<"classifier", GrpcConfig> = grpcPlugin("alwaysRetryable", {
  retryableStatus: always,
  retryableHttpStatus: always,
  retryableError: always,
  retries: true,
});

/** No failure may be sent again. */
export const grpcNeverRetryable: Plugin<"classifier", GrpcConfig> = grpcPlugin("neverRetryable", {
  retryableStatus: never,
  retryableHttpStatus: never,
  retryableError: never,
  retries: false,
});

interface StatusCodesConfig extends GrpcConfig {
  readonly retryableStatusCodes: readonly number[];
}

/** The statuses of a list may be sent again. */
export const grpcRetryableStatusCodes: Plugin<"classifier", StatusCodesConfig> = definePlugin<
  "classifier",
  StatusCodesConfig
>({
  type: "classifier",
  kind: "io.l5d.h2.grpc.retryableStatusCodes",
  schema: z.strictObject({
    retryableStatusCodes: statusCodes().describe("Statuses of gRPC that may be sent again"),
    ...keys(),
  }),
  make: ({ retryableStatusCodes, successStatusCodes }) => {
    const codes = new Set(retryableStatusCodes);
    return new GrpcClassifier({
      name: "io.l5d.h2.grpc.retryableStatusCodes",
      successStatusCodes: new Set(successStatusCodes),
      retryableStatus: (status) => codes.has(status),
      retryableHttpStatus: never,
      retryableError: never,
      retries: codes.size > 0,
    });
  },
});
