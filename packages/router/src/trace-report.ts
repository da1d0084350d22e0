import type { DelegateTree, Dentry, Path } from "@weftmesh/naming";
import { showPrefix, showTree } from "@weftmesh/naming";

/** What a router says of itself in the answer to a diagnostic `TRACE`. */
export interface TraceReport {
  readonly router: string;
  readonly durationMs: number;
  readonly service: string;
  readonly client: string;
  readonly addresses: readonly string[];
  readonly selected: string;
  /** As `resolutionSteps` gives them. */
  readonly steps: readonly string[];
}

/** The block of one router, in the form that Linkerd documents. */
export function showTraceReport(report: TraceReport): string {
  const { router, durationMs, service, client, addresses, selected, steps } = report;
  return [
    `--- Router: ${router} ---`,
    `request duration: ${Math.max(0, Math.floor(durationMs))} ms`,
    `service name: ${service}`,
    `client name: ${client}`,
    `addresses: [${addresses.join(", ")}]`,
    `selected address: ${selected}`,
    "dtab resolution:",
    ...steps.map((step) => `  ${step}`),
    "",
  ].join("\n");
}

interface Step {
  readonly path: Path;
  readonly by: string;
}

/** How a name became the bound one, with the rule that led to each step; empty when it did not. */
export function resolutionSteps(tree: DelegateTree, bound: Path): readonly string[] {
  const steps = findBound(tree, bound) ?? [];
  return steps.map(({ path, by }) => (by === "" ? path.show : `${path.show} (${by})`));
}

function findBound(tree: DelegateTree, bound: Path): readonly Step[] | undefined {
  switch (tree.kind) {
    case "leaf":
      return tree.bound.id.equals(bound) ? [stepOf(tree)] : undefined;
    case "delegate":
      return behind(stepOf(tree), findBound(tree.tree, bound));
    case "alt":
      return behind(stepOf(tree), firstFound(tree.trees, bound));
    case "union":
      return behind(
        stepOf(tree),
        firstFound(
          tree.trees.map((each) => each.tree),
          bound,
        ),
      );
    case "transformation":
      return findTransformed(tree, bound);
    default:
      return undefined;
  }
}

/** A transformer stands between a name and its leaf; the rule of the leaf is what led to both. */
function findTransformed(
  tree: Extract<DelegateTree, { kind: "transformation" }>,
  bound: Path,
): readonly Step[] | undefined {
  const rest = findBound(tree.tree, bound);
  const [only] = rest ?? [];
  if (rest === undefined || only === undefined) return undefined;
  if (rest.length > 1) return [{ path: tree.path, by: tree.name }, ...rest];
  return [
    { path: tree.path, by: only.by },
    { path: only.path, by: tree.name },
  ];
}

function firstFound(trees: readonly DelegateTree[], bound: Path): readonly Step[] | undefined {
  for (const tree of trees) {
    const found = findBound(tree, bound);
    if (found !== undefined) return found;
  }
  return undefined;
}

function behind(step: Step, rest: readonly Step[] | undefined): readonly Step[] | undefined {
  return rest === undefined ? undefined : [step, ...rest];
}

function stepOf(node: { readonly path: Path; readonly dentry: Dentry | undefined }): Step {
  const { path, dentry } = node;
  return { path, by: dentry === undefined ? "" : `${showPrefix(dentry.prefix)}=>${showTree(dentry.dst)}` };
}
