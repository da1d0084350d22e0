import type { AxisUnit } from "../chart.ts";

/** A scale: where a value lies between 0 and 1, and where its lines are drawn. */
export interface Axis {
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** Less than this is nothing to whoever looks at a chart. */
const leastSpan = 1e-9;

/** From 0, or from `min`, to a round number above `max`, in round steps. */
export function linearAxis(min: number, max: number, steps = 5): Axis {
  // Values that are all but the same still need ticks that differ in their digits.
  const span = Math.max(max - min, Math.abs(max) * 1e-6, leastSpan);
  const step = roundStep(span / steps);
  const start = Math.floor(min / step + 1e-9) * step;
  const ticks: number[] = [];
  for (let i = 0; ; i++) {
    const tick = Number((start + i * step).toPrecision(12));
    ticks.push(tick);
    if (tick >= min + span - step * 1e-6) break;
  }
  const first = ticks[0] as number;
  const last = ticks.at(-1) as number;
  return { ticks, at: (value) => (value - first) / (last - first) };
}

/** From a round number below `min`, which is above a millionth, to one above `max`. */
export function logAxis(min: number, max: number): Axis {
  const low = Math.floor(Math.log10(min) + 1e-9);
  let ticks: number[] = [];
  for (let exponent = low; ; exponent++) {
    for (const digit of [1, 2, 5]) ticks.push(Number((digit * 10 ** exponent).toPrecision(3)));
    if (10 ** (exponent + 1) > max) break;
  }
  ticks.push(Number((10 ** (Math.floor(Math.log10(max) + 1e-9) + 1)).toPrecision(3)));
  // What lies wholly beside the values is cut off.
  const from = ticks.findLastIndex((tick) => tick <= min);
  const to = ticks.findIndex((tick) => tick >= max);
  ticks = ticks.slice(Math.max(from, 0), (to === -1 ? ticks.length - 1 : to) + 1);
  if (ticks.length === 1) ticks.push((ticks[0] as number) * 2);
  const first = Math.log10(ticks[0] as number);
  const last = Math.log10(ticks.at(-1) as number);
  return { ticks, at: (value) => (Math.log10(value) - first) / (last - first) };
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const digit = rough / power;
  return (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10) * power;
}

export function showTick(value: number, unit: AxisUnit): string {
  if (unit === "percent") return `${Number((value * 100).toPrecision(6))} %`;
  const whole = Math.abs(value);
  if (whole >= 1_000_000) return `${Number((value / 1_000_000).toPrecision(4))} M`;
  if (whole >= 10_000) return `${Number((value / 1000).toPrecision(4))} k`;
  return String(Number(value.toPrecision(6)));
}
