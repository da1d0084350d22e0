import { type Ctx, ok } from "@weftmesh/core";

/**
 * What hedging must know of a protocol.
 *
 * Shape: one object per stack. `begin` is called once with the answer of each attempt, and what it returns goes either
 * to the caller or to `discard`.
 */
export interface HedgeProtocol<Req, Rep> {
  /** Whether the request may be sent twice, and can be: doing it twice at once must be as good as doing it once. */
  isHedgeable(req: Req): boolean;
  /** A request of its own for the backup: what stands below changes requests, and the first may still be on its way. */
  copy(req: Req): Req;
  /** Tells the attempt's ctx of the answer (`respond`), and sees to it that the ctx ends when the whole answer has. */
  begin(attempt: Ctx, rep: Rep): Rep;
  /** Nobody wants the rest of the answer: reads it, if that is worth while, or gives it up for this reason. */
  discard(rep: Rep, reason: Error): void;
}

/** The protocol of services whose answers are whole when they arrive, and whose requests may be sent as they are. */
export function wholeAnswers<Req, Rep>(isHedgeable: (req: Req) => boolean): HedgeProtocol<Req, Rep> {
  return {
    isHedgeable,
    copy: (req) => req,
    begin: (attempt, rep) => {
      attempt.respond(rep);
      attempt.end(ok);
      return rep;
    },
    discard: () => {},
  };
}
