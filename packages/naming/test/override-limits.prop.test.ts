import { Var } from "@weftmesh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Addr,
  type Bound,
  bindWithin,
  Dtab,
  type evalTree,
  type HostAddresses,
  type Interpreter,
  newInterpreter,
  type OverrideLimits,
  OverrideRefusedError,
  Path,
  utilityNamers,
} from "../src/index.ts";

const closed: OverrideLimits = { allowInet: false, allowLocal: true };
const remote: OverrideLimits = { allowInet: true, allowLocal: false };
const nowhere = { resolve: () => Var.of<HostAddresses>({ kind: "neg" }) };
const interpreter = newInterpreter({ utilities: utilityNamers(nowhere) });

/** A path, rule or table whose hosts and ports are these; the words are everybody's. */
function vocabulary(hosts: readonly string[], ports: readonly string[]) {
  const word = fc.constantFrom("a", "b", "inet", "open", "half", "pinned");
  const host = fc.constantFrom(...hosts);
  const port = fc.constantFrom(...ports);
  const concrete = fc.oneof(
    fc.tuple(host, port).map(([h, p]) => `/$/inet/${h}/${p}`),
    fc.tuple(host, port).map(([h, p]) => `/$/io.buoyant.rinet/${p}/${h}`),
    host.map((h) => `/$/inet/${h}`),
  );
  const openEnd = fc.constantFrom("/$/inet", "/$/io.buoyant.rinet", "/$/io.buoyant.http.anyHostPfx/$/x", "/$/inet");
  const elem = fc.oneof(word, host, port);
  const name = fc.array(word, { minLength: 1, maxLength: 3 }).map((elems) => `/${elems.join("/")}`);
  const anyPath = fc.oneof(
    name,
    concrete,
    openEnd,
    fc.tuple(host, port).map(([h, p]) => `/$/io.buoyant.hostportPfx/a/${h}:${p}`),
    fc.tuple(name, fc.array(elem, { maxLength: 3 })).map(([head, rest]) => [head, ...rest].join("/")),
  );
  const prefix = fc
    .array(fc.oneof(word, fc.constant("*")), { minLength: 1, maxLength: 2 })
    .map((elems) => `/${elems.join("/")}`);
  const tree = fc.oneof(
    { weight: 4, arbitrary: anyPath },
    fc.tuple(anyPath, anyPath).map(([a, b]) => `${a} | ${b}`),
    fc.tuple(anyPath, anyPath).map(([a, b]) => `1 * ${a} & 1 * ${b}`),
  );
  const rule = fc.tuple(prefix, tree).map(([from, to]) => `${from} => ${to}`);
  return {
    name,
    dtab: (minLength: number, maxLength: number) =>
      fc.array(rule, { minLength, maxLength }).map((rules) => Dtab.read(rules.join(" ; "))),
  };
}

/** The router's own: an address, and two that leave a part of it to whoever uses them. */
const fixed = Dtab.read("/open => /$/inet ; /half => /$/inet/10.0.0.1 ; /pinned => /$/inet/10.0.0.1/80");
const ours = vocabulary(["10.0.0.1", "127.1"], ["80", "81"]);
const theirs = vocabulary(["127.0.0.1", "0", "2130706433"], ["9990", "22"]);
const canaries: ReadonlySet<string> = new Set(["127.0.0.1", "0", "2130706433", "9990", "22"]);

function bound(by: Interpreter, base: Dtab, local: Dtab, path: Path, limits: OverrideLimits): readonly Bound[] {
  const state = bindWithin(by, base, local, path, limits).sample();
  return state.state === "ok" ? leavesOf(state.value) : [];
}

/** A name that the last of the delegations is for. */
function namedBy(local: Dtab): Path {
  return Path.from((local.entries.at(-1)?.prefix ?? []).map((elem) => elem ?? "a"));
}

function leavesOf(each: Parameters<typeof evalTree>[0]): Bound[] {
  const found: Bound[] = [];
  const walk = (tree: unknown): void => {
    const node = tree as { kind: string; value: Bound; trees: readonly { kind: string; tree?: unknown }[] };
    if (node.kind === "leaf") found.push(node.value);
    else if (node.kind === "alt" || node.kind === "union") for (const one of node.trees) walk(one.tree ?? one);
  };
  walk(each);
  return found;
}

describe("a name that was reached through delegations of a request", () => {
  it("C13: is no address of which they say any part", () => {
    let reached = 0;
    fc.assert(
      fc.property(ours.dtab(1, 5), theirs.dtab(1, 4), (base, local) => {
        for (const { id } of bound(interpreter, fixed.concat(base), local, namedBy(local), closed)) {
          reached++;
          expect([id.show, id.elems.filter((elem) => canaries.has(elem))]).toEqual([id.show, []]);
        }
      }),
      { numRuns: 600 },
    );
    expect(reached).toBeGreaterThan(0);
  });

  it.each([
    "/$/io.buoyant.hostportPfx/open/127.0.0.1:22",
    "/$/io.buoyant.http.anyHostPfx/$/x/inet/127.0.0.1/22",
    "/$/io.buoyant.http.anyHost/x/$/inet/127.0.0.1/22",
    "/open/127.0.0.1/22",
    "/half/22",
    "/nothing | /$/inet/127.0.0.1/22",
  ])("C13: is refused however it came about: %s", (dst) => {
    const local = Dtab.read(`/svc => ${dst}`);
    const state = bindWithin(interpreter, fixed, local, Path.read("/svc"), closed).sample();
    expect(state).toMatchObject({ state: "failed", error: { code: "WEFT_OVERRIDE_REFUSED" } });
  });

  it("is an address of the router's own rules where these write it out", () => {
    fc.assert(
      fc.property(ours.name, theirs.name, fc.constantFrom("", "/rest"), (name, asked, rest) => {
        const base = Dtab.read(`/only${name} => /$/inet/10.0.0.1/80`);
        const local = Dtab.read(`/svc${asked} => /only${name}${rest}`);
        const found = bound(interpreter, base, local, Path.read(`/svc${asked}`), closed);
        expect(found.map(({ id, residual }) => [id.show, residual.show])).toEqual([
          ["/$/inet/10.0.0.1/80", rest === "" ? "/" : rest],
        ]);
        const half = Dtab.read(`/only${name} => /$/inet/10.0.0.1`);
        expect(
          bound(interpreter, half, Dtab.read(`/svc${asked} => /only${name}/22`), Path.read(`/svc${asked}`), closed),
        ).toEqual([]);
      }),
    );
  });

  it("is bound as ever where nothing is limited, and without delegations", () => {
    fc.assert(
      fc.property(ours.dtab(0, 4), theirs.dtab(0, 3), ours.name, fc.boolean(), (base, local, path, without) => {
        const free: OverrideLimits = { allowInet: true, allowLocal: true };
        const table = without ? Dtab.empty : local;
        const ids = (found: readonly Bound[]) => found.map(({ id, residual }) => `${id.show} ${residual.show}`);
        const state = interpreter.bind(base.concat(table), Path.read(path)).sample();
        const expected = state.state === "ok" ? ids(leavesOf(state.value)) : [];
        expect(ids(bound(interpreter, base, table, Path.read(path), without ? closed : free))).toEqual(expected);
      }),
    );
  });

  it("C13: of an interpreter that knows of no limits is refused when it is concrete, however it came about", () => {
    const foreign: Interpreter = { bind: (table, path) => interpreter.bind(table, path) };
    const isConcrete = ({ id }: Bound) => id.elems[0] === "$";
    let reached = 0;
    fc.assert(
      fc.property(ours.dtab(0, 4), theirs.dtab(1, 3), (own, local) => {
        const [base, path] = [fixed.concat(own), namedBy(local)];
        const free = foreign.bind(base.concat(local), path).sample();
        if (free.state === "ok") reached += leavesOf(free.value).filter(isConcrete).length;
        expect(bound(foreign, base, local, path, closed).filter(isConcrete)).toEqual([]);
      }),
      { numRuns: 300 },
    );
    expect(reached).toBeGreaterThan(0);
  });
});

describe("C14: a host name that resolves to another address later", () => {
  const answers = Var.source<HostAddresses>({ kind: "found", ips: ["192.0.2.7"] });
  it("is checked again with each answer, and shares no client with the same name of the router's own", () => {
    const resolving = newInterpreter({ utilities: utilityNamers({ resolve: () => answers }) });
    const local = Dtab.read("/svc/x => /$/inet/rebind.example/80");
    const [leaf] = bound(resolving, Dtab.empty, local, Path.read("/svc/x"), remote);
    expect(leaf?.id.show).toBe("/%/dev.weftmesh.remote/$/inet/rebind.example/80");
    const seen: Addr[] = [];
    const watching = leaf?.addr.changes.subscribe((addr) => void seen.push(addr));
    const hostsOf = (addr: Addr | undefined) =>
      addr?.kind === "bound" ? addr.addresses.map((each) => each.host) : addr?.kind;
    expect(hostsOf(seen.at(-1))).toEqual(["192.0.2.7"]);
    answers.set({ kind: "found", ips: ["127.0.0.1", "192.0.2.7", "::ffff:169.254.169.254"] });
    expect(hostsOf(seen.at(-1))).toEqual(["192.0.2.7"]);
    answers.set({ kind: "found", ips: ["127.0.0.1"] });
    expect(seen.at(-1)).toMatchObject({ kind: "failed", error: expect.any(OverrideRefusedError) });
    watching?.unsubscribe();
  });

  it("is no good as long as nobody has resolved it", () => {
    const bare = {
      id: Path.read("/#/x"),
      residual: Path.empty,
      addr: Var.of<Addr>({
        kind: "bound",
        metadata: {},
        addresses: [
          { host: "0177.0.0.1", port: 1, weight: 1, metadata: {} },
          { host: "localhost", port: 1, weight: 1, metadata: {} },
        ],
      }),
    };
    const other: Interpreter = {
      bind: () => interpreter.bind(Dtab.empty, Path.read("/x")).map(() => ({ kind: "leaf", value: bare })),
    };
    const [leaf] = bound(other, Dtab.empty, Dtab.read("/a => /b"), Path.read("/x"), remote);
    expect(leaf?.addr.sample()).toMatchObject({ kind: "failed" });
  });
});
