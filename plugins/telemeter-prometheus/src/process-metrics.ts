import type { Registry } from "prom-client";

/** Wakes the process ten times a second instead of a hundred. */
const eventLoopMs = 100;

/** Figures of the process itself, by prom-client, which is loaded and starts to measure when this is called. */
export async function newProcessMetrics(): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import("prom-client");
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: eventLoopMs });
  return registry;
}

/** The registry's metrics as text, save those of one name. */
export async function textWithout(registry: Registry, name: string): Promise<string> {
  const others = registry.getMetricsAsArray().filter((each) => each.name !== name);
  const texts = await Promise.all(others.map((each) => registry.getSingleMetricAsString(each.name)));
  return texts.map((text) => `${text}\n`).join("");
}
