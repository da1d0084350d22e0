import { asError, CancelledError, type Clock, Ctx, failed } from "@weftmesh/core";
import { discard, emptyBody, endWithBody, Headers, HttpRequest, type HttpResponse } from "@weftmesh/http";
import { type DeadlineReader, outgoingDeadline } from "@weftmesh/timeout";
import type { SimService } from "../experiment.ts";
import { errorResponse } from "./error-response.ts";
import type { Exchange } from "./job.ts";

export interface HopOptions {
  /** Whether the server hears that its caller has gone. */
  readonly stopsAbandoned: boolean;
  /** Set when calls carry their deadline. */
  readonly deadlines: { readonly clock: Clock; readonly reader: DeadlineReader } | undefined;
}

/** A call from one tier to the next, where only what the wire carries goes along: no context, and no errors but answers. */
export class Hop implements Exchange {
  readonly promise: Promise<HttpResponse>;
  readonly #ctx = new Ctx();
  readonly #stops: boolean;
  #reject: (error: Error) => void = nothing;
  #abandoned = false;

  constructor(server: SimService, req: HttpRequest, ctx: Ctx, options: HopOptions) {
    this.#stops = options.stopsAbandoned;
    const { deadlines } = options;
    const wire = deadlines === undefined ? undefined : outgoingDeadline(ctx, deadlines.clock);
    if (wire !== undefined) deadlines?.reader.read([wire], this.#ctx);
    this.promise = new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#call(server, req).then(
        (rep) => {
          const answer = endWithBody(this.#ctx, rep);
          // Without a reader the body, and with it the call, would never end.
          if (this.#abandoned) answer.body.pipe(discard);
          else resolve(answer);
        },
        (thrown: unknown) => {
          const error = asError(thrown);
          this.#ctx.end(failed(error));
          resolve(errorResponse(error));
        },
      );
    });
  }

  abandon(reason: Error): void {
    this.#abandoned = true;
    this.#reject(reason);
    if (this.#stops) this.#ctx.cancel(new CancelledError());
  }

  #call(server: SimService, req: HttpRequest): Promise<HttpResponse> {
    const received = new HttpRequest(
      req.version,
      req.method,
      req.scheme,
      req.authority,
      req.path,
      new Headers(),
      emptyBody,
    );
    try {
      return server.call(received, this.#ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }
}

function nothing(): void {}
