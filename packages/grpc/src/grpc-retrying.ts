import { status } from "@grpc/grpc-js";
import type { Resend, RetryProtocol } from "@weftmesh/retries";
import type { GrpcRequest } from "./grpc-request.ts";
import type { GrpcResponse } from "./grpc-response.ts";

const pushBack = "grpc-retry-pushback-ms";
const digits = /^\d{1,15}$/;

/**
 * How long the server wants to be left alone, in ms, from `grpc-retry-pushback-ms` in the trailers. `Infinity` when that
 * is negative or no number, which says that no retry is wanted (gRFC A6); undefined when it says nothing.
 */
export function grpcPushBackMs(rep: GrpcResponse): number | undefined {
  const ended = rep.status;
  if (ended === undefined || ended.code === status.OK) return undefined;
  const [value] = ended.metadata.get(pushBack);
  if (value === undefined) return undefined;
  const text = String(value);
  return digits.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
}

function protocol(counts: boolean): RetryProtocol<GrpcRequest, GrpcResponse> {
  return {
    prepare: (req) => new Again(req, counts),
    begin: (attempt, rep) => {
      attempt.respond(rep);
      rep.endWith(attempt);
      return rep;
    },
    discard: (rep, reason) => rep.giveUp(reason),
    maxDiscardMs: 1000,
    pushBackMs: grpcPushBackMs,
    isNack: () => false,
    dropNack: () => {},
    isFinal: () => false,
  };
}

/**
 * Retries for gRPC: a call may be sent again while its messages are kept and no answer but a status has come.
 *
 * Shape: an answer that has begun to stream is the caller's. There are no nacks: what was refused has a status, and is
 * the classifier's business. The server is told of attempts before its own as `grpc-previous-rpc-attempts`.
 */
export const grpcRetrying: RetryProtocol<GrpcRequest, GrpcResponse> = protocol(true);

/** The same for calls of which nothing was sent: no server has seen them, and none is told. */
export const grpcRequeueing: RetryProtocol<GrpcRequest, GrpcResponse> = protocol(false);

class Again implements Resend {
  readonly #req: GrpcRequest;
  readonly #counts: boolean;
  readonly #owns: boolean;

  constructor(req: GrpcRequest, counts: boolean) {
    this.#req = req;
    this.#counts = counts;
    this.#owns = req.messages.claim();
  }

  get possible(): boolean {
    return this.#req.messages.resendable;
  }

  again(): void {
    if (this.#counts) this.#req.previousAttempts++;
  }

  settle(): void {
    if (this.#owns) this.#req.messages.settle();
  }
}
