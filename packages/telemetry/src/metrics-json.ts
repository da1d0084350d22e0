import type { Metric, MetricsTree, Summary } from "./metrics-tree.ts";

/** The answer to a request for `/admin/metrics.json`. */
export interface MetricsJson {
  readonly status: 200 | 404;
  readonly body: string;
}

/** The figures of a stat and their keys, in the order in which they are shown. */
const figures: readonly (readonly [key: string, read: (summary: Summary) => string])[] = [
  ["max", (each) => showNumber(each.max)],
  ["min", (each) => showNumber(each.min)],
  ["p50", (each) => showNumber(each.percentile(0.5))],
  ["p90", (each) => showNumber(each.percentile(0.9))],
  ["p95", (each) => showNumber(each.percentile(0.95))],
  ["p99", (each) => showNumber(each.percentile(0.99))],
  ["p9990", (each) => showNumber(each.percentile(0.999))],
  ["p9999", (each) => showNumber(each.percentile(0.9999))],
  ["sum", (each) => showNumber(each.sum)],
  ["avg", (each) => showFloat(each.avg)],
];

/**
 * Every metric as JSON.
 *
 * Shape: the query keys are those of Linkerd 1: `q` picks a subtree, whose scopes are separated by `/`, so that a
 * scope with a `/` in its name cannot be picked; `tree` nests; `pretty` sorts and indents what is not nested. Counters
 * are whole numbers since the start; gauges have a fraction; stats are those of the last window.
 * Source: Linkerd 1.7 AdminMetricsExportTelemeter.
 */
export function metricsJson(tree: MetricsTree, query: URLSearchParams): MetricsJson {
  const q = query.get("q");
  const below = q === null ? [] : splitQuery(q);
  let found = below.length === 0;
  const metrics: { readonly name: readonly string[]; readonly metric: Metric }[] = [];
  tree.forEach((name, metric) => {
    if (!startsWith(name, below)) return;
    found = true;
    metrics.push({ name: name.slice(below.length), metric });
  });
  if (!found) return { status: 404, body: `{"error": ${JSON.stringify(`No such subtree: ${q}`)}}` };
  if (isTrue(query.get("tree"))) return { status: 200, body: nested(metrics) };
  const flat = metrics.map(({ name, metric }) => ({ key: name.join("/"), metric }));
  const pretty = isTrue(query.get("pretty"));
  if (pretty) flat.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const fields: string[] = [];
  for (const { key, metric } of flat) writeFields(fields, pretty ? "  " : "", key, pretty ? " : " : ":", metric);
  if (!pretty) return { status: 200, body: `{${fields.join(",")}}` };
  return { status: 200, body: fields.length === 0 ? "{ }" : `{\n${fields.join(",\n")}\n}` };
}

function splitQuery(q: string): readonly string[] {
  const scopes = q.split("/");
  // A trailing separator says nothing; an empty query names the empty scope.
  while (scopes.length > (q === "" ? 1 : 0) && scopes.at(-1) === "") scopes.pop();
  return q === "" ? [""] : scopes;
}

function startsWith(name: readonly string[], prefix: readonly string[]): boolean {
  if (prefix.length > name.length) return false;
  for (let i = 0; i < prefix.length; i++) if (name[i] !== prefix[i]) return false;
  return true;
}

function isTrue(value: string | null): boolean {
  return value !== null && /^(1|t|true)$/i.test(value);
}

/** Writes a metric as fields of an object. A stat has many, so its name is quoted once. */
function writeFields(into: string[], indent: string, key: string, colon: string, metric: Metric): void {
  const open = indent + JSON.stringify(key).slice(0, -1);
  if (metric.kind === "counter") into.push(`${open}"${colon}${showNumber(metric.value)}`);
  else if (metric.kind === "gauge") into.push(`${open}"${colon}${showFloat(metric.value)}`);
  else if (metric.summary !== undefined) {
    const { summary } = metric;
    into.push(`${open}.count"${colon}${showNumber(summary.count)}`);
    if (summary.count === 0) return;
    for (const [figure, read] of figures) into.push(`${open}.${figure}"${colon}${read(summary)}`);
  }
}

interface Branch {
  readonly children: Map<string, Branch>;
  metric: Metric | undefined;
}

function nested(metrics: readonly { readonly name: readonly string[]; readonly metric: Metric }[]): string {
  const root: Branch = { children: new Map(), metric: undefined };
  for (const { name, metric } of metrics) {
    let branch = root;
    for (const each of name) {
      let child = branch.children.get(each);
      if (child === undefined) {
        child = { children: new Map(), metric: undefined };
        branch.children.set(each, child);
      }
      branch = child;
    }
    branch.metric = metric;
  }
  return showBranch(root);
}

function showBranch({ children, metric }: Branch): string {
  const shown: string[] = [];
  if (metric !== undefined) writeFields(shown, "", metric.kind, ":", metric);
  for (const [name, child] of children) shown.push(`${JSON.stringify(name)}:${showBranch(child)}`);
  return `{${shown.join(",")}}`;
}

/** JSON has no word for a number that is none: it is quoted. */
function showNumber(value: number): string {
  return Number.isFinite(value) ? String(value) : `"${value}"`;
}

function showFloat(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : showNumber(value);
}
