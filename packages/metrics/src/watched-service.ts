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
  readonly #release: () => void;
  #closed: Promise<void> | undefined = undefined;

  /** `release` is called once, when the service below is closed. */
  constructor(next: Service<Req, Rep>, watcher: CallWatcher, release: () => void) {
    this.#next = next;
    this.#watcher = watcher;
    this.#release = release;
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
    this.#closed ??= this.#next.close().then(this.#release);
    return this.#closed;
  }
}
