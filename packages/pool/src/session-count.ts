import type { ServiceFactory } from "@weftmesh/core";

/**
 * The sessions of a pool that are not over, connects among them; what closes a pool waits for the last of them.
 *
 * Cost: a number, and once it closes a promise.
 */
export class SessionCount {
  /** What `close` gave; undefined before it. */
  closed: Promise<void> | undefined = undefined;
  #size = 0;
  #settle: (() => void) | undefined = undefined;

  get size(): number {
    return this.#size;
  }

  /** A connect begins. */
  enter(): void {
    this.#size++;
  }

  /** A connect has failed, or a session is closed. */
  leave(): void {
    this.#size--;
    this.#settleIfEmpty();
  }

  /** Closes a session, which is over then. One that could not close cleanly is as gone as one that could; its transport has counted the failure. */
  discard(session: { close(): Promise<void> }): void {
    const gone = () => this.leave();
    session.close().then(gone, gone);
  }

  /** Resolves when every session is over, and then the factory too. */
  close(factory: Pick<ServiceFactory<never, unknown>, "close">): Promise<void> {
    this.closed ??= new Promise<void>((resolve) => {
      this.#settle = resolve;
    }).then(() => factory.close());
    this.#settleIfEmpty();
    return this.closed;
  }

  #settleIfEmpty(): void {
    if (this.#size > 0) return;
    this.#settle?.();
    this.#settle = undefined;
  }
}
