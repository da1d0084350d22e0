import { type Clock, type Ctx, type Rng, type Service, type Status, type Timer, worst } from "@weftmesh/core";
import type { StatsReceiver } from "@weftmesh/telemetry";
import { AccrualStats } from "./accrual-stats.ts";
import type { EjectionKind, EjectionListener } from "./ejection-event.ts";
import type { Ejections } from "./ejections.ts";
import { type CallJudge, CountedCall, ProbeCall } from "./judged-call.ts";
import type { Explanation, FailureAccrualKind, FailureAccrualPolicy } from "./policy.ts";
import type { Verdict } from "./verdict.ts";

export interface EndpointBreakerSettings {
  readonly kind: FailureAccrualKind;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly stats: StatsReceiver;
  readonly ejections: Ejections;
  readonly listener: EjectionListener;
  /** How events call the endpoint. */
  readonly label: string;
  /** How long a probe may take to its end before it counts by its head, or as failed; `Infinity`: for ever. */
  readonly probeTimeoutMs: number;
}

/** ms between two events of one endpoint that say that it should be out and may not. */
const refusedEventEveryMs = 10_000;

/**
 * Takes one endpoint out while it fails, and lets it back by a probe.
 *
 * Shape: alive, until its policy wants it out; dead for as long as the policy says; then open for a single call, the
 * probe, and shut again behind it. By what becomes of that very call the endpoint is alive, dead for longer, or open
 * for another probe. It refuses nobody: while it is dead, and while it waits for the probe, its status is `busy` and
 * whoever calls all the same is served and not judged. Nor is a call that began in a life which is over.
 */
export class EndpointBreaker<Req, Rep> implements Service<Req, Rep>, CallJudge {
  readonly isLimited: ((rep: unknown) => boolean) | undefined;
  readonly #next: Service<Req, Rep>;
  readonly #settings: EndpointBreakerSettings;
  readonly #policy: FailureAccrualPolicy;
  readonly #stats: AccrualStats;
  #state: "alive" | "dead" | "probeOpen" | "probeClosed" | "closed" = "alive";
  /** Lives and outages so far: a call belongs to the one in which it began. */
  #era = 0;
  /** What ends the outage or the patience with a probe. */
  #timer: Timer | undefined = undefined;
  /** The call that is waited for; not one that has taken too long, though it may yet bring the endpoint back. */
  #probe: ProbeCall | undefined = undefined;
  #deadSinceMs = 0;
  #refusedEventMs = Number.NEGATIVE_INFINITY;

  constructor(next: Service<Req, Rep>, settings: EndpointBreakerSettings) {
    this.#next = next;
    this.#settings = settings;
    this.#policy = settings.kind.newPolicy(settings.clock, settings.rng);
    this.isLimited = settings.kind.isLimited;
    this.#stats = AccrualStats.of(settings.stats);
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#state === "alive") ctx.observe(new CountedCall(this, req, this.#era));
    else if (this.#state === "probeOpen" && !ctx.ended) this.#startProbe(req, ctx);
    try {
      return this.#next.call(req, ctx);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  get status(): Status {
    const state = this.#state;
    const status = this.#next.status;
    return state === "dead" || state === "probeClosed" ? worst("busy", status) : status;
  }

  close(): Promise<void> {
    if (this.#state !== "closed") {
      if (this.#state !== "alive") this.#settings.ejections.release();
      this.#state = "closed";
      this.#era++;
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#probe = undefined;
    }
    return this.#next.close();
  }

  /** A call that was begun in a life has its verdict. */
  record(era: number, verdict: Verdict, cause: Error | undefined): void {
    if (era !== this.#era || verdict === "ignorable") return;
    const policy = this.#policy;
    if (verdict === "success" ? policy.recordSuccess() : this.#recordBad(verdict)) this.#eject(cause);
  }

  /** A head says little of a body; but there is an end to waiting for that. */
  probeHead(probe: ProbeCall): void {
    if (probe !== this.#probe && probe.era === this.#era && probe.head === "success") this.#reviveByHead(probe);
  }

  probeEnd(probe: ProbeCall, verdict: Verdict, cause: Error | undefined): void {
    if (probe.era !== this.#era) return;
    if (verdict === "success") {
      this.#revive("the probe went well");
      this.#policy.recordSuccess();
      return;
    }
    if (probe !== this.#probe) return;
    if (verdict === "ignorable") this.#openForProbe();
    else this.#probeFailed(verdict, cause, cause?.message ?? "its answer was judged so");
  }

  #startProbe(req: Req, ctx: Ctx): void {
    this.#state = "probeClosed";
    this.#stats.probes.inc();
    const probe = new ProbeCall(this, req, this.#era);
    this.#probe = probe;
    const { clock, probeTimeoutMs } = this.#settings;
    if (probeTimeoutMs !== Number.POSITIVE_INFINITY) {
      this.#timer = clock.after(probeTimeoutMs, () => this.#probeIsOverdue(probe));
    }
    ctx.observe(probe);
  }

  #probeIsOverdue(probe: ProbeCall): void {
    if (probe.head === "success") this.#reviveByHead(probe);
    else if (probe.head === "ignorable") this.#openForProbe();
    else this.#probeFailed("failure", undefined, `it took longer than ${this.#settings.probeTimeoutMs} ms`);
  }

  #probeFailed(verdict: "failure" | "limited", cause: Error | undefined, why: string): void {
    this.#recordBad(verdict);
    const { figures } = this.#policy.explain();
    this.#die("stillEjected", { reason: `the probe failed: ${why}`, figures }, cause);
  }

  #recordBad(verdict: "failure" | "limited"): boolean {
    const policy = this.#policy;
    if (verdict === "limited" && policy.recordLimited !== undefined) return policy.recordLimited();
    return policy.recordFailure();
  }

  #eject(cause: Error | undefined): void {
    const { ejections, clock } = this.#settings;
    if (!ejections.tryEject()) {
      this.#refuse(cause);
      return;
    }
    this.#era++;
    this.#deadSinceMs = clock.now();
    this.#stats.removals.inc();
    this.#die("ejected", this.#policy.explain(), cause);
  }

  #refuse(cause: Error | undefined): void {
    this.#stats.refused.inc();
    const nowMs = this.#settings.clock.now();
    if (nowMs - this.#refusedEventMs < refusedEventEveryMs) return;
    this.#refusedEventMs = nowMs;
    const { reason, figures } = this.#policy.explain();
    const { out } = this.#settings.ejections;
    this.#tell("refused", { reason: `${reason}; but ${out} endpoints are out already`, figures }, 0, cause);
  }

  #die(kind: EjectionKind, why: Explanation, cause: Error | undefined): void {
    const forMs = this.#policy.deadMs();
    this.#probe = undefined;
    this.#state = "dead";
    this.#timer?.cancel();
    this.#timer = this.#settings.clock.after(forMs, () => this.#openForProbe());
    this.#stats.removedForMs.inc(Math.round(forMs));
    this.#tell(kind, why, forMs, cause);
  }

  #openForProbe(): void {
    this.#probe = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#state = "probeOpen";
  }

  /** The rest of the call counts in the life that it began. */
  #reviveByHead(probe: ProbeCall): void {
    this.#revive("the head of the probe's answer was good, and its body takes long");
    probe.era = this.#era;
    probe.isOver = true;
  }

  #revive(reason: string): void {
    this.#probe = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#era++;
    this.#state = "alive";
    const { figures } = this.#policy.explain();
    this.#policy.revived();
    this.#settings.ejections.release();
    this.#stats.revivals.inc();
    this.#tell("revived", { reason, figures }, this.#settings.clock.now() - this.#deadSinceMs, undefined);
  }

  #tell(kind: EjectionKind, { reason, figures }: Explanation, forMs: number, cause: Error | undefined): void {
    const { listener, label, clock } = this.#settings;
    listener({ endpoint: label, kind, reason, figures, forMs, atEpochMs: clock.epochMs(), cause });
  }
}
