import { asError, type Clock, type Ctx, type Service, type Timer } from "@weftmesh/core";
import type { Path } from "@weftmesh/naming";
import { BindingQueueFullError, BindingTimeoutError } from "./errors.ts";

/** Calls that wait for the same thing, in the order in which they came. */
export type WaitingQueue<Req, Rep> = Set<WaitingCall<Req, Rep>>;

/** Where a call goes when its wait is over, and the name of that. */
export interface WaitingTarget<Req, Rep> {
  readonly service: Service<Req, Rep>;
  readonly id: string;
}

/** A call that cannot go on until a name is bound, or the addresses of a bound name are known. */
export class WaitingCall<Req, Rep> {
  readonly req: Req;
  readonly ctx: Ctx;
  readonly promise: Promise<Rep>;
  /** Known once the name of the call has been bound. */
  target: WaitingTarget<Req, Rep> | undefined = undefined;
  readonly #room: WaitingRoom<Req, Rep>;
  readonly #timer: Timer | undefined;
  #queue: WaitingQueue<Req, Rep> | undefined;
  #resolve: (rep: Rep | Promise<Rep>) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(room: WaitingRoom<Req, Rep>, path: Path, req: Req, ctx: Ctx) {
    this.#room = room;
    this.req = req;
    this.ctx = ctx;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { clock, timeoutMs } = room;
    if (Number.isFinite(timeoutMs)) {
      this.#timer = clock.after(timeoutMs, () => this.fail(new BindingTimeoutError(path, timeoutMs, this.target?.id)));
    }
  }

  /** Stands at the end of a queue, and leaves the one before. */
  join(queue: WaitingQueue<Req, Rep>, target: WaitingTarget<Req, Rep> | undefined): void {
    // One that was cancelled before it came here has left already.
    if (!this.#room.holds(this)) return;
    this.#queue?.delete(this);
    this.target = target;
    this.#queue = queue;
    queue.add(this);
  }

  /** Ends the wait with what the target answers. */
  go(target: Service<Req, Rep>): void {
    if (!this.#leave()) return;
    try {
      this.#resolve(target.call(this.req, this.ctx));
    } catch (thrown) {
      this.#reject(asError(thrown));
    }
  }

  fail(error: Error): void {
    if (this.#leave()) this.#reject(error);
  }

  #leave(): boolean {
    this.#timer?.cancel();
    this.#queue?.delete(this);
    this.#queue = undefined;
    return this.#room.leave(this);
  }
}

/** All the waiting calls of a router: how many there may be, and for how long. */
export class WaitingRoom<Req, Rep> {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly #maxCalls: number;
  readonly #calls: Set<WaitingCall<Req, Rep>> = new Set();

  constructor(clock: Clock, timeoutMs: number, maxCalls: number) {
    this.clock = clock;
    this.timeoutMs = timeoutMs;
    this.#maxCalls = maxCalls;
  }

  get size(): number {
    return this.#calls.size;
  }

  /**
   * The call, which has to `join` a queue next; an error instead when there is no room.
   *
   * Errors: its promise rejects with `WEFT_BINDING_TIMEOUT` in time, or with the reason once the call is cancelled.
   */
  enter(path: Path, req: Req, ctx: Ctx): WaitingCall<Req, Rep> | BindingQueueFullError {
    if (this.#calls.size >= this.#maxCalls) return new BindingQueueFullError(path, this.#maxCalls);
    const waiting = new WaitingCall(this, path, req, ctx);
    this.#calls.add(waiting);
    ctx.onCancel((reason) => waiting.fail(reason));
    return waiting;
  }

  holds(waiting: WaitingCall<Req, Rep>): boolean {
    return this.#calls.has(waiting);
  }

  /** False when the call had left before. */
  leave(waiting: WaitingCall<Req, Rep>): boolean {
    return this.#calls.delete(waiting);
  }

  /** Sends everybody home. */
  close(error: Error): void {
    for (const waiting of [...this.#calls]) waiting.fail(error);
  }
}
