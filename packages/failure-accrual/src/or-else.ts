import { type Explanation, type FailureAccrualKind, type FailureAccrualPolicy, none } from "./policy.ts";

class OrElse implements FailureAccrualPolicy {
  readonly name: string;
  readonly #a: FailureAccrualPolicy;
  readonly #b: FailureAccrualPolicy;
  /** Which of them wanted the endpoint out when one of them last did: it is their waits that count. */
  #aWants = false;
  #bWants = false;

  constructor(name: string, a: FailureAccrualPolicy, b: FailureAccrualPolicy) {
    this.name = name;
    this.#a = a;
    this.#b = b;
  }

  recordSuccess(): boolean {
    return this.#wants(this.#a.recordSuccess(), this.#b.recordSuccess());
  }

  recordFailure(): boolean {
    return this.#wants(this.#a.recordFailure(), this.#b.recordFailure());
  }

  /** To one that does not tell them apart, an answer is a success. */
  recordLimited(): boolean {
    return this.#wants(limited(this.#a), limited(this.#b));
  }

  deadMs(): number {
    const a = this.#aWants ? this.#a.deadMs() : 0;
    const b = this.#bWants ? this.#b.deadMs() : 0;
    return Math.max(a, b);
  }

  revived(): void {
    this.#a.revived();
    this.#b.revived();
  }

  explain(): Explanation {
    const a = this.#a.explain();
    const b = this.#b.explain();
    const reasons: string[] = [];
    if (this.#aWants) reasons.push(a.reason);
    if (this.#bWants) reasons.push(b.reason);
    return { reason: reasons.join("; "), figures: { ...b.figures, ...a.figures } };
  }

  #wants(a: boolean, b: boolean): boolean {
    if (!a && !b) return false;
    this.#aWants = a;
    this.#bWants = b;
    return true;
  }
}

function limited(policy: FailureAccrualPolicy): boolean {
  return policy.recordLimited === undefined ? policy.recordSuccess() : policy.recordLimited();
}

/**
 * Takes an endpoint out as soon as either does, and for the longer of both waits when both do.
 *
 * Shape: both hear of every call.
 * Source: Finagle FailureAccrualPolicy.orElse.
 */
export function orElse(a: FailureAccrualKind, b: FailureAccrualKind): FailureAccrualKind {
  if (a === none) return b;
  if (b === none) return a;
  const name = `${a.name} or ${b.name}`;
  const ofA = a.isLimited;
  const ofB = b.isLimited;
  const isLimited = ofA === undefined || ofB === undefined ? (ofA ?? ofB) : (rep: unknown) => ofA(rep) || ofB(rep);
  return {
    name,
    ...(isLimited === undefined ? {} : { isLimited }),
    newPolicy: (clock, rng) => new OrElse(name, a.newPolicy(clock, rng), b.newPolicy(clock, rng)),
  };
}
