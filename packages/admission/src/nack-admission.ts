import {
  asError,
  type Clock,
  ClockParam,
  type Ctx,
  defineModule,
  hasFlag,
  type Module,
  type Observer,
  type Outcome,
  type Param,
  param,
  type Rng,
  RngParam,
  type Role,
  role,
  type Service,
  type Status,
} from "@weftmesh/core";
import { type Counter, nullStats, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { AcceptRate, RecentCount } from "./accept-rate.ts";
import { NackAdmissionError } from "./errors.ts";

export const NackAdmissionRole: Role = role("nackAdmission");

export interface NackAdmissionOptions {
  /** ms after which an answer counts for 37 % still; 120,000 if not given. */
  readonly windowMs?: number;
  /** Share of refusals up to which nothing is held back, between 0 and 1; 0.5 if not given. */
  readonly nackRateThreshold?: number;
  /** Whether an answer is a refusal; if not given, only errors that are flagged rejected are. */
  readonly isNack?: (rep: unknown) => boolean;
}

/** Undefined leaves the module out. */
export const NackAdmissionParam: Param<NackAdmissionOptions | undefined> = param<NackAdmissionOptions | undefined>(
  "nackAdmission",
  undefined,
  (options) => options && { windowMs: options.windowMs, nackRateThreshold: options.nackRateThreshold },
);

/** Something always gets through, or nobody would learn that the peers are well again. */
const maxDropProbability = 0.75;
/** Fewer requests a second tell nothing, and hurt nobody. */
const leastRps = 5;

/** What one client knows of its peers' refusals; all its endpoints share it. */
class NackAdmission {
  /** Stacks that use it. */
  users = 0;
  readonly #acceptThreshold: number;
  readonly #isNack: ((rep: unknown) => boolean) | undefined;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #requests: RecentCount = new RecentCount();
  readonly #acceptRate: AcceptRate;
  readonly #dropped: Counter;
  readonly #removeGauge: () => void;

  constructor(options: NackAdmissionOptions, clock: Clock, rng: Rng, stats: StatsReceiver) {
    const { windowMs = 120_000, nackRateThreshold = 0.5 } = options;
    if (!(windowMs > 0)) throw new RangeError(`windowMs must be above 0: ${windowMs}`);
    if (!(nackRateThreshold > 0 && nackRateThreshold < 1)) {
      throw new RangeError(`nackRateThreshold must lie between 0 and 1: ${nackRateThreshold}`);
    }
    this.#acceptThreshold = 1 - nackRateThreshold;
    this.#isNack = options.isNack;
    this.#clock = clock;
    this.#rng = rng;
    this.#acceptRate = new AcceptRate(windowMs, clock.now());
    this.#dropped = stats.counter("nack_admission_control", "dropped_requests");
    this.#removeGauge = stats.gauge(() => this.#acceptRate.value * 100, "nack_admission_control", "ema_value");
  }

  /** Why the call is not to be sent, if it is not. */
  refusal(): NackAdmissionError | undefined {
    const nowMs = this.#clock.now();
    this.#requests.add(nowMs);
    const { value } = this.#acceptRate;
    if (value >= this.#acceptThreshold || this.#requests.sum(nowMs) < leastRps) return undefined;
    if (this.#rng.next() >= Math.min(maxDropProbability, 1 - value / this.#acceptThreshold)) return undefined;
    this.#dropped.inc();
    return new NackAdmissionError(value);
  }

  answered(rep: unknown): void {
    this.#heard(this.#isNack?.(rep) !== true);
  }

  ended(outcome: Outcome): void {
    this.#heard(outcome.kind === "ok" || !hasFlag(outcome.error, "rejected"));
  }

  #heard(accepted: boolean): void {
    const nowMs = this.#clock.now();
    this.#acceptRate.update(accepted || this.#requests.sum(nowMs) < leastRps, nowMs);
  }

  close(): void {
    this.#removeGauge();
  }
}

/** Whether a call has been heard of. */
class SentCall implements Observer {
  readonly #admission: NackAdmission;
  #heard = false;

  constructor(admission: NackAdmission) {
    this.#admission = admission;
  }

  onResponse(_ctx: Ctx, rep: unknown): void {
    if (this.#heard) return;
    this.#heard = true;
    this.#admission.answered(rep);
  }

  onEnd(_ctx: Ctx, outcome: Outcome): void {
    if (!this.#heard) this.#admission.ended(outcome);
  }
}

class NackAdmissionService<Req, Rep> implements Service<Req, Rep> {
  readonly #admission: NackAdmission;
  readonly #next: Service<Req, Rep>;
  readonly #release: () => void;
  #closed: Promise<void> | undefined = undefined;

  constructor(admission: NackAdmission, release: () => void, next: Service<Req, Rep>) {
    this.#admission = admission;
    this.#release = release;
    this.#next = next;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    const refusal = this.#admission.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    ctx.observe(new SentCall(this.#admission));
    try {
      return this.#next.call(req, ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  get status(): Status {
    return this.#next.status;
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#release();
      this.#closed = this.#next.close();
    }
    return this.#closed;
  }
}

/**
 * Keeps back a share of a client's calls while its peers refuse most of them.
 *
 * Shape: with an accept rate below `1 - nackRateThreshold`, as a moving average over `windowMs`, a call is kept back
 * with the probability `1 - rate / (1 - nackRateThreshold)`, 0.75 at most. Below 5 requests in a second nothing is kept
 * back, and every answer counts as accepted. What is kept back changes nothing of the average. Must be one for all
 * endpoints of a client: above the balancer, or, below it, shared by the stacks that have the same `StatsParam`.
 * Errors: `WEFT_NACK_ADMISSION`, flagged rejected and nonRetryable. RangeError for options that are out of range, when
 * the stack is built.
 * Cost: two readings of the clock and one small object per call.
 * Source: Finagle NackAdmissionFilter, which keeps calls back below 5 requests a second as well, against its own
 * documentation.
 */
export function nackAdmission<Req, Rep>(): Module<Service<Req, Rep>> {
  const shared = new WeakMap<StatsReceiver, NackAdmission>();

  function take(stats: StatsReceiver, make: () => NackAdmission): NackAdmission {
    // Who counts nothing has nothing that tells one client from another.
    if (stats === nullStats) return make();
    let admission = shared.get(stats);
    if (admission === undefined) {
      admission = make();
      shared.set(stats, admission);
    }
    return admission;
  }

  return defineModule({
    role: NackAdmissionRole,
    description: "Keeps back a share of the calls while the peers refuse most of them",
    params: { options: NackAdmissionParam, clock: ClockParam, rng: RngParam, stats: StatsParam },
    make: ({ options, clock, rng, stats }, next: Service<Req, Rep>): Service<Req, Rep> => {
      if (options === undefined) return next;
      const admission = take(stats, () => new NackAdmission(options, clock, rng, stats));
      admission.users++;
      const release = (): void => {
        if (--admission.users > 0) return;
        if (shared.get(stats) === admission) shared.delete(stats);
        admission.close();
      };
      return new NackAdmissionService(admission, release, next);
    },
  });
}
