import { ClockParam, Params, RngParam } from "@weftmesh/core";
import { StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import type { StackPlace, StackSpec } from "../experiment.ts";

/** What the simulation sets, and over it what the scenario does. */
export function stackParams(base: Params, spec: StackSpec, place: StackPlace, stats: StatsReceiver): Params {
  const own = typeof spec.params === "function" ? spec.params(place) : (spec.params ?? Params.empty);
  return base.with(ClockParam, place.clock).with(RngParam, place.rng).with(StatsParam, stats).merge(own);
}
