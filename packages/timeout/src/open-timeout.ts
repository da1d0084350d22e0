import {
  asError,
  type Clock,
  type Ctx,
  failed,
  ok,
  type Param,
  param,
  type Service,
  type ServiceFactory,
  type Status,
  type Timer,
} from "@weftmesh/core";
import { OpenTimeoutError } from "./errors.ts";

/** Longest time in which a transport connects, in ms: for whoever builds one. Linkerd 1 has no key for it either. */
export const ConnectTimeoutMs: Param<number> = param("connectTimeoutMs", 1000);

/** One session that is being opened, on a ctx of its own. */
class Opening<Req, Rep> {
  readonly #ctx: Ctx;
  readonly #resolve: (session: Service<Req, Rep>) => void;
  readonly #reject: (error: Error) => void;
  #timer: Timer | undefined;
  #over = false;

  constructor(ctx: Ctx, resolve: (session: Service<Req, Rep>) => void, reject: (error: Error) => void) {
    this.#ctx = ctx;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(factory: ServiceFactory<Req, Rep>, ms: number, clock: Clock): void {
    const attempt = this.#ctx.fork();
    attempt.onCancel((reason) => {
      if (this.#finish()) this.#reject(reason);
      attempt.end(failed(reason));
    });
    if (this.#over) return;
    attempt.deadline = Math.min(attempt.deadline, clock.now() + ms);
    this.#timer = clock.after(ms, () => attempt.cancel(new OpenTimeoutError(Math.ceil(ms))));
    let opened: Promise<Service<Req, Rep>>;
    try {
      opened = factory.open(attempt);
    } catch (thrown) {
      opened = Promise.reject(asError(thrown));
    }
    opened.then(
      (session) => {
        if (this.#finish()) {
          attempt.end(ok);
          this.#resolve(session);
          // Nobody waits for it any more, and nobody is there to hear how its close goes.
        } else session.close().catch(() => {});
      },
      (thrown: unknown) => {
        const error = asError(thrown);
        if (this.#finish()) this.#reject(error);
        attempt.end(failed(error));
      },
    );
  }

  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#timer?.cancel();
    return true;
  }
}

class TimedFactory<Req, Rep> implements ServiceFactory<Req, Rep> {
  readonly #factory: ServiceFactory<Req, Rep>;
  readonly #timeoutMs: number;
  readonly #clock: Clock;

  constructor(factory: ServiceFactory<Req, Rep>, timeoutMs: number, clock: Clock) {
    this.#factory = factory;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  open(ctx: Ctx): Promise<Service<Req, Rep>> {
    const leftMs = Math.min(this.#timeoutMs, ctx.deadline - this.#clock.now());
    if (leftMs <= 0) return Promise.reject(new OpenTimeoutError(0));
    return new Promise((resolve, reject) => {
      new Opening(ctx, resolve, reject).start(this.#factory, leftMs, this.#clock);
    });
  }

  get status(): Status {
    return this.#factory.status;
  }

  close(): Promise<void> {
    return this.#factory.close();
  }
}

/**
 * The same factory, which opens a session in time or not at all.
 *
 * Shape: waits for `timeoutMs` or until the call's own deadline, whichever comes first. The opening is cancelled then;
 * a session that comes all the same is closed, once. The factory itself unless `timeoutMs` is a finite number above zero.
 * Errors: `WEFT_OPEN_TIMEOUT`, flagged deadlineExceeded and retryable, since nothing was sent; the reason when the call
 * is cancelled meanwhile.
 * Source: Finagle TimeoutFactory.
 */
export function openTimeout<Req, Rep>(
  factory: ServiceFactory<Req, Rep>,
  timeoutMs: number,
  clock: Clock,
): ServiceFactory<Req, Rep> {
  if (!(timeoutMs > 0) || timeoutMs === Number.POSITIVE_INFINITY) return factory;
  return new TimedFactory(factory, timeoutMs, clock);
}
