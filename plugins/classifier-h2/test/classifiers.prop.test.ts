import { CancelledError, type Classifier, type ErrorFlag, Params, type ResponseClass, WeftError } from "@weftmesh/core";
import { type Body, emptyBody, Headers, HttpRequest, HttpResponse } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import * as plugins from "../src/index.ts";

const retried: Readonly<Record<string, string>> = {
  "io.l5d.h2.nonRetryable5XX": "",
  "io.l5d.h2.retryableRead5XX": "GET HEAD OPTIONS TRACE",
  "io.l5d.h2.retryableIdempotent5XX": "GET HEAD OPTIONS TRACE PUT DELETE",
  "io.l5d.h2.retryableAll5XX": "GET HEAD OPTIONS TRACE PUT DELETE POST PATCH",
  "io.l5d.h2.allSuccessful": "",
};
const { GrpcClassifier: _class, ...made } = plugins;
const all = Object.values(made);

function classifierOf(kind: string, config: object = {}): Classifier {
  const plugin = all.find((each) => each.kind === kind);
  if (plugin === undefined) throw new Error(`no plugin ${kind}`);
  return plugin.make((plugin.schema as z.ZodType).parse(config) as never, Params.empty);
}
const grpc = (name: string, config: object = {}): Classifier => classifierOf(`io.l5d.h2.grpc.${name}`, config);

const stream: Body = { length: undefined, pipe: () => ({ resume: () => {}, stop: () => {} }) };
const request = (method: string): HttpRequest =>
  new HttpRequest("2", method, "http", "web", "/", new Headers(), stream);
const post = request("POST");

/** An answer that has ended, as whoever ends calls leaves it. */
function ended(status: number, trailers?: Headers, headers: Headers = new Headers()): HttpResponse {
  const rep = new HttpResponse(status, headers, stream, "2");
  rep.bodyBytes = 5;
  rep.trailers = trailers;
  return rep;
}
const coming = (status: number): HttpResponse => new HttpResponse(status, new Headers(), stream, "2");
const status = (code: number | string): Headers => Headers.of("grpc-status", String(code));

describe("the io.l5d.h2 classifiers by status", () => {
  it("judge by the head as those of http do, also a stream of unknown length", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(retried)),
        fc.constantFrom("GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "CONNECT"),
        fc.integer({ min: 200, max: 599 }),
        (kind, method, code) => {
          let expected: ResponseClass = "success";
          if (code >= 500 && kind !== "io.l5d.h2.allSuccessful") {
            expected = retried[kind]?.split(" ").includes(method) === true ? "retryable" : "failure";
          }
          const classifier = classifierOf(kind);
          expect(classifier.classify(request(method), coming(code), undefined)).toBe(expected);
          expect(classifier.judgesEnds).not.toBe(true);
        },
      ),
    );
  });

  it("take a reset for a failure, and for a retryable one only where nothing was processed and the method is in the list", () => {
    const reset = new WeftError("WEFT_STREAM_RESET", "x");
    const refused = new WeftError("WEFT_STREAM_RESET", "x", { flags: ["retryable"] });
    for (const [kind, methods] of Object.entries(retried)) {
      for (const method of ["GET", "PUT", "POST"]) {
        const classifier = classifierOf(kind);
        expect(classifier.classify(request(method), coming(200), reset)).toBe("failure");
        const expected = methods.split(" ").includes(method) ? "retryable" : "failure";
        expect(classifier.classify(request(method), undefined, refused)).toBe(expected);
      }
    }
  });

  it("know no l5d-retryable", () => {
    const rep = new HttpResponse(503, Headers.of("l5d-retryable", "true"), emptyBody, "2");
    expect(classifierOf("io.l5d.h2.nonRetryable5XX").classify(post, rep, undefined)).toBe("failure");
  });
});

/** What the table of kinds says of a status that is no success, in words of its own. */
const mayRetry: Readonly<Record<string, (code: number, listed: readonly number[]) => boolean>> = {
  default: (code) => code === 14,
  compliant: (code) => code === 14,
  alwaysRetryable: () => true,
  neverRetryable: () => false,
  retryableStatusCodes: (code, listed) => listed.includes(code),
};
const kinds = Object.keys(mayRetry);
const code = fc.oneof(fc.integer({ min: 0, max: 17 }), fc.constantFrom(99, 1000));

describe("the io.l5d.h2.grpc classifiers", () => {
  it("judge by grpc-status, in the trailers or in a head that is all there is", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        code,
        fc.uniqueArray(code, { maxLength: 4 }),
        fc.option(fc.uniqueArray(code, { maxLength: 4 }), { nil: undefined }),
        fc.boolean(),
        (kind, found, listed, successes, trailersOnly) => {
          const classifier = grpc(kind, {
            ...(kind === "retryableStatusCodes" ? { retryableStatusCodes: listed } : {}),
            ...(successes === undefined ? {} : { successStatusCodes: successes }),
          });
          const rep = trailersOnly ? new HttpResponse(200, status(found), emptyBody, "2") : ended(200, status(found));
          let expected: ResponseClass = mayRetry[kind]?.(found, listed) === true ? "retryable" : "failure";
          if ((successes ?? [0]).includes(found)) expected = "success";
          expect(classifier.classify(post, rep, undefined)).toBe(expected);
          expect(classifier.judgesEnds).toBe(true);
          expect(classifier.mayTurnRetryable?.(post, rep)).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("take a stream that ended without a status, or with one that nobody can read, for a failure", () => {
    for (const kind of kinds) {
      const config = kind === "retryableStatusCodes" ? { retryableStatusCodes: [14] } : {};
      expect(grpc(kind, config).classify(post, ended(200), undefined)).toBe("failure");
      expect(grpc(kind, config).classify(post, ended(200, Headers.of("x", "0")), undefined)).toBe("failure");
      expect(grpc(kind, config).classify(post, new HttpResponse(200), undefined)).toBe("failure");
    }
    for (const text of ["", "-1", "0x0", "ok", "99999999999"]) {
      expect([text, grpc("default").classify(post, ended(200, status(text)), undefined)]).toEqual([text, "failure"]);
    }
  });

  it("await the end of an answer that is coming, where it may bring a retry", () => {
    for (const [kind, awaits] of [
      ["default", true],
      ["compliant", true],
      ["alwaysRetryable", true],
      ["neverRetryable", false],
    ] as const) {
      expect(grpc(kind).classify(post, coming(200), undefined)).toBe("success");
      expect([kind, grpc(kind).mayTurnRetryable?.(post, coming(200))]).toEqual([kind, awaits]);
      expect(grpc(kind).mayTurnRetryable?.(post, coming(503))).toBe(false);
    }
    const none = grpc("retryableStatusCodes", { retryableStatusCodes: [] });
    expect(none.mayTurnRetryable?.(post, coming(200))).toBe(false);
  });

  it("take an HTTP status from 400 on for a failure; compliant retries those that mean unavailable", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("default", "compliant", "neverRetryable"),
        fc.integer({ min: 400, max: 599 }),
        (kind, http) => {
          const isRetried = kind === "compliant" && [429, 502, 503, 504].includes(http);
          expect(grpc(kind).classify(post, coming(http), undefined)).toBe(isRetried ? "retryable" : "failure");
        },
      ),
    );
  });

  it("retry a refused stream only where the kind says so, and never for a caller who gave up", () => {
    const failure = (...flags: ErrorFlag[]) => new WeftError("WEFT_STREAM_RESET", "x", { flags });
    expect(grpc("compliant").classify(post, undefined, failure("retryable"))).toBe("retryable");
    expect(grpc("compliant").classify(post, undefined, failure())).toBe("failure");
    expect(grpc("default").classify(post, undefined, failure("retryable"))).toBe("failure");
    expect(grpc("alwaysRetryable").classify(post, coming(200), failure())).toBe("retryable");
    expect(grpc("alwaysRetryable").classify(post, coming(200), failure("nonRetryable"))).toBe("failure");
    expect(grpc("alwaysRetryable").classify(post, undefined, failure("interrupted"))).toBe("failure");
    for (const kind of ["default", "compliant", "alwaysRetryable", "neverRetryable"]) {
      expect(grpc(kind).classify(post, coming(200), new CancelledError())).toBe("ignorable");
    }
  });

  it("refuse a config that they cannot mean", () => {
    expect(() => grpc("retryableStatusCodes")).toThrow();
    expect(() => grpc("default", { retryableStatusCodes: [14] })).toThrow();
    expect(() => grpc("default", { successStatusCodes: ["OK"] })).toThrow();
    expect(() => grpc("default", { successStatusCodes: [-1] })).toThrow();
  });
});
