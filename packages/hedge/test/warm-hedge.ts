import { type Clock, Ctx, ok, type Service } from "@weftmesh/core";
import { Hedge, type HedgeOptions, type HedgeProtocol, wholeAnswers } from "@weftmesh/hedge";

/** A request, and which attempt it is sent with. */
export interface Req {
  readonly id: number;
  readonly isBackup: boolean;
  readonly isHedgeable: boolean;
}

export function request(id: number, isHedgeable = true): Req {
  return { id, isBackup: false, isHedgeable };
}

/** Whole answers; a backup's request says that it is one. */
export const testProtocol: HedgeProtocol<Req, string> = {
  ...wholeAnswers<Req, string>(({ isHedgeable }) => isHedgeable),
  copy: (req) => ({ ...req, isBackup: true }),
};

/** A clock that can be ahead of another one. */
class AheadClock implements Clock {
  aheadMs = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now() + this.aheadMs;
  }

  epochMs(): number {
    return this.#clock.epochMs();
  }

  after(ms: number, fn: () => void): ReturnType<Clock["after"]> {
    return this.#clock.after(ms, fn);
  }
}

/** Hedging above `inner` that has seen so many answers, all of that latency, and sends backups from its next call on. */
export function warmHedge<Q, R>(
  inner: Service<Q, R>,
  protocol: HedgeProtocol<Q, R>,
  options: HedgeOptions,
  warmUp: { readonly req: Q; readonly rep: R; readonly calls: number; readonly latencyMs: number },
): Hedge<Q, R> {
  const clock = new AheadClock(options.clock);
  let isWarm = false;
  const next: Service<Q, R> = {
    call: (req, ctx) => (isWarm ? inner.call(req, ctx) : new Promise<R>(() => {})),
    get status() {
      return inner.status;
    },
    close: () => inner.close(),
  };
  const hedge = new Hedge(next, protocol, { ...options, clock });
  const ctxs = Array.from({ length: warmUp.calls }, () => new Ctx());
  for (const ctx of ctxs) void hedge.call(warmUp.req, ctx);
  clock.aheadMs += warmUp.latencyMs;
  for (const ctx of ctxs) {
    ctx.respond(warmUp.rep);
    ctx.end(ok);
  }
  clock.aheadMs += 3_000;
  isWarm = true;
  return hedge;
}
