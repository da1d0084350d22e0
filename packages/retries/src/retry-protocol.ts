import { type Clock, type Ctx, ok } from "@weftmesh/core";

/** A request that may have to be sent again. */
export interface Resend {
  /** Whether another attempt would send the same as the first. May become false once an attempt has begun. */
  readonly possible: boolean;
  /** Makes the request ready for another attempt, and ends what is left of the one before. Called only while possible. */
  again(): void;
  /** There will be no further attempt; the present one may still be sending. */
  settle(): void;
}

/** What became of an answer that was held: it ended, failed, was too long to be kept, or took too long. */
export type Held = "ended" | "tooLong" | "late" | Error;

/**
 * What retries must know of a protocol.
 *
 * Shape: one object per stack. What stands below sees the very request again with each attempt, and so has to set what
 * it adds and not to append it. `begin` is called once with the answer of each attempt, and what it returns goes
 * either to the caller or to `discard`.
 */
export interface RetryProtocol<Req, Rep> {
  /** Before the first attempt. Up to `maxBytes` of a request may be kept; the protocol's own limit where none is given. */
  prepare(req: Req, maxBytes?: number): Resend;
  /** Tells the attempt's ctx of the answer (`respond`), and sees to it that the ctx ends when the whole answer has. */
  begin(attempt: Ctx, rep: Rep): Rep;
  /**
   * Keeps what comes of an answer, so that it can be judged by its end, until it is over, there is more than `maxBytes`
   * or the time is up. It can be passed on afterwards all the same. Absent where answers are judged by their heads alone.
   */
  hold?(attempt: Ctx, rep: Rep, maxBytes: number, timeoutMs: number, clock: Clock): Held | Promise<Held>;
  /** Nobody wants the rest of the answer: reads it, if that is worth while, or gives it up for this reason. */
  discard(rep: Rep, reason: Error): void;
  /** How long that may take, in ms: an attempt that has not ended by then is cancelled. */
  readonly maxDiscardMs: number;
  /**
   * How long the peer wants to be left alone, in ms: a retry waits at least so long. `Infinity` when it wants no retry
   * at all; undefined when it says nothing.
   */
  pushBackMs(rep: Rep, epochMs: number): number | undefined;
  /** Whether the answer is a refusal before any work was done, so that sending the request again is safe. */
  isNack(rep: Rep): boolean;
  /** Marks a nack that is not sent again for want of budget or body, so that nobody up the line does it instead. */
  dropNack(rep: Rep): void;
  /** Whether the answer is so marked: what nonRetryable is to an error. Asked only of answers called retryable. */
  isFinal(rep: Rep): boolean;
}

/** For requests that an attempt does not use up. */
export const freely: Resend = { possible: true, again: () => {}, settle: () => {} };

/** The protocol of services whose answers are whole when they arrive, and whose requests may be sent as they are. */
export function wholeMessages<Req, Rep>(): RetryProtocol<Req, Rep> {
  return {
    prepare: () => freely,
    begin: (attempt, rep) => {
      attempt.respond(rep);
      attempt.end(ok);
      return rep;
    },
    discard: () => {},
    maxDiscardMs: Number.POSITIVE_INFINITY,
    pushBackMs: () => undefined,
    isNack: () => false,
    dropNack: () => {},
    isFinal: () => false,
  };
}
