import type { Clock, Rng } from "@weftmesh/core";

/** Numbers that a sentence about an endpoint rests on, by name. */
export type Figures = Readonly<Record<string, number>>;

export interface Explanation {
  /** Lower case, no full stop. */
  readonly reason: string;
  readonly figures: Figures;
}

/**
 * Decides when one endpoint is to be taken out, and for how long.
 *
 * Shape: one per endpoint, told of each call that counts, once. What a `record...` says is a wish: `deadMs` is asked
 * only when it is granted, and again, with no further wish, after each probe that failed. `revived` ends the outage.
 * Cost: on the request path; must not allocate, save in `explain`.
 * Source: Finagle FailureAccrualPolicy; there one method both wishes and takes the next wait, so a wish that is not
 * granted would use up a wait.
 */
export interface FailureAccrualPolicy {
  readonly name: string;
  /** True: the endpoint ought to be out, though this call went well. */
  recordSuccess(): boolean;
  /** True: the endpoint ought to be out. */
  recordFailure(): boolean;
  /** A call that was answered, but turned away for now; asked only where the kind has `isLimited`. */
  recordLimited?(): boolean;
  /** ms for which the endpoint is to be out this time. Each call takes the next wait. */
  deadMs(): number;
  /** The endpoint is back: history and waits begin anew. */
  revived(): void;
  /** What it goes by, as it stands. */
  explain(): Explanation;
}

/** A way to judge endpoints; gives each a policy of its own. */
export interface FailureAccrualKind {
  /** As in listings of the stack. */
  readonly name: string;
  newPolicy(clock: Clock, rng: Rng): FailureAccrualPolicy;
  /** Whether an answer says that the endpoint was asked too much: a success to its caller, but no good sign. */
  readonly isLimited?: (rep: unknown) => boolean;
}

/** No endpoint is ever taken out. */
export const none: FailureAccrualKind = {
  name: "none",
  newPolicy: () => ({
    name: "none",
    recordSuccess: () => false,
    recordFailure: () => false,
    deadMs: () => 0,
    revived: () => {},
    explain: () => ({ reason: "nothing is judged", figures: {} }),
  }),
};
