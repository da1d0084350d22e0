import type { Clock, Ctx, Service, ServiceFactory, Status } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import { SimulatedConnectError } from "../errors.ts";
import type { Backend } from "./backend.ts";
import { SimSession } from "./sim-session.ts";
import type { TierWorld } from "./tier-world.ts";

type Session = Service<HttpRequest, HttpResponse>;

/** Makes simulated connections to one backend: the transport of an endpoint's stack. */
export class SimConnector implements ServiceFactory<HttpRequest, HttpResponse> {
  readonly status: Status = "open";
  readonly #tier: TierWorld;
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  constructor(tier: TierWorld, backend: Backend, clock: Clock, timeoutMs: number) {
    this.#tier = tier;
    this.#backend = backend;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  open(ctx: Ctx): Promise<Session> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    const connectMs = this.#backend.spec.connectMs ?? 0;
    const reachable = this.#backend.reachable;
    if (reachable === "yes" && connectMs === 0) return Promise.resolve(this.#session());
    return new Promise((resolve, reject) => {
      const answers = reachable !== "silent" && connectMs <= this.#timeoutMs;
      const timer = this.#clock.after(answers ? connectMs : this.#timeoutMs, () => {
        if (!answers) reject(this.#fail("WEFT_CONNECT_TIMEOUT", `gave no connection within ${this.#timeoutMs} ms`));
        else if (this.#backend.reachable === "refused")
          reject(this.#fail("WEFT_CONNECT_REFUSED", "refused the connection"));
        else resolve(this.#session());
      });
      ctx.onCancel((reason) => {
        timer.cancel();
        reject(reason);
      });
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #session(): Session {
    this.#backend.connects++;
    return new SimSession(this.#tier, this.#backend);
  }

  #fail(code: "WEFT_CONNECT_REFUSED" | "WEFT_CONNECT_TIMEOUT", what: string): Error {
    this.#backend.connectFailures++;
    const { host, port } = this.#backend.address;
    return new SimulatedConnectError(code, what, host, port);
  }
}
