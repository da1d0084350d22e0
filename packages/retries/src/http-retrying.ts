import { discardBody, emptyBody, endWithBody, type HttpRequest, type HttpResponse } from "@weftmesh/http";
import { holdAnswer } from "./held-answer.ts";
import { endHttpNack, isFinalHttpNack, isHttpNack } from "./http-nack.ts";
import { httpPushBackMs } from "./http-push-back.ts";
import { KeptStream } from "./kept-stream.ts";
import { KeptView } from "./kept-view.ts";
import { ReplayBody } from "./replay-body.ts";
import { freely, type Resend, type RetryProtocol } from "./retry-protocol.ts";
import { UntouchedBody, untouched } from "./untouched-body.ts";

export interface HttpRetryingOptions {
  /** Bodies of requests up to this length, if it is known beforehand, are kept to be sent again: 5,120 if not given. */
  readonly maxReplayBytes?: number;
  /** How much of an answer that nobody wants is read to keep its connection: 65,536 bytes if not given. */
  readonly maxDiscardBytes?: number;
  /** How long that may take: 1,000 ms if not given. */
  readonly maxDiscardMs?: number;
  /**
   * Bodies of unknown length are kept up to the limit too, as a stream's are, and answers are held where only their end
   * tells whether they may be retried. False if not given.
   */
  readonly streams?: boolean;
}

/**
 * Retries for HTTP.
 *
 * Shape: a request without a body, or with a short one of known length, may be sent again; any other only while no
 * attempt has asked for its body, or, with `streams`, while what has come of it is short. A nack is Finagle's: 503 with `finagle-http-nack` or `Retry-After: 0`; with
 * `finagle-http-nonretryable-nack` it is none, and final.
 * Errors: RangeError for options that are no number from 0.
 */
export function httpRetrying(options?: HttpRetryingOptions): RetryProtocol<HttpRequest, HttpResponse> {
  const { maxReplayBytes = 5120, maxDiscardBytes = 65_536, maxDiscardMs = 1000, streams = false } = options ?? {};
  for (const [name, limit] of Object.entries({ maxReplayBytes, maxDiscardBytes, maxDiscardMs })) {
    if (!(limit >= 0)) throw new RangeError(`${name} must be from 0, not ${limit}`);
  }
  return {
    prepare: (req, maxBytes) => prepare(req, maxBytes ?? maxReplayBytes, streams),
    begin: endWithBody,
    ...(streams ? { hold: holdAnswer } : {}),
    discard: (rep, reason) => {
      if (rep.body !== emptyBody) discardBody(rep.body, maxDiscardBytes, reason);
    },
    maxDiscardMs,
    pushBackMs: httpPushBackMs,
    isNack: isHttpNack,
    dropNack: endHttpNack,
    isFinal: isFinalHttpNack,
  };
}

function prepare(req: HttpRequest, maxReplayBytes: number, streams: boolean): Resend {
  const { body } = req;
  if (body === emptyBody) return freely;
  // Retries above this layer keep it already, or watch it.
  if (body instanceof KeptView) return new ReplayAgain(body.kept);
  if (body instanceof UntouchedBody) return body;
  const { length } = body;
  if (length === undefined) return streams ? new KeptStream(req, maxReplayBytes) : untouched(req);
  return length > maxReplayBytes ? untouched(req) : new ReplayBody(req, length);
}

/** Another attempt with a body that a layer above keeps: that layer settles it. */
class ReplayAgain implements Resend {
  readonly #replay: Resend;

  constructor(replay: Resend) {
    this.#replay = replay;
  }

  get possible(): boolean {
    return this.#replay.possible;
  }

  again(): void {
    this.#replay.again();
  }

  settle(): void {}
}
