import type { Timer } from "@weftmesh/core";
import type { HttpResponse } from "@weftmesh/http";

/** A call on its way through a server, as the connection that brought it sees it. */
export interface Exchange {
  readonly promise: Promise<HttpResponse>;
  /** The caller has gone: its promise fails at once, whatever becomes of the work. */
  abandon(reason: Error): void;
}

/** What a job asks of its server. */
export interface Workplace {
  /** The work ends, unfinished. */
  drop(job: Job): void;
}

/** One call on a backend, from its arrival to its answer. `held`: without a worker, by a fault or by another tier. */
export class Job implements Exchange {
  state: "held" | "queued" | "working" | "over" = "held";
  /** What is waited for: the end of the work, or of a failure that takes none. */
  timer: Timer | undefined = undefined;
  /** Whether the server is waiting for another tier. */
  calling = false;
  /** Whether anybody still waits for the answer. */
  wanted = true;
  readonly arrivedMs: number;
  readonly promise: Promise<HttpResponse>;
  readonly #place: Workplace;
  /** Whether the work ends with the waiting for it. */
  readonly #stops: boolean;
  #resolve: (rep: HttpResponse) => void = nothing;
  #reject: (error: Error) => void = nothing;

  constructor(place: Workplace, arrivedMs: number, stops: boolean) {
    this.#place = place;
    this.arrivedMs = arrivedMs;
    this.#stops = stops;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  abandon(reason: Error): void {
    if (!this.wanted || this.state === "over") return;
    this.wanted = false;
    this.#reject(reason);
    // Of what a silent server holds nothing will ever come.
    if (this.#stops || (this.state === "held" && this.timer === undefined && !this.calling)) this.#place.drop(this);
  }

  resolve(rep: HttpResponse): void {
    this.#resolve(rep);
  }

  reject(error: Error): void {
    this.#reject(error);
  }
}

function nothing(): void {}
