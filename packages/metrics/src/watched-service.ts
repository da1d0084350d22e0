import type { Ctx, Service, Status } from "@weftmesh/core";

/** Counts calls; one per stack. */
export interface CallWatcher {
  /** Hears of a call before it goes down. */
  observe(req: unknown, ctx: Ctx): void;
  /** No more calls will come. */
  close(): void;
}

/** A service with a watcher before it, and else the service itself. */
export class WatchedService<Req, Rep> implements Service<Req, Rep> {
  readonly #next: Service<Req, Rep>;
  readonly #watcher: CallWatcher;

  constructor(next: Service<Req, Rep>, watcher: CallWatcher) {
    this.#next = next;
    this.#watcher = watcher;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    try {
      this.#watcher.observe(req, ctx);
      return this.#next.call(req, ctx);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  get status(): Status {
    return this.#next.status;
  }

  close(): Promise<void> {
    return this.#next.close().then(() => this.#watcher.close());
  }
}
