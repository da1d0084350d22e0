import {
  type Clock,
  ClockParam,
  type Ctx,
  defineModule,
  filtered,
  type Module,
  type Observer,
  type Param,
  param,
  type Role,
  role,
  type Service,
  type Timer,
} from "@weftmesh/core";
import { emptyBody, type HttpRequest, type HttpResponse } from "@weftmesh/http";
import { StreamIdleTimeoutError } from "./errors.ts";
import { type BodyWatch, GuardedBody } from "./guarded-body.ts";

export const StreamIdleTimeoutRole: Role = role("streamIdleTimeout");

/** Longest time in which no body of a call moves, in ms; `Infinity` leaves the module out. */
export const StreamIdleTimeoutMs: Param<number> = param("streamIdleTimeoutMs", Number.POSITIVE_INFINITY);

/** The bodies of one call: a stamp for each chunk, and one timer while any of them is under way. */
class IdleWatch implements BodyWatch, Observer {
  readonly #ctx: Ctx;
  readonly #idleMs: number;
  readonly #clock: Clock;
  #request: GuardedBody | undefined;
  #response: GuardedBody | undefined;
  #underWay = 0;
  #movedMs = 0;
  #timer: Timer | undefined;

  constructor(ctx: Ctx, idleMs: number, clock: Clock) {
    this.#ctx = ctx;
    this.#idleMs = idleMs;
    this.#clock = clock;
  }

  watchRequest(req: HttpRequest): void {
    this.#request = new GuardedBody(req.body, this);
    req.body = this.#request;
  }

  watchResponse(rep: HttpResponse): void {
    this.#response = new GuardedBody(rep.body, this);
    rep.body = this.#response;
  }

  moved(): void {
    this.#movedMs = this.#clock.now();
  }

  began(): void {
    this.moved();
    if (this.#underWay++ === 0 && !this.#ctx.ended) this.#timer = this.#clock.after(this.#idleMs, this.#check);
  }

  over(): void {
    if (--this.#underWay === 0) this.#rest();
    else this.moved();
  }

  onResponse(_ctx: Ctx, rep: unknown): void {
    if ((rep as HttpResponse).body !== emptyBody) this.watchResponse(rep as HttpResponse);
  }

  onEnd(): void {
    this.#rest();
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #check = (): void => {
    const leftMs = this.#movedMs + this.#idleMs - this.#clock.now();
    if (leftMs > 0) {
      this.#timer = this.#clock.after(leftMs, this.#check);
      return;
    }
    this.#timer = undefined;
    const error = new StreamIdleTimeoutError(this.#idleMs);
    this.#ctx.cancel(error);
    // A body that is all here already has nobody behind it who would hear of that.
    this.#request?.cut(error);
    this.#response?.cut(error);
  };
}

/** For calls whose requests have no body: there is nothing to watch before the response. */
class ResponseWatch implements Observer {
  readonly #idleMs: number;
  readonly #clock: Clock;

  constructor(idleMs: number, clock: Clock) {
    this.#idleMs = idleMs;
    this.#clock = clock;
  }

  onResponse(ctx: Ctx, rep: unknown): void {
    if ((rep as HttpResponse).body === emptyBody) return;
    const watch = new IdleWatch(ctx, this.#idleMs, this.#clock);
    watch.watchResponse(rep as HttpResponse);
    ctx.observe(watch);
  }

  onEnd(): void {}
}

/**
 * Cancels a call whose bodies have stopped moving.
 *
 * Shape: a body is watched from when it is piped, until it is over; bytes of either one count for both, and what waits
 * for the head of a response is left to other timeouts. Must be above the retries, so that it watches what the caller
 * sends and gets, and below whatever reads the bodies for purposes of its own.
 * Errors: `WEFT_STREAM_IDLE_TIMEOUT`, flagged deadlineExceeded. Once the head has been sent it ends the body.
 * Cost: a look at the clock for each chunk and one timer for each call; no timer for a body that is whole at once, and
 * nothing at all for a call without bodies.
 */
export const streamIdleTimeout: Module<Service<HttpRequest, HttpResponse>> = defineModule({
  role: StreamIdleTimeoutRole,
  description: "Cancels a call whose request and response bodies have stopped moving",
  params: { ms: StreamIdleTimeoutMs, clock: ClockParam },
  make: ({ ms, clock }, next: Service<HttpRequest, HttpResponse>): Service<HttpRequest, HttpResponse> => {
    if (!(ms > 0) || ms === Number.POSITIVE_INFINITY) return next;
    const responseWatch = new ResponseWatch(ms, clock);
    return filtered((req: HttpRequest, ctx, below: Service<HttpRequest, HttpResponse>) => {
      if (req.body === emptyBody) ctx.observe(responseWatch);
      else {
        const watch = new IdleWatch(ctx, ms, clock);
        watch.watchRequest(req);
        ctx.observe(watch);
      }
      return below.call(req, ctx);
    }, next);
  },
});
