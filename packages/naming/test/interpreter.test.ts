import { pending } from "@weftmesh/core";
import { describe, expect, it } from "vitest";
import {
  alt,
  type Bound,
  Dtab,
  Empty,
  Fail,
  type InterpreterOptions,
  leaf,
  type NameTree,
  Neg,
  newInterpreter,
  Path,
  union,
} from "../src/index.ts";
import { outcomeText, Watch } from "./outcome-text.ts";
import { boundTo, failedWith, found, foundBound, ScriptNamer } from "./script-namer.ts";

function under(namer: ScriptNamer, more: Partial<InterpreterOptions> = {}) {
  return newInterpreter({ namers: [{ prefix: Path.of("n"), namer }], ...more });
}

function bind(namer: ScriptNamer, dtab: string, path: string): Watch<NameTree<Bound>> {
  return new Watch(under(namer).bind(Dtab.read(dtab), Path.read(path)));
}

function outcome(namer: ScriptNamer, dtab: string, path: string): string {
  const watch = bind(namer, dtab, path);
  watch.close();
  return outcomeText(watch.last);
}

/** `/a` and `/b` lead to a and b, the rest is what it is called. */
function standard(): ScriptNamer {
  return new ScriptNamer({
    "/a": foundBound("/#/n/a"),
    "/b": foundBound("/#/n/b"),
    "/neg": found(Neg),
    "/fail": found(Fail),
    "/empty": found(Empty),
    "/pending": pending,
    "/broken": failedWith("out of order"),
    "/broken2": failedWith("out of order as well"),
  });
}

const rules = "/s => /#/n";

describe("binding", () => {
  it.each([
    ["/svc => /#/n/a", "/svc", "/#/n/a"],
    ["", "/#/n/a", "/#/n/a"],
    ["/svc => /#/n/a | /#/n/b", "/svc", "/#/n/a"],
    ["/svc => /#/n/neg | /#/n/b", "/svc", "/#/n/b"],
    ["/svc => /#/n/fail | /#/n/b", "/svc", "!"],
    ["/svc => /#/n/empty | /#/n/b", "/svc", "$"],
    ["/svc => /#/n/broken | /#/n/b", "/svc", "failed: out of order"],
    ["/svc => /#/n/pending | /#/n/b", "/svc", "pending"],
    ["/svc => /#/n/a | /#/n/broken", "/svc", "/#/n/a"],
    ["/svc => ~ | /#/n/b", "/svc", "/#/n/b"],
    ["/svc => /#/n/b; /svc => /nowhere", "/svc", "/#/n/b"],
    ["/svc => /#/n/b; /svc => !", "/svc", "!"],
    ["/svc => /#/n/a; /svc => /#/n/b", "/svc", "/#/n/b"],
    ["/svc => 0.3*/#/n/a & 0.7*/#/n/b", "/svc", "0.3*/#/n/a & 0.7*/#/n/b"],
    ["/svc => 0.3*/#/n/a & 0.7*/#/n/neg", "/svc", "/#/n/a"],
    ["/svc => 0.3*/#/n/a & 0.7*/#/n/fail", "/svc", "/#/n/a"],
    ["/svc => 0.3*/#/n/a & 0.7*/#/n/empty", "/svc", "0.3*/#/n/a & 0.7*$"],
    ["/svc => 0.3*/#/n/a & 0.7*/#/n/pending", "/svc", "/#/n/a"],
    ["/svc => 0.3*/#/n/a & 0.7*/#/n/broken", "/svc", "/#/n/a"],
    ["/svc => /#/n/pending & /#/n/broken & /#/n/broken2", "/svc", "failed: out of order"],
    ["/svc => /#/n/pending & /#/n/pending", "/svc", "pending"],
    ["/svc => /#/n/fail & /#/n/fail | /#/n/b", "/svc", "/#/n/b"],
    ["/svc => (/#/n/a & 2*/#/n/b) & 3*/#/n/empty", "/svc", "(/#/n/a & 2*/#/n/b) & 3*$"],
    ["/svc => /#/n/neg", "/svc", "~"],
    ["/svc => /svc/x", "/other", "~"],
    ["", "/", "~"],
  ])("under %s, %s is %s", (dtab, path, text) => {
    expect(outcome(standard(), dtab, path)).toBe(text);
  });

  it("goes on with what a namer leads to, and keeps what it left over", () => {
    const namer = new ScriptNamer({
      "/web/v1": found(leaf(Path.read("/other/v1"))),
      "/x/v1": foundBound("/#/n/x", "/v1"),
      "/tree": found(
        alt<Path | Bound>(Neg, union({ weight: 2, tree: leaf(boundTo("/#/n/1")) }, { weight: 1, tree: Neg })),
      ),
    });
    expect(outcome(namer, "/svc => /#/n/web; /other => /#/n/x", "/svc/v1")).toBe("/#/n/x;/v1");
    expect(outcome(namer, "", "/#/n/tree")).toBe("/#/n/1");
  });

  it("asks the last namer first, then the ones before it, then the utility namers", () => {
    const first = new ScriptNamer({ "/p/x": foundBound("/#/first"), "/p/y": foundBound("/#/first") });
    const last = new ScriptNamer({ "/x": foundBound("/#/last"), "/y": found(Neg), "/z": found(Neg) });
    const utility = new ScriptNamer({ "/x": foundBound("/$/u/x") });
    const interpreter = newInterpreter({
      namers: [
        { prefix: Path.of("n"), namer: first },
        { prefix: Path.of("n", "p"), namer: last },
      ],
      utilities: new Map([["u", utility]]),
    });
    const text = (path: string): string => outcomeText(interpreter.bind(Dtab.empty, Path.read(path)).sample());
    expect(text("/#/n/p/x")).toBe("/#/last");
    expect(text("/#/n/p/y")).toBe("/#/first");
    expect(text("/#/n/p/z")).toBe("pending");
    expect(text("/$/u/x")).toBe("/$/u/x");
    expect(text("/$/v/x")).toBe("failed: WEFT_NAMER_UNKNOWN");
    expect(text("/$")).toBe("~");
  });

  it("takes a lone rule to `~` for no rule, but not one of several, as Linkerd does", () => {
    expect(outcome(standard(), "/# => ~", "/#/n/a")).toBe("/#/n/a");
    expect(outcome(standard(), "/# => ~; /# => ~", "/#/n/a")).toBe("~");
    expect(outcome(standard(), "/# => !", "/#/n/a")).toBe("!");
  });

  it("a namer that throws has failed", () => {
    const interpreter = newInterpreter({
      namers: [
        {
          prefix: Path.of("n"),
          namer: {
            lookup: () => {
              throw new Error("no such luck");
            },
          },
        },
      ],
    });
    expect(outcomeText(interpreter.bind(Dtab.empty, Path.read("/#/n/a")).sample())).toBe("failed: no such luck");
  });
});

describe("observing a binding", () => {
  it("looks at nothing before it is observed, once for several observers, and at nothing afterwards", () => {
    const namer = standard();
    const activity = under(namer).bind(Dtab.read(rules), Path.read("/s/a"));
    expect(namer.watched).toEqual([]);
    const watches = [new Watch(activity), new Watch(activity)];
    expect(namer.watched).toEqual(["/a"]);
    expect(namer.doubled).toBe(false);
    for (const watch of watches) watch.close();
    expect(namer.watched).toEqual([]);
  });

  it("looks at a later alternative only while the earlier ones are negative", () => {
    const namer = standard();
    const watch = bind(namer, "/svc => /#/n/pending | /#/n/a | /#/n/b", "/svc");
    expect(namer.watched).toEqual(["/pending"]);
    namer.set("/pending", found(Neg));
    expect(namer.watched).toEqual(["/a", "/pending"]);
    namer.set("/a", found(Neg));
    expect(namer.watched).toEqual(["/a", "/b", "/pending"]);
    namer.set("/pending", foundBound("/#/n/first"));
    expect(namer.watched).toEqual(["/pending"]);
    expect(watch.states.map(outcomeText)).toEqual(["pending", "/#/n/a", "/#/n/b", "/#/n/first"]);
  });

  it("tells a tree only when it differs in shape, weights, ids or residuals, and keeps the objects that stay", () => {
    const namer = standard();
    const watch = bind(namer, "/svc => /#/n/a & /#/n/b", "/svc");
    const before = leaves(watch.last);
    namer.set("/a", foundBound("/#/n/a"));
    namer.set("/a", found(leaf(boundTo("/#/n/a"))));
    expect(watch.states).toHaveLength(1);
    namer.set("/b", foundBound("/#/n/b", "/rest"));
    expect(watch.states).toHaveLength(2);
    const after = leaves(watch.last);
    expect(after[0]).toBe(before[0]);
    expect(after[1]?.residual.show).toBe("/rest");
  });

  it("begins anew when it is observed anew", () => {
    const namer = standard();
    const activity = under(namer).bind(Dtab.read(rules), Path.read("/s/a"));
    new Watch(activity).close();
    namer.set("/a", pending);
    const again = new Watch(activity);
    expect(again.states.map(outcomeText)).toEqual(["pending"]);
  });

  it("heeds a namer that changes its answer while another is first looked at", () => {
    const namer = standard();
    const restless = new ScriptNamer();
    const interpreter = newInterpreter({
      namers: [
        { prefix: Path.of("n"), namer },
        {
          prefix: Path.of("r"),
          namer: {
            lookup: (path) => {
              namer.set("/a", found(Neg));
              return restless.lookup(path);
            },
          },
        },
      ],
    });
    restless.set("/x", foundBound("/#/r/x"));
    const watch = new Watch(interpreter.bind(Dtab.read("/svc => /#/n/a & /#/r/x"), Path.read("/svc")));
    expect(watch.states.map(outcomeText)).toEqual(["/#/r/x"]);
  });
});

describe("the limits of binding", () => {
  function timed(dtab: string, path = "/a"): { text: string; ms: number } {
    const table = Dtab.read(dtab);
    let ms = Number.POSITIVE_INFINITY;
    let text = "";
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      text = outcomeText(under(standard()).bind(table, Path.read(path)).sample());
      ms = Math.min(ms, performance.now() - start);
    }
    return { text, ms };
  }

  it("C10: a loop ends at depth 100, in less than 50 ms", () => {
    for (const dtab of ["/a => /b; /b => /a", "/a => /a", "/a => /a/x", "/a => /a | /#/n/b"]) {
      const { text, ms } = timed(dtab);
      expect(text).toBe("failed: WEFT_NAMER_MAX_DEPTH");
      expect(ms).toBeLessThan(50);
    }
  });

  it("allows 100 lookups within each other, and not one more", () => {
    const chain = (n: number): string =>
      Array.from({ length: n }, (_, i) => `/x${i} => ${i + 1 < n ? `/x${i + 1}` : "/#/n/a"}`).join(";");
    expect(outcome(standard(), chain(100), "/x0")).toBe("/#/n/a");
    expect(outcome(standard(), chain(101), "/x0")).toBe("failed: WEFT_NAMER_MAX_DEPTH");
  });

  it("C11: rules that branch without end cost no more than the step budget", () => {
    const doubling = Array.from({ length: 30 }, (_, i) => `/x${i} => /x${i + 1} & /x${i + 1}`).join(";");
    const cases: [string, string][] = [
      [`${doubling}; /x30 => /#/n/a`, "/x0"],
      [`${doubling.replaceAll("&", "|")}`, "/x0"],
      ["/a => /a & /a & /a", "/a"],
      [`/a => ${Array.from({ length: 2000 }, () => "/a").join(" & ")}`, "/a"],
      [`/a => /a${"/x".repeat(2000)} & /a${"/y".repeat(2000)}`, "/a"],
      [Array.from({ length: 10_000 }, () => "/a => /a").join(";"), "/a"],
      [`/a => ${"(".repeat(199)}/a${" & /b)".repeat(199)}`, "/a"],
    ];
    for (const [dtab, path] of cases) {
      const { text, ms } = timed(dtab, path);
      expect(["failed: WEFT_NAMER_STEP_BUDGET", "failed: WEFT_NAMER_MAX_DEPTH"]).toContain(text);
      expect(ms).toBeLessThan(100);
    }
  });

  it("says which name, and what the limit was", () => {
    const state = under(standard(), { stepBudget: 50 }).bind(Dtab.read("/a => /a"), Path.read("/a/b")).sample();
    expect(state).toMatchObject({ error: { message: "binding /a/b takes more than 50 steps" } });
    const deep = under(standard(), { maxDepth: 3 }).bind(Dtab.read("/a => /a/a"), Path.read("/a")).sample();
    expect(deep).toMatchObject({ error: { message: "max recursion level of 3 reached at /a/a/a/a/a" } });
  });

  it("leaves a branch that loops out of a union with one that does not", () => {
    expect(outcome(standard(), "/svc => /loop & /#/n/a; /loop => /loop", "/svc")).toBe("/#/n/a");
  });
});

function leaves(state: Watch<NameTree<Bound>>["last"]): Bound[] {
  if (state.state !== "ok") throw new Error(state.state);
  return collect(state.value);
}

function collect(tree: NameTree<Bound>): Bound[] {
  if (tree.kind === "leaf") return [tree.value];
  return tree.kind === "union" ? tree.trees.flatMap((each) => collect(each.tree)) : [];
}
