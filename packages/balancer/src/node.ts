import type { Ctx, Observer, Service, Status } from "@weftmesh/core";
import type { Address } from "@weftmesh/naming";
import type { CallListener } from "./call-listener.ts";

/** What nodes share that have nothing to close. */
const done: Promise<void> = Promise.resolve();

/**
 * One endpoint as a balancer sees it: its service, and how much it has to do.
 *
 * Shape: the service is made with the first call. A node that is retired gets no more calls from its balancer, and
 * closes its service when the last one is over.
 */
export abstract class Node<Req, Rep> implements Observer {
  /** Calls that were begun and have not ended. */
  pending = 0;
  /** Discovery dropped it, and it stays while it is healthy. */
  leaving = false;
  address: Address;
  /** When it joined, in ms of the balancer's clock. */
  sinceMs = 0;
  /** Hears of each call; set by the picker that has the node, if that wants to know. */
  listener: CallListener | undefined = undefined;
  /** What the listener calls the node. */
  slot = 0;
  readonly #make: (address: Address) => Service<Req, Rep>;
  readonly #left: (node: Node<Req, Rep>) => void;
  #service: Service<Req, Rep> | undefined;
  /** Closes of services that it had before. */
  #resting: Promise<void> | undefined;
  #retired: Promise<void> | undefined;
  #quiet: (() => void) | undefined;

  /** `left` is told when a leaving node is healthy no more. */
  constructor(address: Address, make: (address: Address) => Service<Req, Rep>, left: (node: Node<Req, Rep>) => void) {
    this.address = address;
    this.#make = make;
    this.#left = left;
  }

  /** What pickers compare: lower is better, never below zero, never NaN. Reading it changes nothing. */
  abstract load(nowMs: number): number;

  get status(): Status {
    return this.#service === undefined ? "open" : this.#service.status;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    this.pending++;
    this.listener?.began(this.slot);
    this.watch(req, ctx);
    try {
      this.#service ??= this.#make(this.address);
      return this.#service.call(req, ctx);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  onEnd(): void {
    this.release();
  }

  /** Whether anything is left to wait for once it has retired. */
  get idle(): boolean {
    return this.#service === undefined && this.#resting === undefined;
  }

  /**
   * Closes the service of a node that is open and has no calls; the next call makes another. False when there is
   * nothing to close. One that is not open stays, since what it knows of its endpoint would be forgotten.
   */
  rest(): boolean {
    if (this.pending > 0 || this.#service?.status !== "open" || this.#retired !== undefined) return false;
    const closing = this.#close();
    this.#service = undefined;
    const resting = this.#resting === undefined ? closing : Promise.all([this.#resting, closing]).then(() => {});
    this.#resting = resting;
    // Whoever retires the node hears of a close that failed.
    resting.then(
      () => {
        if (this.#resting === resting) this.#resting = undefined;
      },
      () => {},
    );
    return true;
  }

  /** Takes no more calls; resolves when the service is closed, which waits for those in flight. */
  retire(): Promise<void> {
    this.#retired ??= this.#retire();
    return this.#retired;
  }

  /** Sees to it that `release` is called when the call ends. */
  protected watch(_req: Req, ctx: Ctx): void {
    ctx.observe(this);
  }

  protected release(): void {
    this.pending--;
    this.listener?.ended(this.slot);
    if (this.pending === 0) this.#quiet?.();
    if (this.leaving && this.status !== "open") this.#left(this);
  }

  #retire(): Promise<void> {
    if (this.pending === 0) return this.#closeAll();
    const quiet = new Promise<void>((resolve) => {
      this.#quiet = resolve;
    });
    return quiet.then(() => this.#closeAll());
  }

  #closeAll(): Promise<void> {
    const resting = this.#resting;
    return resting === undefined ? this.#close() : Promise.all([resting, this.#close()]).then(() => {});
  }

  #close(): Promise<void> {
    try {
      return this.#service?.close() ?? done;
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }
}
