import type { RateLimitedError } from "@weftmesh/admission";
import { type Ctx, hasFlag, isWeftError } from "@weftmesh/core";
import {
  bytesBody,
  emptyBody,
  type HeaderField,
  Headers,
  type HttpRequest,
  type HttpResponse,
  headerField,
  Names,
} from "@weftmesh/http";
import type { Dtab } from "@weftmesh/naming";
import { ErrorResponse } from "./error-response.ts";
import { type EndpointError, noConnectionMessage, noRouteMessage } from "./failure-message.ts";
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

const badRequest = new Set([
  "WEFT_UNIDENTIFIED",
  "WEFT_DTAB_HEADER",
  "WEFT_NAME_SYNTAX",
  "WEFT_CALL_DEPTH",
  "WEFT_OVERRIDE_REFUSED",
]);
const noRoute = new Set(["WEFT_NO_BINDING", "WEFT_NO_ENDPOINTS"]);

/**
 * The only place where errors become responses: the server's codec asks it when a call has failed.
 *
 * Source: the statuses and messages are those of a Linkerd 1 http router.
 */
export function newErrorResponder(options: ErrorResponderOptions): ErrorResponder {
  const { baseDtab, maxBodyBytes, maxHeaderBytes } = options;

  function respond(status: number, message: string, error: Error): HttpResponse {
    const bytes = Buffer.from(message, "utf8");
    const body = bytes.length === 0 ? emptyBody : bytesBody(bytes.subarray(0, maxBodyBytes));
    const headers = new Headers();
    headers.addField(text);
    headers.add(Names.contentLength, String(body.length));
    headers.add(L5d.err, formEncode(message, maxHeaderBytes));
    if (hasFlag(error, "retryable") && !hasFlag(error, "naming") && !hasFlag(error, "rejected")) {
      headers.addField(retryable);
    }
    return new ErrorResponse(status, headers, body);
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

  return (error, req, ctx) => {
    const code = isWeftError(error) ? error.code : undefined;
    if (code !== undefined) {
      if (badRequest.has(code)) {
        // An identifier that broke is a fault of ours, whatever the client is told.
        if (error.cause !== undefined && !isWeftError(error.cause))
          options.log(`identification failed: ${error.message}`);
        return respond(400, error.message, error);
      }
      if (noRoute.has(code)) return respond(502, noRouteMessage(ctx, baseDtab), error);
      if (code.startsWith("WEFT_CONNECT_"))
        return respond(502, noConnectionMessage(ctx, error as EndpointError), error);
      if (code === "WEFT_REQUEST_TOO_LONG") return respond(413, error.message, error);
      if (code === "WEFT_FORBIDDEN") return respond(403, error.message, error);
      if (code === "WEFT_RATE_LIMITED") return tooMany(error as RateLimitedError);
      if (hasFlag(error, "deadlineExceeded")) return respond(503, error.message, error);
      if (hasFlag(error, "rejected")) return refuse(error, req);
    }
    options.log(`service failure: ${code ?? error.name}: ${error.message}`);
    // Linkerd shows why a name could not be bound as whoever binds it says it.
    const shown = code === "WEFT_BINDING_FAILED" && error.cause instanceof Error ? error.cause : error;
    return respond(502, shown.message === "" ? shown.name : shown.message, error);
  };
}
