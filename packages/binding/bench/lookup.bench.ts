// Run: node --expose-gc --min-semi-space-size=128 --max-semi-space-size=128 --import tsx --conditions=@weftmesh/source packages/binding/bench/lookup.bench.ts
import { Activity, Ctx, ok, type Service, service, systemClock, systemRng, Var } from "@weftmesh/core";
import { type Bound, boundAddr, Dtab, leaf, type NameTree, Path, union } from "@weftmesh/naming";
import { type Binding, newBinding } from "../src/index.ts";

const answer = Promise.resolve("rep");
const client = service<string, string>(() => answer);
const names = 1000;

function bound(id: string): Bound {
  return { id: Path.read(`/#/${id}`), residual: Path.empty, addr: Var.of(boundAddr([])) };
}

function newSubject(treeOf: (path: Path) => NameTree<Bound>): Binding<string, string> {
  return newBinding<string, string>({
    interpreter: { bind: (_dtab, path) => Activity.of(treeOf(path)) },
    baseDtab: Dtab.empty,
    newPathStack: (_dst, below) => below,
    newBoundStack: (_bound, below) => below,
    newClientStack: () => client,
    clock: systemClock,
    rng: systemRng,
  });
}

function calls(call: (i: number, ctx: Ctx) => void, count: number): void {
  for (let i = 0; i < count; i++) {
    const ctx = new Ctx();
    call(i, ctx);
    ctx.end(ok);
  }
}

function measure(call: (i: number, ctx: Ctx) => void): { "ns (best of 15)": number; "bytes (median of 9)": number } {
  calls(call, 100_000);
  const ns: number[] = [];
  for (let round = 0; round < 15; round++) {
    const count = 100_000;
    const from = performance.now();
    calls(call, count);
    ns.push(((performance.now() - from) * 1e6) / count);
  }
  const bytes: number[] = [];
  for (let round = 0; round < 9; round++) {
    const count = 20_000;
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    calls(call, count);
    bytes.push((process.memoryUsage().heapUsed - before) / count);
  }
  return {
    "ns (best of 15)": Math.round(Math.min(...ns)),
    "bytes (median of 9)": Math.round(bytes.sort((a, b) => a - b)[4] ?? Number.NaN),
  };
}

const leaves = newSubject((path) => leaf(bound(path.elems[1] ?? "")));
const unions = newSubject(() => union({ weight: 1, tree: leaf(bound("a")) }, { weight: 2, tree: leaf(bound("b")) }));
const paths = Array.from({ length: names }, (_, i) => Path.of("svc", `name${i}`));
const [one] = paths as [Path];
const kept: Service<string, string> = leaves.lookup(one, Dtab.empty);
const local = Dtab.read("/svc/x => /y");
const localPaths = paths.slice(0, 100);

console.table({
  "the client itself": measure((_i, ctx) => void client.call("", ctx)),
  "call of a path service that is there": measure((_i, ctx) => void kept.call("", ctx)),
  "look-up and call, one name": measure((_i, ctx) => void leaves.lookup(one, Dtab.empty).call("", ctx)),
  "look-up and call, 1000 names": measure(
    (i, ctx) => void leaves.lookup(paths[i % names] as Path, Dtab.empty).call("", ctx),
  ),
  "the same with a path made anew": measure(
    (i, ctx) => void leaves.lookup(Path.of("svc", `name${i % names}`), Dtab.empty).call("", ctx),
  ),
  "look-up and call, with a local dtab": measure(
    (i, ctx) => void leaves.lookup(localPaths[i % 100] as Path, local).call("", ctx),
  ),
  "look-up and call, a union of two": measure((_i, ctx) => void unions.lookup(one, Dtab.empty).call("", ctx)),
});
if (globalThis.gc === undefined) console.log("bytes mean nothing without --expose-gc");
await leaves.close();
await unions.close();
