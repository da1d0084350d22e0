import { Metadata, status } from "@grpc/grpc-js";
import { CancelledError, ClosedError, type ErrorFlag, WeftError } from "@weftmesh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GrpcCancelledError, GrpcConnectError, GrpcStatusError, statusOfError } from "../src/index.ts";

const flags: readonly ErrorFlag[] = [
  "retryable",
  "nonRetryable",
  "rejected",
  "interrupted",
  "ignorable",
  "deadlineExceeded",
  "naming",
];
const arbError = fc
  .record({
    code: fc.oneof(fc.constantFrom("WEFT_PROTOCOL_FRAME", "WEFT_CONNECTION_LOST", "WEFT_CLOSED"), fc.string()),
    message: fc.string(),
    flags: fc.subarray([...flags]),
  })
  .map(({ code, message, flags: chosen }) => new WeftError(code, message, { flags: chosen }));

describe("the status of an error", () => {
  it("is one of gRPC's and never OK, with the error's own words", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          arbError,
          fc.string().map((text) => new Error(text)),
        ),
        (error) => {
          const { code, details } = statusOfError(error);
          expect(status[code]).toBeTypeOf("string");
          expect(code).not.toBe(status.OK);
          expect(details).toBe(error.message);
        },
      ),
    );
  });

  it("is DEADLINE_EXCEEDED exactly where a time ran out, whatever else is said of it", () => {
    fc.assert(
      fc.property(arbError, (error) => {
        expect(statusOfError(error).code === status.DEADLINE_EXCEEDED).toBe(error.has("deadlineExceeded"));
      }),
    );
  });

  it("is UNAVAILABLE where sending again may help and nobody has given up", () => {
    fc.assert(
      fc.property(arbError, (error) => {
        fc.pre(!error.has("deadlineExceeded") && !error.has("interrupted") && !error.code.startsWith("WEFT_PROTOCOL_"));
        const unreached = error.has("retryable") || error.has("rejected") || error.has("naming");
        fc.pre(unreached || !error.code.startsWith("WEFT_C"));
        expect(statusOfError(error).code).toBe(unreached ? status.UNAVAILABLE : status.UNKNOWN);
      }),
    );
  });

  it("is the one that an error holds, unchanged", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 16 }), fc.string(), (code, details) => {
        const ended = { code, details, metadata: new Metadata() };
        expect(statusOfError(new GrpcStatusError(ended))).toBe(ended);
        expect(statusOfError(new GrpcCancelledError(code, details))).toMatchObject({ code, details });
      }),
    );
  });

  it("of the errors that there are", () => {
    expect(statusOfError(new CancelledError()).code).toBe(status.CANCELLED);
    expect(statusOfError(new ClosedError("it")).code).toBe(status.UNAVAILABLE);
    expect(statusOfError(new GrpcConnectError("WEFT_CONNECT_FAILED", "no")).code).toBe(status.UNAVAILABLE);
    expect(statusOfError(new WeftError("WEFT_PROTOCOL_FRAME", "no")).code).toBe(status.INTERNAL);
    expect(statusOfError(new TypeError("no")).code).toBe(status.UNKNOWN);
  });

  it("names the code of an error, for metrics", () => {
    const of = (code: number): string => new GrpcStatusError({ code, details: "", metadata: new Metadata() }).code;
    for (let code = 0; code <= 16; code++) expect(of(code)).toBe(`WEFT_GRPC_${status[code]}`);
    expect(of(77)).toBe("WEFT_GRPC_STATUS");
  });
});
