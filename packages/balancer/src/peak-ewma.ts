import {
  ClassifierKey,
  type Clock,
  type Ctx,
  defaultClassifier,
  hasFlag,
  type Observer,
  type Outcome,
  type Service,
} from "@weftmesh/core";
import type { Address } from "@weftmesh/naming";
import { Ewma } from "./ewma.ts";
import type { BalancerKind } from "./kind.ts";
import { Node } from "./node.ts";
import { P2c } from "./p2c.ts";
import { leftAloneUntil, type PushBack, type PushBackOptions, pushBackOf, pushedBackLoad } from "./push-back.ts";
import { type SlowStartOptions, slowStartOf } from "./slow-start.ts";

/** More than any load that was measured, and still exact when calls in flight are added to it. */
const unknownLoad = 1e15;

interface Settings {
  readonly decayTimeMs: number;
  readonly failurePenaltyMs: number;
  readonly defaultRttMs: number | undefined;
  readonly pushBack: PushBack | undefined;
}

class PeakEwmaNode<Req, Rep> extends Node<Req, Rep> {
  readonly #latency: Ewma;
  readonly #settings: Settings;
  readonly #clock: Clock;
  #aloneUntilMs = 0;

  constructor(
    address: Address,
    make: (address: Address) => Service<Req, Rep>,
    left: (node: Node<Req, Rep>) => void,
    clock: Clock,
    settings: Settings,
  ) {
    super(address, make, left);
    this.#latency = new Ewma(settings.decayTimeMs);
    this.#settings = settings;
    this.#clock = clock;
  }

  load(nowMs: number): number {
    if (nowMs < this.#aloneUntilMs) return pushedBackLoad + this.pending;
    const latencyMs = this.#latency.at(nowMs);
    return latencyMs > 0 ? latencyMs * (this.pending + 1) : this.#unknownLoad();
  }

  answered(sinceMs: number): void {
    const nowMs = this.#clock.now();
    this.#latency.observe(nowMs - sinceMs, nowMs);
  }

  /** A fast failure must not look like a fast answer. */
  failed(sinceMs: number): void {
    const nowMs = this.#clock.now();
    this.#latency.observe(Math.max(nowMs - sinceMs, this.#settings.failurePenaltyMs), nowMs);
  }

  /** It would have taken longer than this: news only if that is more than was known. */
  abandoned(sinceMs: number): void {
    const nowMs = this.#clock.now();
    this.#latency.atLeast(nowMs - sinceMs, nowMs);
  }

  /** It may have said that it wants to be left alone. */
  heard(rep: unknown): void {
    const { pushBack } = this.#settings;
    if (pushBack === undefined) return;
    const untilMs = leftAloneUntil(pushBack, rep, this.#clock.now());
    if (untilMs > this.#aloneUntilMs) this.#aloneUntilMs = untilMs;
  }

  done(): void {
    this.release();
  }

  protected override watch(req: Req, ctx: Ctx): void {
    ctx.observe(new TimedCall(this, req, this.#clock.now()));
  }

  #unknownLoad(): number {
    const { defaultRttMs } = this.#settings;
    if (defaultRttMs !== undefined) return defaultRttMs * (this.pending + 1);
    // A node of which nothing is known, any more, wins at once, once: then it waits for its first answer behind all others.
    return this.pending === 0 ? 0 : unknownLoad + this.pending;
  }
}

/** When a call began: the one thing that a node cannot know of each of its calls. */
class TimedCall<Req, Rep> implements Observer {
  readonly #node: PeakEwmaNode<Req, Rep>;
  readonly #req: Req;
  readonly #sinceMs: number;
  #heard = false;

  constructor(node: PeakEwmaNode<Req, Rep>, req: Req, sinceMs: number) {
    this.#node = node;
    this.#req = req;
    this.#sinceMs = sinceMs;
  }

  onResponse(ctx: Ctx, rep: unknown): void {
    if (this.#heard) return;
    this.#heard = true;
    const classifier = ctx.get(ClassifierKey) ?? defaultClassifier;
    const kind = classifier.classify(this.#req, rep, undefined);
    if (kind === "failure" || kind === "retryable") this.#node.failed(this.#sinceMs);
    else this.#node.answered(this.#sinceMs);
    this.#node.heard(rep);
  }

  onEnd(_ctx: Ctx, outcome: Outcome): void {
    if (outcome.kind === "failed") this.#fail(outcome.error);
    else if (!this.#heard) this.#node.answered(this.#sinceMs);
    this.#node.done();
  }

  #fail(error: Error): void {
    // A deadline of the caller's own, which is flagged as interrupted, says no more than that it left.
    if (!hasFlag(error, "ignorable") && !hasFlag(error, "interrupted")) this.#node.failed(this.#sinceMs);
    else if (!this.#heard) this.#node.abandoned(this.#sinceMs);
  }
}

export interface PeakEwmaOptions extends PushBackOptions {
  /** ms after which 37 % of a latency still counts; 10,000 if not given. */
  readonly decayTimeMs?: number;
  /** Pairs that may hold no open endpoint before whatever comes is taken: 5 if not given. */
  readonly maxEffort?: number;
  /**
   * The latency, in ms, that an endpoint counts with until its first answer. If not given, a new endpoint wins at
   * once, once, and then waits for that answer behind all others.
   */
  readonly defaultRttMs?: number;
  /** How new endpoints come to their share; at once if not given. */
  readonly slowStart?: SlowStartOptions;
  /** The latency, in ms, that a failure counts as, at least; 5,000 if not given. 0 counts failures by their time. */
  readonly failurePenaltyMs?: number;
}

/**
 * Power of two choices by latency times calls in flight.
 *
 * Shape: the latency is the time to the head of the response, since a long body says nothing of its peer; a call is
 * in flight until its body has ended. A call is a failure by the call's own classifier, or when it failed without an
 * ignorable error; one whose caller went away counts only if it had taken longer than is usual.
 */
export function peakEwma(options?: PeakEwmaOptions): BalancerKind {
  const settings: Settings = {
    decayTimeMs: options?.decayTimeMs ?? 10_000,
    failurePenaltyMs: options?.failurePenaltyMs ?? 5000,
    defaultRttMs: options?.defaultRttMs,
    pushBack: pushBackOf(options),
  };
  return {
    algorithm: "p2c_peak_ewma",
    maxEffort: options?.maxEffort ?? 5,
    newNode: (address, make, left, clock) => new PeakEwmaNode(address, make, left, clock, settings),
    newPicker: (rng, clock) => new P2c(rng, clock, slowStartOf(options?.slowStart)),
  };
}
