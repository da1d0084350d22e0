import { type Clock, type Ctx, type ErrorFlag, type Service, type Status, type Timer, WeftError } from "@weftmesh/core";

/** What a scripted service does with one call. Without `afterMs` it answers at once. */
export type Answer<Rep> =
  | { readonly kind: "ok"; readonly rep: Rep; readonly afterMs?: number }
  | { readonly kind: "fail"; readonly error: Error; readonly afterMs?: number }
  | { readonly kind: "never" }
  | { readonly kind: "throw"; readonly error: Error };

export function answerOk<Rep>(rep: Rep, afterMs?: number): Answer<Rep> {
  return afterMs === undefined ? { kind: "ok", rep } : { kind: "ok", rep, afterMs };
}

/** A failure with the code `WEFT_TEST` and these flags. */
export function answerFail(flags: readonly ErrorFlag[] = [], afterMs?: number): Answer<never> {
  const error = testError("a scripted failure", flags);
  return afterMs === undefined ? { kind: "fail", error } : { kind: "fail", error, afterMs };
}

/** Silence until the call is cancelled. */
export const answerNever: Answer<never> = { kind: "never" };

/** A throw from `call` itself, which no service should do and some will. */
export function answerThrow(message = "a scripted throw"): Answer<never> {
  return { kind: "throw", error: testError(message) };
}

export function testError(message: string, flags: readonly ErrorFlag[] = []): WeftError {
  return new WeftError("WEFT_TEST", message, { flags });
}

/** A call that a scripted service was given. */
export interface ScriptedCall<Req> {
  readonly req: Req;
  readonly ctx: Ctx;
  readonly atMs: number;
  readonly outcome: "pending" | "ok" | "failed" | "cancelled" | "thrown";
}

class Call<Req, Rep> implements ScriptedCall<Req> {
  outcome: ScriptedCall<Req>["outcome"] = "pending";
  readonly req: Req;
  readonly ctx: Ctx;
  readonly atMs: number;
  readonly #over: () => void;
  #resolve: (rep: Rep) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #timer: Timer | undefined;

  constructor(req: Req, ctx: Ctx, atMs: number, over: () => void) {
    this.req = req;
    this.ctx = ctx;
    this.atMs = atMs;
    this.#over = over;
  }

  start(answer: Answer<Rep>, clock: Clock): Promise<Rep> {
    const promise = new Promise<Rep>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.ctx.onCancel((reason) => this.#settle("cancelled", () => this.#reject(reason)));
    if (answer.kind === "ok" || answer.kind === "fail") {
      const { afterMs } = answer;
      if (afterMs === undefined) this.#give(answer);
      else if (this.outcome === "pending") this.#timer = clock.after(afterMs, () => this.#give(answer));
    }
    return promise;
  }

  #give(answer: Answer<Rep>): void {
    if (answer.kind === "ok") this.#settle("ok", () => this.#resolve(answer.rep));
    if (answer.kind === "fail") this.#settle("failed", () => this.#reject(answer.error));
  }

  #settle(outcome: ScriptedCall<Req>["outcome"], settle: () => void): void {
    if (this.outcome !== "pending") return;
    this.outcome = outcome;
    this.#timer?.cancel();
    settle();
    this.#over();
  }
}

/**
 * A service that does what a test wrote down, and keeps what it was asked.
 *
 * Shape: the script is a list, whose last answer repeats, or a function of the call's number and request. A cancelled
 * call rejects at once with the reason, as every transport owes. `status` is the test's to change.
 */
export class ScriptedService<Req, Rep> implements Service<Req, Rep> {
  status: Status = "open";
  readonly calls: ScriptedCall<Req>[] = [];
  /** Calls of `close`. */
  closes = 0;
  readonly #clock: Clock;
  readonly #script: (n: number, req: Req) => Answer<Rep>;
  #inFlight = 0;
  #closed: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  constructor(clock: Clock, script: readonly Answer<Rep>[] | ((n: number, req: Req) => Answer<Rep>)) {
    this.#clock = clock;
    this.#script = typeof script === "function" ? script : (n) => nth(script, n);
  }

  /** Calls whose promise has not settled. */
  get inFlight(): number {
    return this.#inFlight;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    const answer = this.#script(this.calls.length, req);
    const call = new Call<Req, Rep>(req, ctx, this.#clock.now(), () => this.#over());
    this.calls.push(call);
    if (answer.kind === "throw") {
      call.outcome = "thrown";
      throw answer.error;
    }
    this.#inFlight++;
    return call.start(answer, this.#clock);
  }

  close(): Promise<void> {
    this.closes++;
    this.status = "closed";
    this.#closed ??= new Promise((resolve) => {
      if (this.#inFlight === 0) resolve();
      else this.#drained = resolve;
    });
    return this.#closed;
  }

  #over(): void {
    if (--this.#inFlight === 0) this.#drained?.();
  }
}

function nth<Rep>(script: readonly Answer<Rep>[], n: number): Answer<Rep> {
  const answer = script[Math.min(n, script.length - 1)];
  if (answer === undefined) throw new TypeError("the script of a service is empty");
  return answer;
}
