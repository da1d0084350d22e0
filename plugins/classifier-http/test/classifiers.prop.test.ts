import { TrustRetryableParam } from "@weftmesh/classify";
import { CancelledError, type Classifier, type ErrorFlag, Params, type ResponseClass, WeftError } from "@weftmesh/core";
import { type Body, Headers, HttpRequest, HttpResponse, textBody } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import * as plugins from "../src/classifiers.ts";

/** The documented table, in words of its own. */
const retried: Readonly<Record<string, string>> = {
  "io.l5d.http.nonRetryable5XX": "",
  "io.l5d.http.retryableRead5XX": "GET HEAD OPTIONS TRACE",
  "io.l5d.http.retryableIdempotent5XX": "GET HEAD OPTIONS TRACE PUT DELETE",
  "io.l5d.http.retryableAll5XX": "GET HEAD OPTIONS TRACE PUT DELETE POST PATCH",
  "io.l5d.http.allSuccessful": "",
};
const all = Object.values(plugins);
const kinds = Object.keys(retried);

function classifierOf(kind: string, params: Params = Params.empty): Classifier {
  const plugin = all.find((each) => each.kind === kind);
  if (plugin === undefined) throw new Error(`no plugin ${kind}`);
  return plugin.make({}, params);
}

const chunked: Body = { length: undefined, pipe: () => ({ resume: () => {}, stop: () => {} }) };
const request = (method: string, body: Body = textBody("")): HttpRequest =>
  new HttpRequest("1.1", method, "http", "web", "/", new Headers(), body);
const response = (status: number, ...headers: string[]): HttpResponse =>
  new HttpResponse(status, Headers.of(...headers));

const kind = fc.constantFrom(...kinds);
const method = fc.constantFrom(
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PUT",
  "DELETE",
  "POST",
  "PATCH",
  "CONNECT",
  "PURGE",
  "get",
);
const status = fc.oneof(fc.integer({ min: 100, max: 599 }), fc.constantFrom(499, 500, 503, 599, 999));

describe("the five io.l5d.http classifiers", () => {
  it("are all there, and take no options", () => {
    expect(all.map((each) => each.kind).sort()).toEqual([...kinds].sort());
    for (const each of all) {
      expect(each.type).toBe("classifier");
      const schema = each.schema as z.ZodType;
      expect(schema.safeParse({}).success).toBe(true);
      expect(schema.safeParse({ methods: ["GET"] }).success).toBe(false);
    }
  });

  it("judge answers as the table of methods, statuses and kinds says, with both wrappers", () => {
    fc.assert(
      fc.property(kind, method, status, fc.boolean(), fc.boolean(), (name, verb, code, isChunked, saysRetryable) => {
        const rep = saysRetryable ? response(code, "l5d-retryable", "true") : response(code);
        const found = classifierOf(name).classify(request(verb, isChunked ? chunked : textBody("")), rep, undefined);
        let expected: ResponseClass = "failure";
        if (code < 500 || name === "io.l5d.http.allSuccessful") expected = "success";
        else if (isChunked) expected = "failure";
        else if ((retried[name] as string).split(" ").includes(verb) || saysRetryable) expected = "retryable";
        expect(found).toBe(expected);
      }),
    );
  });

  it("let a failure be sent again only when it may pass and the method is in the kind's list", () => {
    const flag = fc.constantFrom<ErrorFlag>("retryable", "nonRetryable", "rejected", "interrupted", "deadlineExceeded");
    const code = fc.constantFrom("WEFT_X", "WEFT_CONNECT_REFUSED", "WEFT_CONNECTION_LOST", "WEFT_PROTOCOL_RESPONSE");
    fc.assert(
      fc.property(kind, method, fc.uniqueArray(flag), code, fc.boolean(), (name, verb, flags, errorCode, isChunked) => {
        const error = new WeftError(errorCode, "x", { flags });
        const found = classifierOf(name).classify(request(verb, isChunked ? chunked : textBody("")), undefined, error);
        const mayPass =
          errorCode === "WEFT_PROTOCOL_RESPONSE" ||
          (!flags.includes("nonRetryable") &&
            (flags.includes("retryable") ||
              flags.includes("deadlineExceeded") ||
              (!flags.includes("interrupted") && errorCode !== "WEFT_X")));
        const expected = mayPass && !isChunked && (retried[name] as string).split(" ").includes(verb);
        expect(found).toBe(expected ? "retryable" : "failure");
      }),
      { numRuns: 1_000 },
    );
  });

  it("know a lost connection by the system's own code", () => {
    const reset = Object.assign(new Error("reset"), { code: "ECONNRESET" });
    expect(classifierOf("io.l5d.http.retryableRead5XX").classify(request("GET"), undefined, reset)).toBe("retryable");
    expect(classifierOf("io.l5d.http.nonRetryable5XX").classify(request("GET"), undefined, reset)).toBe("failure");
    const bug = new TypeError("x is not a function");
    expect(classifierOf("io.l5d.http.retryableAll5XX").classify(request("GET"), undefined, bug)).toBe("failure");
  });

  it("ignore a caller who went away, whatever the kind", () => {
    for (const name of kinds) {
      expect(classifierOf(name).classify(request("GET"), undefined, new CancelledError())).toBe("ignorable");
      expect(classifierOf(name).classify(request("GET"), response(200), new CancelledError())).toBe("ignorable");
    }
  });

  it("take a body that broke after a good head for a failure", () => {
    const broke = new WeftError("WEFT_X", "the body broke");
    for (const name of kinds) expect(classifierOf(name).classify(request("GET"), response(200), broke)).toBe("failure");
  });

  it("C7: do not believe l5d-retryable where the router does not trust its backends", () => {
    const distrusting = classifierOf("io.l5d.http.nonRetryable5XX", Params.empty.with(TrustRetryableParam, false));
    expect(distrusting.classify(request("POST"), response(503, "l5d-retryable", "true"), undefined)).toBe("failure");
    const trusting = classifierOf("io.l5d.http.nonRetryable5XX");
    expect(trusting.classify(request("POST"), response(503, "L5d-Retryable", "TRUE"), undefined)).toBe("retryable");
    expect(trusting.classify(request("POST"), response(503, "l5d-retryable", "1"), undefined)).toBe("failure");
  });
});
