import { asError, type Ctx, type Service, type Status } from "@weftmesh/core";
import { type Bound, Path } from "@weftmesh/naming";
import type { IdleCache, IdleEntry } from "./idle-cache.ts";
import type { LiveClient } from "./live-client.ts";

export type ClientCache<Req, Rep> = IdleCache<Bound, LiveClient<Req, Rep>>;

/**
 * What stands below a bound stack: the client of its bound name, shared with every other stack of that name.
 *
 * Shape: closing it does nothing, for the client is the cache's. A call costs one field more than the client itself.
 */
export class SharedClient<Req, Rep> implements Service<Req, Rep> {
  readonly #clients: ClientCache<Req, Rep>;
  readonly #bound: Bound;
  readonly #key: string;
  #entry: IdleEntry<LiveClient<Req, Rep>> | undefined;

  constructor(clients: ClientCache<Req, Rep>, bound: Bound) {
    this.#clients = clients;
    // The residual is the bound stack's matter; clients of one id are one.
    this.#bound = bound.residual.isEmpty ? bound : { id: bound.id, residual: Path.empty, addr: bound.addr };
    this.#key = bound.id.show;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    const entry = this.#entry;
    if (entry === undefined || !entry.live) return this.#callAnew(req, ctx);
    entry.use(ctx);
    return entry.value.service.call(req, ctx);
  }

  get status(): Status {
    return this.#entry?.live ? this.#entry.value.service.status : "open";
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The client is there, and so is something to tell of its addresses. */
  get ready(): boolean {
    const entry = this.#entry;
    return entry?.live === true && entry.value.addr.kind !== "pending";
  }

  /** The client, made if need be and there is room for it, while nothing is known of its addresses. */
  pending(): IdleEntry<LiveClient<Req, Rep>> | undefined {
    let entry = this.#entry;
    if (!entry?.live) {
      entry = this.#clients.cached(this.#key, this.#bound);
      this.#entry = entry;
    }
    return entry?.value.addr.kind === "pending" ? entry : undefined;
  }

  #callAnew(req: Req, ctx: Ctx): Promise<Rep> {
    let entry: IdleEntry<LiveClient<Req, Rep>>;
    try {
      entry = this.#clients.get(this.#key, this.#bound);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
    this.#entry = entry.live ? entry : undefined;
    entry.use(ctx);
    return entry.value.service.call(req, ctx);
  }
}

/** A bound stack and the client reference at its bottom. */
export interface BoundStack<Req, Rep> {
  readonly bound: Bound;
  readonly service: Service<Req, Rep>;
  readonly client: SharedClient<Req, Rep>;
}
