import { type Param, param } from "@weftmesh/core";
import type { Figures } from "./policy.ts";

/**
 * What became of an endpoint: `ejected` from life, `stillEjected` after a probe that failed, `revived`; `refused` when
 * it ought to be out and too many are; `failFastDead` and `failFastAlive` when connections began and ceased to fail.
 */
export type EjectionKind = "ejected" | "stillEjected" | "revived" | "refused" | "failFastDead" | "failFastAlive";

/** One turn in the life of an endpoint, with why. */
export interface EjectionEvent {
  /** The endpoint, as `EndpointLabelParam` has it. */
  readonly endpoint: string;
  readonly kind: EjectionKind;
  /** For people: lower case, no full stop. */
  readonly reason: string;
  /** The numbers that the reason rests on. */
  readonly figures: Figures;
  /** For how long it is out from now on, in ms; of a revival, how long it was out; of a refusal 0. */
  readonly forMs: number;
  /** The calendar's time, in ms. */
  readonly atEpochMs: number;
  /** What the last call failed with, where it was an error and not an answer. */
  readonly cause: Error | undefined;
}

/** Hears of every turn when all is settled. It must not throw. */
export type EjectionListener = (event: EjectionEvent) => void;

export const EjectionListenerParam: Param<EjectionListener> = param<EjectionListener>(
  "ejectionListener",
  () => {},
  () => "listener",
);

/** How events and errors call the endpoint that a stack is for: its host and port, as a rule. */
export const EndpointLabelParam: Param<string> = param("endpointLabel", "an endpoint without a name");
