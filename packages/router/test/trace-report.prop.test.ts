import { Var } from "@weftmesh/core";
import { boundAddr, type DelegateTree, type Dentry, Dtab, newInterpreter, Path, utilityNamers } from "@weftmesh/naming";
import { arbPath } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolutionSteps, showTraceReport } from "../src/trace-report.ts";

const arbDentry: fc.Arbitrary<Dentry | undefined> = fc.constantFrom(undefined, Dtab.read("/svc => /srv").entries[0]);
/** Few ids, so that the one that is looked for is often there, and more than once. */
const arbId = fc.constantFrom("/#/a", "/#/b", "/#/c").map((text) => Path.read(text));

const { tree: arbTree } = fc.letrec<{ tree: DelegateTree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.record({
      kind: fc.constant("leaf" as const),
      path: arbPath(),
      dentry: arbDentry,
      bound: arbId.map((id) => ({ id, residual: Path.empty, addr: Var.of(boundAddr([])) })),
    }),
    fc.record({
      kind: fc.constantFrom("neg" as const, "fail" as const, "empty" as const),
      path: arbPath(),
      dentry: arbDentry,
    }),
    fc.record({ kind: fc.constant("delegate" as const), path: arbPath(), dentry: arbDentry, tree: tie("tree") }),
    fc.record({
      kind: fc.constant("alt" as const),
      path: arbPath(),
      dentry: arbDentry,
      trees: fc.array(tie("tree"), { maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constant("union" as const),
      path: arbPath(),
      dentry: arbDentry,
      trees: fc.array(fc.record({ weight: fc.constant(1), tree: tie("tree") }), { maxLength: 3 }),
    }),
  ),
}));

/** The first leaf of that id, as a list of the nodes above it. */
function nodesTo(tree: DelegateTree, id: Path): readonly DelegateTree[] | undefined {
  if (tree.kind === "leaf") return tree.bound.id.equals(id) ? [tree] : undefined;
  const below =
    tree.kind === "delegate"
      ? [tree.tree]
      : tree.kind === "alt"
        ? tree.trees
        : tree.kind === "union"
          ? tree.trees.map((each) => each.tree)
          : [];
  for (const each of below) {
    const found = nodesTo(each, id);
    if (found !== undefined) return [tree, ...found];
  }
  return undefined;
}

describe("the resolution in an answer to TRACE", () => {
  it("is the way from the name to the leaf that was used, with the rule of each step, or nothing", () => {
    fc.assert(
      fc.property(arbTree, arbId, (tree, id) => {
        const nodes = nodesTo(tree, id) ?? [];
        const steps = resolutionSteps(tree, id);
        expect(steps).toEqual(
          nodes.map(
            (node) => `${node.path.show}${"dentry" in node && node.dentry !== undefined ? " (/svc=>/srv)" : ""}`,
          ),
        );
      }),
    );
  });

  it("names a transformer where it stands, with the rule of the leaf above it", () => {
    const leaf: DelegateTree = {
      kind: "leaf",
      path: Path.read("/#/a"),
      dentry: Dtab.read("/svc => /#").entries[0] as Dentry,
      bound: { id: Path.read("/#/a"), residual: Path.empty, addr: Var.of(boundAddr([])) },
    };
    const transformed: DelegateTree = {
      kind: "transformation",
      path: Path.read("/svc/a"),
      name: "SubnetLocal",
      bound: leaf.bound,
      tree: leaf,
    };
    expect(resolutionSteps(transformed, leaf.bound.id)).toEqual(["/svc/a (/svc=>/#)", "/#/a (SubnetLocal)"]);
    const deeper: DelegateTree = {
      ...transformed,
      tree: { kind: "delegate", path: Path.read("/b"), dentry: undefined, tree: leaf },
    };
    expect(resolutionSteps(deeper, leaf.bound.id)).toEqual(["/svc/a (SubnetLocal)", "/b", "/#/a (/svc=>/#)"]);
    expect(resolutionSteps(transformed, Path.read("/#/other"))).toEqual([]);
  });

  it("is that of the interpreter for a real dtab", async () => {
    const interpreter = newInterpreter({ utilities: utilityNamers({ resolve: () => Var.of(boundAddr([])) } as never) });
    const dtab = Dtab.read("/srv => /$/inet/127.1/8080 ; /svc => /srv");
    const tree = interpreter.delegate(dtab, Path.read("/svc/dog")).run.sample();
    if (tree.state !== "ok") throw new Error("the delegation is not there at once");
    expect(resolutionSteps(tree.value, Path.read("/$/inet/127.1/8080"))).toEqual([
      "/svc/dog",
      "/srv/dog (/svc=>/srv)",
      "/$/inet/127.1/8080/dog (/srv=>/$/inet/127.1/8080)",
    ]);
  });
});

describe("the block of a router", () => {
  it("has its lines in their order, and one more for each step", () => {
    fc.assert(
      fc.property(
        arbPath(),
        fc.array(arbPath(), { maxLength: 4 }),
        fc.double({ min: -5, max: 1e6, noNaN: true }),
        (service, steps, durationMs) => {
          const text = showTraceReport({
            router: "http",
            durationMs,
            service: service.show,
            client: "/#/a",
            addresses: ["127.0.0.1:1", "[::1]:2"],
            selected: "[::1]:2",
            steps: steps.map((each) => each.show),
          });
          const lines = text.split("\n");
          expect(lines.slice(0, 7).map((line) => line.split(": ")[0])).toEqual([
            "--- Router",
            "request duration",
            "service name",
            "client name",
            "addresses",
            "selected address",
            "dtab resolution:",
          ]);
          expect(lines[1]).toMatch(/^request duration: \d+ ms$/);
          expect(lines[4]).toBe("addresses: [127.0.0.1:1, [::1]:2]");
          expect(lines.slice(7)).toEqual([...steps.map((each) => `  ${each.show}`), ""]);
          expect(text).toMatch(/^[\x20-\x7e\n]*$/);
        },
      ),
    );
  });
});
