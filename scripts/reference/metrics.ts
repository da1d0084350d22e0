import ts from "typescript";
import type { SourceText } from "./errors.ts";

/** One metric that the sources ask a StatsReceiver for. */
export interface MetricEntry {
  readonly kind: "counter" | "stat" | "gauge";
  /** Scopes and name with `/` between them, `{…}` where one is made at run time. */
  readonly name: string;
  readonly file: string;
}

const kinds: readonly string[] = ["counter", "stat", "gauge"];

/** Every `counter`, `stat` and `gauge` that is asked for with at least one literal name. */
export function readMetrics(sources: readonly SourceText[]): readonly MetricEntry[] {
  const entries = new Map<string, MetricEntry>();
  for (const { file, text } of sources) {
    const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
        const kind = node.expression.name.text;
        if (kinds.includes(kind)) {
          const names = kind === "gauge" ? node.arguments.slice(1) : node.arguments;
          const parts = [...scopesOf(node.expression.expression), ...names.map(part)];
          if (names.some((each) => ts.isStringLiteralLike(each))) {
            const entry = { kind: kind as MetricEntry["kind"], name: parts.join("/"), file };
            entries.set(`${file} ${entry.name} ${kind}`, entry);
          }
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(tree);
  }
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}

/** The scopes that are asked for in the same expression: `stats.scope("a", "b").counter("c")`. */
function scopesOf(receiver: ts.Expression): readonly string[] {
  if (!ts.isCallExpression(receiver) || !ts.isPropertyAccessExpression(receiver.expression)) return [];
  if (receiver.expression.name.text !== "scope") return [];
  return [...scopesOf(receiver.expression.expression), ...receiver.arguments.map(part)];
}

function part(argument: ts.Expression): string {
  if (ts.isStringLiteralLike(argument)) return argument.text;
  return `{${argument.getText().replace(/\s+/g, " ")}}`;
}

/** The page of the reference. */
export function metricsPage(entries: readonly MetricEntry[]): string {
  const lines = [
    "# Metrics",
    "",
    "Generated from the sources by `npm run docs:gen`: what each module asks its `StatsReceiver` for. A module's names stand",
    "below the scope of the stack that it is built into, such as `rt/<router>/client/<bound id>`; `{…}` is made at run time.",
    "",
    "| name below its scope | kind | asked for in |",
    "|---|---|---|",
  ];
  for (const { name, kind, file } of entries)
    lines.push(`| \`${name.replaceAll("|", "\\|")}\` | ${kind} | [${file}](../../${file}) |`);
  return `${lines.join("\n")}\n`;
}
