import { type Classifier, hasFlag, type ResponseClass } from "@weftmesh/core";
import { type HeaderName, type HttpResponse, headerName, TunnelResponse } from "@weftmesh/http";

const grpcStatus: HeaderName = headerName("grpc-status");
/** What gRPC calls a status that nobody can read. */
const unknownStatus = 2;

export interface GrpcClassifierOptions {
  readonly name: string;
  readonly successStatusCodes: ReadonlySet<number>;
  /** Whether a call that ended with this status may be sent again. */
  readonly retryableStatus: (status: number) => boolean;
  /** Whether a call may that was answered with this HTTP status, from 400 on, and without a status of gRPC. */
  readonly retryableHttpStatus: (status: number) => boolean;
  /** Whether a call may that failed so. Never asked of one whose caller gave up, or that nobody may send again. */
  readonly retryableError: (error: Error) => boolean;
  /** False when none of the above ever says yes: then no answer has to be waited for. */
  readonly retries: boolean;
}

/**
 * Judges gRPC calls by the `grpc-status` of their trailers, or of their head where that is all there is.
 *
 * Shape: an answer that is still coming is a success so far. One that ended without a status of gRPC's is a failure, and
 * so is an HTTP status from 400 on.
 */
export class GrpcClassifier implements Classifier {
  readonly name: string;
  readonly judgesEnds = true;
  readonly #options: GrpcClassifierOptions;

  constructor(options: GrpcClassifierOptions) {
    this.name = options.name;
    this.#options = options;
  }

  classify(_req: unknown, rep: unknown, error: Error | undefined): ResponseClass {
    if (error !== undefined) return this.#failed(error);
    const answer = rep as HttpResponse | undefined;
    // A tunnel says nothing at its end.
    if (answer === undefined || answer instanceof TunnelResponse) return "success";
    const text = answer.trailers?.get(grpcStatus) ?? answer.headers.get(grpcStatus);
    if (text !== undefined) return this.#ofStatus(statusOf(text));
    if (answer.status >= 400) return this.#options.retryableHttpStatus(answer.status) ? "retryable" : "failure";
    return isOver(answer) ? "failure" : "success";
  }

  mayTurnRetryable(_req: unknown, rep: unknown): boolean {
    const answer = rep as HttpResponse;
    if (!this.#options.retries || answer instanceof TunnelResponse) return false;
    return answer.status < 400 && !isOver(answer) && !answer.headers.has(grpcStatus);
  }

  #ofStatus(status: number): ResponseClass {
    const { successStatusCodes, retryableStatus } = this.#options;
    if (successStatusCodes.has(status)) return "success";
    return retryableStatus(status) ? "retryable" : "failure";
  }

  #failed(error: Error): ResponseClass {
    if (hasFlag(error, "ignorable")) return "ignorable";
    if (hasFlag(error, "interrupted") || hasFlag(error, "nonRetryable")) return "failure";
    return this.#options.retryableError(error) ? "retryable" : "failure";
  }
}

/** All of it has come: it has no body, a whole one, or one that has ended. */
function isOver({ body, bodyBytes }: HttpResponse): boolean {
  return bodyBytes >= 0 || body.whole === true;
}

function statusOf(text: string): number {
  return /^\d{1,10}$/.test(text) ? Number(text) : unknownStatus;
}
