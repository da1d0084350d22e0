import type { Ctx, Status } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import type { OwnedSession, SessionOwner } from "@weftmesh/pool";
import { SimulatedConnectionLostError } from "../errors.ts";
import type { Backend } from "./backend.ts";
import type { Exchange } from "./job.ts";
import type { TierWorld } from "./tier-world.ts";

/** A simulated connection: one call at a time, as in HTTP/1. A call that is given up takes the connection with it. */
export class SimSession implements OwnedSession<HttpRequest, HttpResponse> {
  owner: SessionOwner<HttpRequest, HttpResponse> | undefined = undefined;
  readonly #tier: TierWorld;
  readonly #backend: Backend;
  #exchange: Exchange | undefined;
  #open = true;

  constructor(tier: TierWorld, backend: Backend) {
    this.#tier = tier;
    this.#backend = backend;
    backend.add(this);
  }

  get status(): Status {
    return this.#open ? "open" : "closed";
  }

  call(req: HttpRequest, ctx: Ctx): Promise<HttpResponse> {
    if (!this.#open) return Promise.reject(new SimulatedConnectionLostError(this.#backend.name));
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    const exchange = this.#tier.begin(this.#backend, req, ctx);
    this.#exchange = exchange;
    ctx.onCancel((reason) => {
      this.#leave();
      exchange.abandon(reason);
    });
    return exchange.promise;
  }

  /** The server's side has ended it. */
  reset(error: Error): void {
    const exchange = this.#exchange;
    this.#leave();
    exchange?.abandon(error);
    this.owner?.sessionClosed();
  }

  close(): Promise<void> {
    this.#leave();
    return Promise.resolve();
  }

  #leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#exchange = undefined;
    this.#backend.remove(this);
  }
}
