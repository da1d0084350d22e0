import type { Backoff } from "@weftmesh/backoff";
import {
  asError,
  CancelledError,
  type Clock,
  Ctx,
  failed,
  hasFlag,
  ok,
  type Rng,
  type Service,
  type ServiceFactory,
  type Status,
  type Timer,
  worst,
} from "@weftmesh/core";
import type { StatsReceiver } from "@weftmesh/telemetry";
import type { EjectionKind, EjectionListener } from "./ejection-event.ts";
import { FailFastError } from "./errors.ts";
import { FailFastStats, type UnhealthyEndpoint } from "./fail-fast-stats.ts";

export interface FailFastSettings {
  /** The waits before each further try; an end of them lets calls try again. */
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly stats: StatsReceiver;
  readonly listener: EjectionListener;
  /** How events and errors call the endpoint. */
  readonly label: string;
  /** Endpoints of the destination: an only one is never marked dead. */
  readonly count: () => number;
}

/** A connection that does not come about by then is one that failed, whatever the transport waits for. */
const longestTryMs = 10_000;

/** From the first connection that failed to the first that comes about. */
class Outage implements UnhealthyEndpoint {
  tries = 0;
  cause: Error;
  /** What the backoff said last. */
  waitMs = 0;
  timer: Timer | undefined = undefined;
  /** Of the last try, which may be under way. */
  trying: Ctx | undefined = undefined;
  readonly #sinceMs: number;
  readonly #clock: Clock;

  constructor(clock: Clock, cause: Error) {
    this.#clock = clock;
    this.#sinceMs = clock.now();
    this.cause = cause;
  }

  get unhealthyForMs(): number {
    return this.#clock.now() - this.#sinceMs;
  }
}

/**
 * Refuses at once to open sessions to an endpoint while they fail, and tries in the background until one opens.
 *
 * Shape: between a pool and its transport; its status is `busy` meanwhile. What was being opened is let be, and counts
 * when it opens. A try that the caller gave up says nothing.
 * Errors: `WEFT_FAILFAST`, flagged rejected and retryable, with the last failure as its cause.
 * Source: Finagle FailFastFactory.
 */
export class FailFastSessions<Req, Rep> implements ServiceFactory<Req, Rep> {
  readonly #next: ServiceFactory<Req, Rep>;
  readonly #settings: FailFastSettings;
  readonly #stats: FailFastStats;
  #outage: Outage | undefined = undefined;
  #closed: Promise<void> | undefined = undefined;

  constructor(next: ServiceFactory<Req, Rep>, settings: FailFastSettings) {
    this.#next = next;
    this.#settings = settings;
    this.#stats = FailFastStats.of(settings.stats);
    this.#stats.add();
  }

  open(ctx: Ctx): Promise<Service<Req, Rep>> {
    const outage = this.#outage;
    if (outage !== undefined && this.#settings.count() > 1) {
      return Promise.reject(new FailFastError(this.#settings.label, outage.unhealthyForMs, outage.tries, outage.cause));
    }
    return this.#openBelow(ctx).then(
      (session) => {
        this.#available("a connection came about");
        return session;
      },
      (thrown: unknown) => {
        const error = asError(thrown);
        if (ctx.cancelled === undefined && !hasFlag(error, "ignorable")) this.#markDead(error);
        throw error;
      },
    );
  }

  get status(): Status {
    const status = this.#next.status;
    return this.#outage !== undefined && this.#settings.count() > 1 ? worst("busy", status) : status;
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      const outage = this.#outage;
      if (outage !== undefined) {
        this.#end(outage);
        this.#stats.forget(outage);
      }
      this.#stats.delete();
      this.#closed = this.#next.close();
    }
    return this.#closed;
  }

  #openBelow(ctx: Ctx): Promise<Service<Req, Rep>> {
    try {
      return this.#next.open(ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  #markDead(cause: Error): void {
    if (this.#outage !== undefined || this.#closed !== undefined || this.#settings.count() <= 1) return;
    const outage = new Outage(this.#settings.clock, cause);
    const waitMs = this.#nextWait(outage);
    if (waitMs === undefined) return;
    this.#outage = outage;
    this.#stats.marked(outage);
    this.#tryAfter(outage, waitMs);
    this.#tell("failFastDead", `no connection: ${cause.message}`, outage, waitMs, cause);
  }

  #available(reason: string): void {
    const outage = this.#outage;
    if (outage === undefined) return;
    this.#end(outage);
    this.#stats.available(outage);
    this.#tell("failFastAlive", reason, outage, outage.unhealthyForMs, undefined);
  }

  #end(outage: Outage): void {
    this.#outage = undefined;
    outage.timer?.cancel();
    outage.trying?.cancel(new CancelledError("the endpoint is no longer marked dead"));
  }

  #nextWait(outage: Outage): number | undefined {
    const waitMs = this.#settings.backoff.delayMs(outage.tries, outage.waitMs, this.#settings.rng);
    if (waitMs !== undefined) outage.waitMs = waitMs;
    return waitMs;
  }

  #tryAfter(outage: Outage, waitMs: number): void {
    outage.timer = this.#settings.clock.after(waitMs, () => this.#try(outage));
  }

  /** Nobody waits for this one: the session is closed again, and the next call opens its own. */
  #try(outage: Outage): void {
    const ctx = new Ctx();
    outage.trying = ctx;
    outage.timer = this.#settings.clock.after(longestTryMs, () => {
      ctx.cancel(new CancelledError(`no connection within ${longestTryMs} ms`));
    });
    this.#openBelow(ctx).then(
      (session) => {
        ctx.end(ok);
        // A session that could not close cleanly is as gone as one that could.
        session.close().catch(() => {});
        if (this.#outage === outage) this.#available("a connection was tried and came about");
      },
      (thrown: unknown) => {
        const error = asError(thrown);
        ctx.end(failed(error));
        if (this.#outage === outage) this.#tryFailed(outage, error);
      },
    );
  }

  #tryFailed(outage: Outage, error: Error): void {
    outage.timer?.cancel();
    outage.tries++;
    outage.cause = error;
    const waitMs = this.#nextWait(outage);
    if (waitMs === undefined) this.#available(`${outage.tries} further tries failed, and no more are made`);
    else this.#tryAfter(outage, waitMs);
  }

  #tell(kind: EjectionKind, reason: string, outage: Outage, forMs: number, cause: Error | undefined): void {
    const { listener, label, clock } = this.#settings;
    const figures = { tries: outage.tries };
    listener({ endpoint: label, kind, reason, figures, forMs, atEpochMs: clock.epochMs(), cause });
  }
}
