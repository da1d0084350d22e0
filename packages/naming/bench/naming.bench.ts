// Run: node --expose-gc --import tsx --conditions=@weftmesh/source packages/naming/bench/naming.bench.ts
import { performance } from "node:perf_hooks";
import { Var } from "@weftmesh/core";
import { boundAddr, Dtab, newInterpreter, Path, PathMatcher, utilityNamers } from "@weftmesh/naming";

/** Microseconds per run: the best of 15 batches, since others use this machine as well. */
function time(name: string, runs: number, work: (i: number) => unknown): void {
  let best = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < 15; batch++) {
    const start = performance.now();
    for (let i = 0; i < runs; i++) kept = work(i);
    best = Math.min(best, ((performance.now() - start) * 1000) / runs);
  }
  console.log(`${name.padEnd(64)} ${best.toFixed(best < 10 ? 3 : 0).padStart(10)} us`);
}

/** Written so that no work is optimised away. */
let kept: unknown;

const count = 100_000;
const plainText = Array.from({ length: count }, (_, i) => `/svc/name${i} => /#/io.l5d.fs/name${i}`).join(";");
const wildText = Array.from({ length: count }, (_, i) => `/svc/*/${i % 300}/*/${i} => /a`).join(";");
/** A wildcard or a label at each of 6, 10 or 16 places: what an index of prefixes likes least. */
function mixedText(places: number): string {
  return Array.from({ length: count }, (_, i) => {
    const elems = Array.from({ length: places }, (_, bit) => ((i >> bit) & 1 ? "/a" : "/*"));
    return `${elems.join("")}/z/${i} => /a`;
  }).join(";");
}

function ternaryText(places: number): string {
  return Array.from({ length: count }, (_, i) => {
    const elems = Array.from({ length: places }, (_, place) => ["/a", "/b", "/*"][Math.floor(i / 3 ** place) % 3]);
    return `${elems.join("")}/z => /a`;
  }).join(";");
}

console.log("reading");
time("Path.read of three elements", 100_000, () => Path.read("/svc/web/v1"));
time("Path.read of three elements, one escaped", 100_000, () => Path.read("/svc/web\\x2f/v1"));
time("Dtab.read of two rules", 10_000, () => Dtab.read("/svc => /#/io.l5d.fs ; /svc/web => 0.1*/a & 0.9*/b"));
time("Dtab.read of 100,000 rules", 1, () => Dtab.read(plainText));
time("Dtab.read of 100,000 rules, index and first lookup", 1, () => Dtab.read(plainText).lookup(Path.of("svc")));

console.log("lookup in 100,000 rules");
for (const [name, text, path] of [
  ["plain names", plainText, "/svc/name4711/x"],
  ["plain names, a miss", plainText, "/svc/nobody/x"],
  ["wildcards at every other place", wildText, "/svc/a/11/b/4711"],
  ["6 places of label or wildcard", mixedText(6), "/a/a/a/a/a/a/z/63"],
  ["10 places of label or wildcard", mixedText(10), `${"/a".repeat(10)}/q/q`],
  ["16 places of label or wildcard", mixedText(16), `${"/a".repeat(16)}/z/65535`],
  ["16 places of label or wildcard, a miss", mixedText(16), `${"/a".repeat(16)}/q/q`],
  ["10 places of two labels or a wildcard, a miss", ternaryText(10), `${"/a".repeat(10)}/q`],
] as const) {
  const dtab = Dtab.read(text);
  const name1 = Path.read(path);
  time(name, path.length > 30 ? 20 : 2000, () => dtab.lookup(name1));
  if (name === "plain names") {
    const local = Dtab.read("/svc/name4711 => /local");
    time("plain names, and a rule of the request's own", 2000, () => dtab.concat(local).lookup(name1));
  }
}

console.log("binding");
const resolver = { resolve: () => Var.of({ kind: "neg" as const }) };
const interpreter = newInterpreter({
  namers: [
    {
      prefix: Path.of("n"),
      namer: utilityNamers(resolver).get("inet") as never,
    },
  ],
  utilities: utilityNamers(resolver),
});
const typical = Dtab.read(
  "/host => /#/n ; /host => /$/io.buoyant.http.anyHost ; /svc => /host/127.1 ; /svc/web => 0.1*/host/127.1 & 0.9*/host/127.2",
);
const name = Path.read("/svc/web/80");
time("one rule to an address", 5000, () => interpreter.bind(Dtab.read("/svc => /$/inet/127.1"), name).sample());
time("four rules, a union, a namer and a utility namer", 5000, () => interpreter.bind(typical, name).sample());
time("the same, explained", 5000, () => interpreter.delegate(typical, name).sample());
const loop = Dtab.read("/a=>/b;/b=>/a");
time("C10: a loop, to depth 100", 200, () => interpreter.bind(loop, Path.of("a")).sample());
const doubling = Dtab.read(Array.from({ length: 30 }, (_, i) => `/x${i} => /x${i + 1} & /x${i + 1}`).join(";"));
time("C11: 2^30 branches, to the step budget", 10, () => interpreter.bind(doubling, Path.of("x0")).sample());

console.log("patterns");
const matcher = PathMatcher.read("/#/*/{service}");
const bound = Path.read("/#/io.l5d.fs/web/v1");
time("PathMatcher.extract", 100_000, () => matcher.extract(bound));
const hostile = Path.of("x", "a-".repeat(50_000));
const many = PathMatcher.read(`/x/${"{a}-".repeat(50)}!`);
time("C28: 100 KB against 50 captures", 100, () => many.extract(hostile));
if (kept === boundAddr) console.log("never");
