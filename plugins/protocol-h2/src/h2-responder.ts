import type { RateLimitedError } from "@weftmesh/admission";
import { type Ctx, hasFlag, isWeftError } from "@weftmesh/core";
import {
  encodeHeaderValue,
  Headers,
  Http2Code,
  type HttpRequest,
  type HttpResponse,
  Names,
  StreamError,
  StreamReset,
} from "@weftmesh/http";
import type { Dtab } from "@weftmesh/naming";
import { ErrorResponse, errorAnswer, type FailureKind, Grpc, L5d, newFailureReporter } from "@weftmesh/router";

export interface H2ResponderOptions {
  readonly baseDtab: Dtab;
  /** Told of each failure that is neither the caller's fault nor an expected refusal. */
  readonly log: (message: string) => void;
}

/** Turns the failure of a call into the answer to it, or into the code with which its stream is reset. */
export type H2Responder = (error: Error, req: HttpRequest, ctx: Ctx) => HttpResponse | StreamReset;

const maxBodyBytes = 5_242_880;
const maxHeaderBytes = 8_192;
const maxGrpcMessageChars = 1_024;

/** The statuses with a body; what is not here resets its stream. */
const statuses: Readonly<Partial<Record<FailureKind, number>>> = {
  badRequest: 400,
  noRoute: 502,
  noConnection: 502,
  tooLong: 413,
  forbidden: 403,
  rateLimited: 429,
};

/** As gRPC numbers them. */
const Code = {
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  Internal: 13,
  Unavailable: 14,
} as const;

const grpcStatuses: Readonly<Record<FailureKind, number>> = {
  unidentified: Code.NotFound,
  badRequest: Code.InvalidArgument,
  noRoute: Code.NotFound,
  noConnection: Code.Unavailable,
  tooLong: Code.ResourceExhausted,
  forbidden: Code.PermissionDenied,
  rateLimited: Code.ResourceExhausted,
  timeout: Code.DeadlineExceeded,
  refused: Code.ResourceExhausted,
  broken: Code.Internal,
};

/** Failures whose own codes say more than their kind. */
const grpcStatusOfCode: ReadonlyMap<string, number> = new Map([
  ["WEFT_NO_ENDPOINTS", Code.Unavailable],
  ["WEFT_FAILFAST", Code.Unavailable],
  ["WEFT_CONNECTION_LOST", Code.Unavailable],
  ["WEFT_CLOSED", Code.Unavailable],
  ["WEFT_POOL_DEAD_SESSION", Code.Unavailable],
  ["WEFT_BINDING_FAILED", Code.Unavailable],
]);

/**
 * The answers of an h2 router to calls that failed.
 *
 * Shape: a stream that a backend has reset is reset with the same code. A caller of gRPC (`content-type:
 * application/grpc`) has every other failure as a status of gRPC with its message, in a response of headers alone; any other
 * caller has a status and a text where Linkerd 1 has them, and a reset where it has that.
 */
export function newH2Responder({ baseDtab, log }: H2ResponderOptions): H2Responder {
  const reportOf = newFailureReporter(baseDtab, log);
  return (error, req, ctx) => {
    if (error instanceof StreamError) return new StreamReset(error.http2Code);
    const { kind, message } = reportOf(error, ctx);
    if (isGrpc(req)) return grpcAnswer(grpcStatusOf(kind, error), message);
    const status = statuses[kind];
    if (status === undefined) return new StreamReset(resetCode(kind, error));
    const rep = errorAnswer(status, message, maxBodyBytes, maxHeaderBytes, "2");
    if (kind === "rateLimited")
      rep.headers.add(Names.retryAfter, String((error as RateLimitedError).retryAfterSeconds));
    return rep;
  };
}

function isGrpc({ headers }: HttpRequest): boolean {
  const type = headers.get(Names.contentType);
  return type?.startsWith("application/grpc") === true && !type.startsWith("application/grpc-web");
}

function grpcStatusOf(kind: FailureKind, error: Error): number {
  const own = isWeftError(error) ? grpcStatusOfCode.get(error.code) : undefined;
  return own ?? grpcStatuses[kind];
}

/** Headers that are all there is of a response, as gRPC has them for a call that failed at once. */
function grpcAnswer(status: number, message: string): ErrorResponse {
  const text = encodeHeaderValue(message.slice(0, maxGrpcMessageChars));
  const headers = new Headers()
    .add(Names.contentType, "application/grpc")
    .add(Grpc.status, String(status))
    .add(Grpc.message, text)
    .add(L5d.err, text);
  return new ErrorResponse(200, headers, undefined, "2");
}

function resetCode(kind: FailureKind, error: Error): number {
  if (kind === "unidentified" || kind === "refused") return Http2Code.RefusedStream;
  if (kind === "timeout") return Http2Code.InternalError;
  return hasFlag(error, "interrupted") ? Http2Code.Cancel : Http2Code.InternalError;
}
