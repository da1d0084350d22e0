import type { Clock, Ctx, Service } from "@weftmesh/core";
import type { Address } from "@weftmesh/naming";
import type { BalancerKind } from "./kind.ts";
import { Node } from "./node.ts";
import { P2c } from "./p2c.ts";
import { leftAloneUntil, type PushBack, type PushBackOptions, pushBackOf, pushedBackLoad } from "./push-back.ts";
import { type SlowStartOptions, slowStartOf } from "./slow-start.ts";

export class LeastLoadedNode<Req, Rep> extends Node<Req, Rep> {
  load(): number {
    return this.pending;
  }
}

/** One that hears when its endpoint wants to be left alone. */
class PolitelyLoadedNode<Req, Rep> extends Node<Req, Rep> {
  #aloneUntilMs = 0;
  readonly #clock: Clock;
  readonly #pushBack: PushBack;

  constructor(
    address: Address,
    make: (address: Address) => Service<Req, Rep>,
    left: (node: Node<Req, Rep>) => void,
    clock: Clock,
    pushBack: PushBack,
  ) {
    super(address, make, left);
    this.#clock = clock;
    this.#pushBack = pushBack;
  }

  load(nowMs: number): number {
    return nowMs < this.#aloneUntilMs ? pushedBackLoad + this.pending : this.pending;
  }

  onResponse(_ctx: Ctx, rep: unknown): void {
    const untilMs = leftAloneUntil(this.#pushBack, rep, this.#clock.now());
    if (untilMs > this.#aloneUntilMs) this.#aloneUntilMs = untilMs;
  }
}

export interface LeastLoadedOptions extends PushBackOptions {
  /** Pairs that may hold no open endpoint before whatever comes is taken: 5 if not given. */
  readonly maxEffort?: number;
  /** How new endpoints come to their share; at once if not given. */
  readonly slowStart?: SlowStartOptions;
}

/** Power of two choices by the number of calls in flight. */
export function leastLoaded(options?: LeastLoadedOptions): BalancerKind {
  const pushBack = pushBackOf(options);
  return {
    algorithm: "p2c_least_loaded",
    maxEffort: options?.maxEffort ?? 5,
    newNode: (address, make, left, clock) =>
      pushBack === undefined
        ? new LeastLoadedNode(address, make, left)
        : new PolitelyLoadedNode(address, make, left, clock, pushBack),
    newPicker: (rng, clock) => {
      const slowStart = slowStartOf(options?.slowStart);
      return new P2c(rng, slowStart === undefined && pushBack === undefined ? undefined : clock, slowStart);
    },
  };
}
