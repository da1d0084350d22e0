import { pending, Var } from "@weftmesh/core";
import { describe, expect, it } from "vitest";
import {
  type Addr,
  address,
  addrJson,
  type Bound,
  boundAddr,
  type DelegateTree,
  Dtab,
  delegateJson,
  Fail,
  leaf,
  newInterpreter,
  Path,
  type PrefixedNamer,
  simplifyDelegation,
  union,
} from "../src/index.ts";
import { nil } from "../src/utility/constant.ts";
import { Watch } from "./outcome-text.ts";
import { failedWith, found, ScriptNamer } from "./script-namer.ts";

function web(residual = "/"): Bound {
  const addr = boundAddr([address("10.0.0.1", 80, 2, { zone: "a" })], { authority: "web.local" });
  return { id: Path.read("/#/n/web"), residual: Path.read(residual), addr: Var.of<Addr>(addr) };
}

const bound = {
  addr: {
    type: "bound",
    addrs: [{ ip: "10.0.0.1", port: 80, meta: { zone: "a" } }],
    meta: { authority: "web.local" },
  },
  id: "/#/n/web",
  path: "/",
};

function namers(namer: ScriptNamer): { namers: PrefixedNamer[]; utilities: Map<string, typeof nil> } {
  const fail = new ScriptNamer({}, found(Fail));
  return {
    namers: [{ prefix: Path.of("n"), namer }],
    utilities: new Map([
      ["nil", nil],
      ["fail", fail],
    ]),
  };
}

function standard(): ScriptNamer {
  return new ScriptNamer({
    "/web": found(leaf(web())),
    "/gone": found({ kind: "neg" }),
    "/broken": failedWith("out of order"),
    "/late": pending,
    "/on": found(leaf(Path.read("/#/n/web"))),
    "/both": found(union({ weight: 1, tree: leaf(web()) }, { weight: 3, tree: Fail })),
  });
}

function explain(dtab: string, path: string): unknown {
  const interpreter = newInterpreter(namers(standard()));
  const state = interpreter.delegate(Dtab.read(dtab), Path.read(path)).sample();
  if (state.state !== "ok") return state.state;
  return JSON.parse(JSON.stringify(delegateJson(state.value)));
}

function dentry(text: string): { prefix: string; dst: string } {
  const [prefix = "", dst = ""] = text.split(" => ");
  return { prefix, dst };
}

describe("the JSON of a delegation", () => {
  it("goes from rule to rule to the leaf", () => {
    expect(explain("/svc => /host; /host => /#/n", "/svc/web")).toEqual({
      type: "delegate",
      path: "/svc/web",
      delegate: {
        type: "delegate",
        path: "/host/web",
        dentry: dentry("/svc => /host"),
        delegate: { type: "leaf", path: "/#/n/web", dentry: dentry("/host => /#/n"), bound },
      },
    });
  });

  it("has the alternatives that were not taken as well, and several rules are alternatives", () => {
    expect(explain("/svc => /#/n/gone | /#/n/web | /$/nil; /svc => /$/fail", "/svc")).toEqual({
      type: "alt",
      path: "/svc",
      alt: [
        { type: "fail", path: "/$/fail", dentry: dentry("/svc => /$/fail") },
        { type: "neg", path: "/#/n/gone", dentry: dentry("/svc => /#/n/gone | /#/n/web | /$/nil") },
        { type: "leaf", path: "/#/n/web", dentry: dentry("/svc => /#/n/gone | /#/n/web | /$/nil"), bound },
        { type: "empty", path: "/$/nil", dentry: dentry("/svc => /#/n/gone | /#/n/web | /$/nil") },
      ],
    });
  });

  it("has the weights of a union, and signs for what has no name", () => {
    expect(explain("/svc => 0.25*/#/n/web & ! & ~", "/svc")).toEqual({
      type: "union",
      path: "/svc",
      union: [
        {
          weight: 0.25,
          tree: { type: "leaf", path: "/#/n/web", dentry: dentry("/svc => 0.25*/#/n/web & ! & ~"), bound },
        },
        { weight: 1, tree: { type: "fail", path: "!", dentry: dentry("/svc => 0.25*/#/n/web & ! & ~") } },
        { weight: 1, tree: { type: "neg", path: "~", dentry: dentry("/svc => 0.25*/#/n/web & ! & ~") } },
      ],
    });
  });

  it("has the error of a branch, and of the whole", () => {
    expect(explain("/svc => /#/n/broken", "/svc")).toEqual({
      type: "delegate",
      path: "/svc",
      delegate: {
        type: "exception",
        path: "/#/n/broken",
        dentry: dentry("/svc => /#/n/broken"),
        message: "out of order",
      },
    });
    expect(explain("", "/$/x/y")).toEqual({
      type: "exception",
      path: "/$/x/y",
      message: "Unknown namer: x for path: /$/x/y",
    });
  });

  it("shows where a namer led on, and what a namer's union holds", () => {
    expect(explain("", "/#/n/on")).toEqual({
      type: "delegate",
      path: "/#/n/on",
      delegate: { type: "leaf", path: "/#/n/web", bound },
    });
    expect(explain("", "/#/n/both")).toEqual({
      type: "union",
      path: "/#/n/both",
      union: [
        { weight: 1, tree: { type: "leaf", path: "/#/n/both", bound } },
        { weight: 3, tree: { type: "fail", path: "!" } },
      ],
    });
  });

  it("is negative for a name that nobody knows", () => {
    expect(explain("", "/svc/web")).toEqual({ type: "neg", path: "/svc/web" });
    expect(explain("", "/")).toEqual({ type: "neg", path: "~" });
  });

  it("C10: ends a loop with an exception", () => {
    expect(JSON.stringify(explain("/a => /a/x", "/a"))).toContain('"message":"max recursion level of 100 reached');
  });

  it("has no place for what does not fit into JSON", () => {
    expect(addrJson({ kind: "failed", error: new Error("no luck") })).toEqual({ type: "failed", cause: "no luck" });
    expect(addrJson({ kind: "neg" })).toEqual({ type: "neg" });
    expect(addrJson({ kind: "pending" })).toEqual({ type: "pending" });
  });
});

describe("a delegation", () => {
  it("is pending while any branch is, and follows changes", () => {
    const namer = standard();
    const interpreter = newInterpreter(namers(namer));
    const dtab = Dtab.read("/svc => /#/n/web | /#/n/late");
    const watch = new Watch(interpreter.delegate(dtab, Path.read("/svc")));
    expect(watch.last.state).toBe("pending");
    expect(namer.watched).toEqual(["/late", "/web"]);
    namer.set("/late", found({ kind: "neg" }));
    expect(watch.last).toMatchObject({
      state: "ok",
      value: { kind: "alt", trees: [{ kind: "leaf" }, { kind: "neg" }] },
    });
    watch.close();
    expect(namer.watched).toEqual([]);
  });
});

describe("simplifyDelegation", () => {
  const at = (path: string, rule?: string) => ({
    path: Path.read(path),
    dentry: rule === undefined ? undefined : Dtab.read(rule).entries[0],
  });
  const leafAt = (path: string, rule: string): DelegateTree => ({ kind: "leaf", ...at(path, rule), bound: web() });
  const under = (tree: DelegateTree): DelegateTree => ({ kind: "delegate", ...at("/a"), tree });

  it("leaves out a step that does not change the name, and keeps the rule that led there", () => {
    const rule = "/b => /c | /d";
    const trees = [leafAt("/c", rule), leafAt("/d", rule)];
    const inner: DelegateTree = { kind: "alt", ...at("/b", rule), trees };
    expect(simplifyDelegation(under({ kind: "delegate", ...at("/b", "/a => /b"), tree: inner }))).toEqual(
      under({ kind: "alt", ...at("/b", "/a => /b"), trees }),
    );
  });

  it("keeps such a step before a name that ends", () => {
    for (const kind of ["neg", "fail", "empty"] as const) {
      const tree = under({ kind: "delegate", ...at("/b", "/a => /b"), tree: { kind, ...at("/b", "/b => /c") } });
      expect(simplifyDelegation(tree)).toEqual(tree);
    }
  });

  it("makes one branch a step, and none negative", () => {
    const one = leafAt("/c", "/b => /c");
    const step = under({ kind: "delegate", ...at("/b", "/a => /b"), tree: one });
    const nothing = under({ kind: "neg", ...at("/b", "/a => /b") });
    expect(simplifyDelegation(under({ kind: "alt", ...at("/b", "/a => /b"), trees: [one] }))).toEqual(step);
    expect(
      simplifyDelegation(under({ kind: "union", ...at("/b", "/a => /b"), trees: [{ weight: 2, tree: one }] })),
    ).toEqual(step);
    expect(simplifyDelegation(under({ kind: "alt", ...at("/b", "/a => /b"), trees: [] }))).toEqual(nothing);
    expect(simplifyDelegation(under({ kind: "union", ...at("/b", "/a => /b"), trees: [] }))).toEqual(nothing);
  });

  it("joins alternatives of the same name, and no others", () => {
    const [c, d, e] = ["/c", "/d", "/e"].map((path) => leafAt(path, "/b => /x")) as [
      DelegateTree,
      DelegateTree,
      DelegateTree,
    ];
    const nested = (path: string): DelegateTree => ({
      kind: "alt",
      ...at("/b"),
      trees: [c, { kind: "alt", ...at(path), trees: [d, e] }],
    });
    expect(simplifyDelegation(nested("/b"))).toEqual({ kind: "alt", ...at("/b"), trees: [c, d, e] });
    expect(simplifyDelegation(nested("/x"))).toEqual(nested("/x"));
  });
});
