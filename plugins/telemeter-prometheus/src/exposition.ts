import type { MetricsTree } from "@weftmesh/telemetry";
import { forEachSample, type Labels } from "./series.ts";

/**
 * Every metric in Prometheus' text format, under Linkerd's names and without HELP and TYPE lines.
 *
 * Shape: a `\`, a `"` and a line end in a label's value are each written as two backslashes, as Linkerd does.
 */
export function prometheusText(tree: MetricsTree, prefix = ""): string {
  const lines: string[] = [];
  forEachSample(tree, prefix, ({ name, labels, value, whole }) => {
    lines.push(`${name}${showLabels(labels)} ${whole ? showNumber(value) : showFloat(value)}\n`);
  });
  return lines.join("");
}

function showLabels(labels: Labels): string {
  if (labels.length === 0) return "";
  return `{${labels.map(([name, value]) => `${name}="${escapeValue(value)}"`).join(", ")}}`;
}

function escapeValue(value: string): string {
  return value.replace(/[\\"\n]/g, "\\\\");
}

function showNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

function showFloat(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : showNumber(value);
}
