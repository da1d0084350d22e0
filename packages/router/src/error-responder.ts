import type { RateLimitedError } from "@weftmesh/admission";
import { type Ctx, hasFlag } from "@weftmesh/core";
import {
  bytesBody,
  emptyBody,
  type HeaderField,
  Headers,
  type HttpRequest,
  type HttpResponse,
  type HttpVersion,
  headerField,
  Names,
} from "@weftmesh/http";
import type { Dtab } from "@weftmesh/naming";
import { ErrorResponse } from "./error-response.ts";
import { type FailureKind, newFailureReporter } from "./failure-report.ts";
import { formEncode } from "./form-encode.ts";
import { Finagle, L5d } from "./linkerd-headers.ts";

export interface ErrorResponderOptions {
  readonly baseDtab: Dtab;
  /** Bytes of the message in a body at most. */
  readonly maxBodyBytes: number;
  /** Bytes of the message in `l5d-err` at most. */
  readonly maxHeaderBytes: number;
  /** Told of each failure that is neither the caller's fault nor an expected refusal. */
  readonly log: (message: string) => void;
}

/** Turns the failure of a call into the answer to it. */
export type ErrorResponder = (error: Error, req: HttpRequest, ctx: Ctx) => HttpResponse;

const text: HeaderField = headerField(Names.contentType, "text/plain");
const retryable: HeaderField = headerField(L5d.retryable, "true");
const nack: HeaderField = headerField(Finagle.nack, "true");
const nonRetryableNack: HeaderField = headerField(Finagle.nonRetryableNack, "true");
const retryNow: HeaderField = headerField(Names.retryAfter, "0");

// The words of Finagle, which its clients show.
const nackMessage = "Request was not processed by the server due to an error and is safe to retry";
const nonRetryableNackMessage = "Request was not processed by the server and should not be retried";

/** The statuses of a Linkerd 1 http router; a refusal has headers of its own. */
const statuses: Readonly<Record<Exclude<FailureKind, "refused" | "rateLimited">, number>> = {
  unidentified: 400,
  badRequest: 400,
  noRoute: 502,
  noConnection: 502,
  tooLong: 413,
  forbidden: 403,
  timeout: 503,
  broken: 502,
};

/** An answer that says in `l5d-err` and in its body what went wrong. */
export function errorAnswer(
  status: number,
  message: string,
  maxBodyBytes: number,
  maxHeaderBytes: number,
  version: HttpVersion = "1.1",
): ErrorResponse {
  const bytes = Buffer.from(message, "utf8");
  const body = bytes.length === 0 ? emptyBody : bytesBody(bytes.subarray(0, maxBodyBytes));
  const headers = new Headers();
  headers.addField(text);
  headers.add(Names.contentLength, String(body.length));
  headers.add(L5d.err, formEncode(message, maxHeaderBytes));
  return new ErrorResponse(status, headers, body, version);
}

/**
 * The only place where errors become responses: the server's codec asks it when a call has failed.
 *
 * Source: the statuses and messages are those of a Linkerd 1 http router.
 */
export function newErrorResponder(options: ErrorResponderOptions): ErrorResponder {
  const { baseDtab, maxBodyBytes, maxHeaderBytes } = options;

  function respond(status: number, message: string, error: Error): HttpResponse {
    const rep = errorAnswer(status, message, maxBodyBytes, maxHeaderBytes);
    const { headers } = rep;
    if (hasFlag(error, "retryable") && !hasFlag(error, "naming") && !hasFlag(error, "rejected")) {
      headers.addField(retryable);
    }
    return rep;
  }

  /** A refusal before any work was done. A request of unknown length cannot be sent again by whoever sent it. */
  function refuse(error: Error, req: HttpRequest): HttpResponse {
    const isFinal = req.body.length === undefined || hasFlag(error, "nonRetryable");
    const rep = respond(503, isFinal ? nonRetryableNackMessage : nackMessage, error);
    if (isFinal) rep.headers.addField(nonRetryableNack);
    else rep.headers.addField(nack).addField(retryNow);
    return rep;
  }

  function tooMany(error: RateLimitedError): HttpResponse {
    const rep = respond(429, error.message, error);
    rep.headers.add(Names.retryAfter, String(error.retryAfterSeconds));
    return rep;
  }

  const reportOf = newFailureReporter(baseDtab, options.log);
  return (error, req, ctx) => {
    const { kind, message } = reportOf(error, ctx);
    if (kind === "refused") return refuse(error, req);
    if (kind === "rateLimited") return tooMany(error as RateLimitedError);
    return respond(statuses[kind], message, error);
  };
}
