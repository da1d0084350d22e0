import type { Metric, MetricsTree, Summary } from "@weftmesh/telemetry";

export type Labels = readonly (readonly [name: string, value: string])[];

/** One line of a scrape, before it is written. */
export interface Sample {
  readonly name: string;
  /** Raw text: whoever writes it escapes it. */
  readonly labels: Labels;
  readonly value: number;
  /** Counts are whole; gauges and averages are shown with a fraction. */
  readonly whole: boolean;
}

const stacks: ReadonlySet<string> = new Set(["service", "client", "server"]);

const figures: readonly (readonly [suffix: string, whole: boolean, read: (summary: Summary) => number])[] = [
  ["_count", true, (each) => each.count],
  ["_sum", true, (each) => each.sum],
  ["_avg", false, (each) => each.avg],
];

const quantiles: readonly (readonly [label: string, read: (summary: Summary) => number])[] = [
  ["0", (each) => each.min],
  ["0.5", (each) => each.percentile(0.5)],
  ["0.9", (each) => each.percentile(0.9)],
  ["0.95", (each) => each.percentile(0.95)],
  ["0.99", (each) => each.percentile(0.99)],
  ["0.999", (each) => each.percentile(0.999)],
  ["0.9999", (each) => each.percentile(0.9999)],
  ["1", (each) => each.max],
];

/**
 * Every metric as samples, in the order of the tree.
 *
 * Shape: scopes that name a thing become labels: the router, a service, client or server, and a failure. Stats are
 * those of the last window, and left out while it is empty.
 * Source: Linkerd 1.7 PrometheusTelemeter.
 */
export function forEachSample(tree: MetricsTree, prefix: string, visit: (sample: Sample) => void): void {
  tree.forEach((scopes, metric) => {
    const { key, labels } = seriesOf(scopes);
    const name = metricName(prefix + key.join(":"));
    if (name !== "") samplesOf(name, labels, metric, visit);
  });
}

function samplesOf(name: string, labels: Labels, metric: Metric, visit: (sample: Sample) => void): void {
  if (metric.kind !== "stat") {
    visit({ name, labels, value: metric.value, whole: metric.kind === "counter" });
    return;
  }
  const { summary } = metric;
  if (summary === undefined || summary.count === 0) return;
  for (const [suffix, whole, read] of figures) visit({ name: name + suffix, labels, value: read(summary), whole });
  for (const [quantile, read] of quantiles) {
    visit({ name, labels: [...labels, ["quantile", quantile]], value: read(summary), whole: true });
  }
}

/** A name may not begin with a digit, whatever a scope is called. */
function metricName(text: string): string {
  const name = text.replace(/[^a-zA-Z0-9:]/g, "_");
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

interface Series {
  readonly key: readonly string[];
  readonly labels: Labels;
}

/** Takes the scopes one after the other, and those that name a thing out of the key into the labels. */
function seriesOf(scopes: readonly string[]): Series {
  const key: string[] = [];
  const labels: (readonly [string, string])[] = [];
  for (const scope of scopes) {
    const label = labelFor(key, labels);
    if (label === undefined) key.push(scope);
    else if (label === "exception") addException(key, labels, scope);
    else labels.push([label, scope]);
  }
  return { key, labels };
}

/** The label that the scope after this key is the value of. */
function labelFor(key: readonly string[], labels: Labels): string | undefined {
  const [root, stack, below] = key;
  if (root !== "rt") return undefined;
  if (key.length === 1) return unused(labels, "rt");
  if (stack === undefined || !stacks.has(stack)) return undefined;
  if (key.length === 2) return unused(labels, stack);
  if (key.length !== 3) return undefined;
  if (below === "service" && stack === "client") return unused(labels, "service");
  return below === "failures" || below === "exn" ? "exception" : undefined;
}

function unused(labels: Labels, name: string): string | undefined {
  return labels.some(([each]) => each === name) ? undefined : name;
}

/** A chain of causes is one label. What stands below `exn` is called `exceptions`. */
function addException(key: string[], labels: (readonly [string, string])[], scope: string): void {
  if (key[2] === "exn") key[2] = "exceptions";
  const at = labels.findIndex(([name]) => name === "exception");
  if (at === -1) labels.push(["exception", scope]);
  else labels[at] = ["exception", `${labels[at]?.[1]}:${scope}`];
}
