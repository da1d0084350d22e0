import { type Param, param } from "./params.ts";

/** The only door to chance. */
export interface Rng {
  /** A number in [0, 1). */
  next(): number;
}

/** A whole number in [0, n). */
export function nextInt(rng: Rng, n: number): number {
  return Math.floor(rng.next() * n);
}

const noRng: Rng = {
  next(): never {
    throw new TypeError("no source of randomness was given: set RngParam where the stack is built");
  },
};

export const RngParam: Param<Rng> = param<Rng>("rng", noRng, () => "rng");
