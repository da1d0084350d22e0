import { RateLimitedError } from "@weftmesh/admission";
import { CancelledError, Ctx, type ErrorFlag, WeftError } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest, type HttpResponse } from "@weftmesh/http";
import { Dtab } from "@weftmesh/naming";
import { StreamError, StreamReset } from "@weftmesh/transport-http2";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newH2Responder } from "../src/h2-responder.ts";

const logged: string[] = [];
const respond = newH2Responder({ baseDtab: Dtab.empty, log: (message) => logged.push(message) });

function ask(error: Error, type?: string): string {
  const headers = type === undefined ? new Headers() : Headers.of("content-type", type);
  const answer = respond(error, new HttpRequest("2", "POST", "http", "web", "/", headers, emptyBody), new Ctx());
  if (answer instanceof StreamReset) return `rst ${answer.http2Code}`;
  const status = answer.headers.get("grpc-status");
  return status === undefined ? String(answer.status) : `grpc ${status}`;
}

const weft = (code: string, ...flags: ErrorFlag[]): WeftError => new WeftError(code, "why", { flags });
const connect = Object.assign(weft("WEFT_CONNECT_REFUSED", "retryable"), { host: "h", port: 1 });

/** Failure, answer to anybody, answer to gRPC. */
const table: readonly (readonly [Error, string, string])[] = [
  [weft("WEFT_UNIDENTIFIED", "naming"), "rst 7", "grpc 5"],
  [weft("WEFT_DTAB_HEADER", "naming"), "400", "grpc 3"],
  [weft("WEFT_CALL_DEPTH"), "400", "grpc 3"],
  [weft("WEFT_NO_BINDING", "naming"), "502", "grpc 5"],
  [weft("WEFT_NO_ENDPOINTS", "naming", "retryable"), "502", "grpc 14"],
  [connect, "502", "grpc 14"],
  [weft("WEFT_FORBIDDEN"), "403", "grpc 7"],
  [new RateLimitedError("server" as never, 1, 3_000), "429", "grpc 8"],
  [weft("WEFT_REQUEST_TIMEOUT", "deadlineExceeded"), "rst 2", "grpc 4"],
  [weft("WEFT_DEADLINE", "deadlineExceeded", "interrupted"), "rst 2", "grpc 4"],
  [weft("WEFT_OVERLOADED", "rejected", "retryable"), "rst 7", "grpc 8"],
  [weft("WEFT_FAILFAST", "rejected", "retryable"), "rst 7", "grpc 14"],
  [weft("WEFT_CONNECTION_LOST"), "rst 2", "grpc 14"],
  [new CancelledError(), "rst 8", "grpc 13"],
  [new TypeError("a bug"), "rst 2", "grpc 13"],
];

describe("the answer of an h2 router to a failure", () => {
  it.each(table.map(([error, plain, grpc]) => [Reflect.get(error, "code") ?? error.name, error, plain, grpc] as const))(
    "%s",
    (_name, error, plain, grpc) => {
      expect(ask(error)).toBe(plain);
      expect(ask(error, "text/plain")).toBe(plain);
      expect(ask(error, "application/grpc-web+proto")).toBe(plain);
      expect(ask(error, "application/grpc")).toBe(grpc);
      expect(ask(error, "application/grpc+json")).toBe(grpc);
    },
  );

  it("is the backend's own reset, whoever asks", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 13 }), fc.boolean(), (code, isGrpc) => {
        const error = new StreamError(code, "the backend reset it", { remote: true });
        expect(ask(error, isGrpc ? "application/grpc" : undefined)).toBe(`rst ${code}`);
      }),
    );
  });

  it("A59: says of gRPC's in any words what may stand in a header, in a head that is all there is of it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 3000 }), (message) => {
        const req = new HttpRequest(
          "2",
          "POST",
          "http",
          "w",
          "/",
          Headers.of("content-type", "application/grpc"),
          emptyBody,
        );
        const rep = respond(new WeftError("WEFT_X", message), req, new Ctx()) as HttpResponse;
        expect([rep.status, rep.body, rep.version]).toEqual([200, emptyBody, "2"]);
        const said = rep.headers.get("grpc-message") ?? "";
        expect(said).toMatch(/^[\x20-\x7e]*$/);
        expect(said.length).toBeLessThanOrEqual(1_024 * 12);
        if (message !== "" && message.length <= 1_024 && !/[\ud800-\udfff]/.test(message)) {
          expect(decodeURIComponent(said)).toBe(message);
        }
      }),
    );
  });

  it("tells the log of what nobody expects, and of nothing else", () => {
    logged.length = 0;
    for (const [error] of table) ask(error);
    expect(logged.length).toBe(3);
  });

  it("says when a limited rate lets the client come again", () => {
    const req = new HttpRequest("2", "GET", "http", "w", "/", new Headers(), emptyBody);
    const rep = respond(new RateLimitedError("server" as never, 1, 2_500), req, new Ctx()) as HttpResponse;
    expect(rep.headers.get("retry-after")).toBe("3");
  });
});
