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
import { StreamTimeoutError } from "./errors.ts";
import { type BodyWatch, GuardedBody } from "./guarded-body.ts";

export const StreamTimeoutRole: Role = role("streamTimeout");

/** Longest time for a whole exchange, to the end of the response's body, in ms; `Infinity` leaves the module out. */
export const StreamTimeoutMs: Param<number> = param("streamTimeoutMs", Number.POSITIVE_INFINITY);

/** How a body goes is not looked at. */
const unwatched: BodyWatch = { moved: () => {}, began: () => {}, over: () => {} };

/** Cancels one exchange when its time is up, and ends what of the response nobody else ends. */
class StreamLimit implements Observer {
  readonly #timer: Timer;
  #response: GuardedBody | undefined;

  constructor(ctx: Ctx, ms: number, clock: Clock) {
    this.#timer = clock.after(ms, () => {
      const error = new StreamTimeoutError(ms);
      ctx.cancel(error);
      // A body that is all here already, and a client that does not take it: nobody behind it hears of the above.
      this.#response?.cut(error);
    });
  }

  onResponse(_ctx: Ctx, rep: unknown): void {
    const { body } = rep as HttpResponse;
    if (body === emptyBody) return;
    this.#response = new GuardedBody(body, unwatched);
    (rep as HttpResponse).body = this.#response;
  }

  onEnd(): void {
    this.#timer.cancel();
  }
}

/**
 * Cancels a call whose response has not ended in time, its body included, and lowers its deadline.
 *
 * Shape: the other timeouts end with the head of the response; this one ends with the call. Must be above the retries.
 * Errors: `WEFT_STREAM_TIMEOUT`, flagged deadlineExceeded. Once the head has been sent it ends the body.
 * Cost: a timer and an object for each call, and an object for each response with a body.
 */
export const streamTimeout: Module<Service<HttpRequest, HttpResponse>> = defineModule({
  role: StreamTimeoutRole,
  description: "Cancels a call whose response, body included, has not ended in time, and lowers its deadline",
  params: { ms: StreamTimeoutMs, clock: ClockParam },
  make: ({ ms, clock }, next: Service<HttpRequest, HttpResponse>): Service<HttpRequest, HttpResponse> => {
    if (!(ms > 0) || ms === Number.POSITIVE_INFINITY) return next;
    return filtered((req: HttpRequest, ctx, below: Service<HttpRequest, HttpResponse>) => {
      ctx.deadline = Math.min(ctx.deadline, clock.now() + ms);
      ctx.observe(new StreamLimit(ctx, ms, clock));
      return below.call(req, ctx);
    }, next);
  },
});
