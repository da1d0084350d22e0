import { Metadata, status } from "@grpc/grpc-js";
import { CancelledError, ClosedError } from "@weftmesh/core";
import { nonRetryable } from "@weftmesh/retries";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GrpcStatusError, grpcClassifier, grpcPushBackMs, statusResponse } from "../src/index.ts";

const arbCode = fc.integer({ min: 0, max: 16 });
const arbCodes = fc.subarray(Array.from({ length: 16 }, (_, i) => i + 1));

describe("the gRPC classifier", () => {
  it("judges a status alike, whether it is an answer or the end of a stream", () => {
    fc.assert(
      fc.property(arbCode, arbCodes, arbCodes, (code, retryableCodes, failureCodes) => {
        const ended = { code, details: "", metadata: new Metadata() };
        const classifier = grpcClassifier({ retryableCodes, failureCodes });
        const verdict = classifier.classify(undefined, statusResponse(ended), undefined);
        const expected = retryableCodes.includes(code)
          ? "retryable"
          : failureCodes.includes(code)
            ? "failure"
            : "success";
        expect(verdict).toBe(expected);
        if (code !== status.OK) {
          expect(classifier.classify(undefined, undefined, new GrpcStatusError(ended))).toBe(expected);
        }
      }),
    );
  });

  it("retries UNAVAILABLE alone, and holds six statuses against an endpoint, if nothing else is said", () => {
    const classifier = grpcClassifier();
    const verdicts = Array.from({ length: 17 }, (_, code) =>
      classifier.classify(undefined, statusResponse({ code, details: "", metadata: new Metadata() }), undefined),
    );
    expect(verdicts.flatMap((each, code) => (each === "failure" ? [code] : []))).toEqual([2, 4, 7, 13, 15]);
    expect(verdicts.flatMap((each, code) => (each === "retryable" ? [code] : []))).toEqual([14]);
    expect(verdicts[0]).toBe("success");
  });

  it("judges failures without an answer by what they say", () => {
    const classifier = grpcClassifier();
    const of = (error: Error): string => classifier.classify(undefined, undefined, error);
    expect(of(new CancelledError())).toBe("ignorable");
    expect(of(new ClosedError("it"))).toBe("retryable");
    expect(of(nonRetryable(new ClosedError("it")))).toBe("failure");
    expect(of(new TypeError("no"))).toBe("failure");
  });

  it("refuses codes that are none", () => {
    expect(() => grpcClassifier({ retryableCodes: [0] })).toThrow(
      "retryableCodes must be whole numbers above 0, not 0",
    );
    expect(() => grpcClassifier({ failureCodes: [1.5] })).toThrow(RangeError);
  });
});

describe("grpc-retry-pushback-ms", () => {
  const of = (value: string | undefined, code: number = status.UNAVAILABLE): number | undefined => {
    const metadata = new Metadata();
    if (value !== undefined) metadata.set("grpc-retry-pushback-ms", value);
    return grpcPushBackMs(statusResponse({ code, details: "", metadata }));
  };

  it("is a time in ms, and anything else is no retry at all", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.nat().map(String), fc.integer().map(String), fc.string({ unit: "grapheme-ascii" })),
        (text) => {
          const ms = of(text);
          if (/^\d+$/.test(text)) expect(ms).toBe(Number(text));
          else expect(ms).toBe(Number.POSITIVE_INFINITY);
        },
      ),
    );
  });

  it("is nothing where the server says nothing, or all went well", () => {
    expect(of(undefined)).toBeUndefined();
    expect(of("5", status.OK)).toBeUndefined();
  });
});
