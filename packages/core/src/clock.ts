import { type Param, param } from "./params.ts";

/** A timer that was set; cancelling one that fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * The only door to time. Everything that waits or measures is given one.
 *
 * Units: ms. `now` is monotonic with an arbitrary origin and a fraction; `epochMs` is the calendar's time and may jump.
 * Cost: `after` and `cancel` are O(1).
 */
export interface Clock {
  now(): number;
  epochMs(): number;
  /** Calls `fn` once, `ms` from now or a little later, never earlier; at the next turn when `ms` is zero or less. */
  after(ms: number, fn: () => void): Timer;
}

/** A clock that refuses to be read: whoever builds a stack must say which time it runs in. */
export const noClock: Clock = {
  now: refuse,
  epochMs: refuse,
  after: refuse,
};

function refuse(): never {
  throw new TypeError("no clock was given: set ClockParam where the stack is built");
}

export const ClockParam: Param<Clock> = param<Clock>("clock", noClock, () => "clock");
