// What each module of the default stacks costs by itself: time and bytes of heap per call, over a leaf that answers in
// the next microtask. Run: npm run micro [-- --save]
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { AccessLog } from "@weftmesh/access-log";
import { DestParam } from "@weftmesh/balancer";
import {
  ClockParam,
  Ctx,
  type Module,
  ok,
  Params,
  RngParam,
  role,
  type Service,
  Stack,
  systemClock,
  systemRng,
  Var,
} from "@weftmesh/core";
import { emptyBody, findNameId, Headers, HttpRequest, HttpResponse, hashStep, tokenTable } from "@weftmesh/http";
import { address, boundAddr, Path } from "@weftmesh/naming";
import { unpooled } from "@weftmesh/pool";
import {
  AccessLogParam,
  BoundParam,
  DstParam,
  type HttpService,
  httpFilterModule,
  httpStacks,
  stackNames,
} from "@weftmesh/router";
import { MetricsRegistry, StatsParam } from "@weftmesh/telemetry";

const { values } = parseArgs({ options: { save: { type: "boolean", default: false } } });

const lines = "Host: web\r\nUser-Agent: bench\r\nAccept: */*\r\nX-Request: 1\r\nCookie: a=b; c=d\r\n";

/** Where the headers stand in the text, as a codec finds it. */
function spansOf(text: string): number[] {
  const bytes = Buffer.from(text, "latin1");
  const spans: number[] = [];
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(":", at);
    const end = text.indexOf("\r\n", at);
    let hash = 0;
    for (let i = at; i < colon; i++) hash = hashStep(hash, tokenTable[bytes[i] as number] as number);
    spans.push(findNameId(bytes, at, colon, hash), at, colon, colon + 2, end);
    at = end + 2;
  }
  return spans;
}

const bound = {
  id: Path.read("/#/io.l5d.fs/web"),
  residual: Path.empty,
  addr: Var.of(boundAddr([address("127.0.0.1", 1)])),
};
/** Takes everything at once: what is measured is the line, not the disk. */
const accessLog = new AccessLog({
  path: "/bench/access.log",
  clock: systemClock,
  disk: {
    open: async () => ({
      id: "1",
      isRegular: true,
      bytes: 0,
      modifiedMs: 0,
      write: async (bytes) => bytes.length,
      close: async () => {},
    }),
    idOf: async () => "1",
    rename: async () => {},
    list: async () => [],
    remove: async () => {},
  },
  maxWaitingBytes: 64 * 1024 * 1024,
});
await accessLog.file.open();

const params = Params.empty
  .with(AccessLogParam, accessLog)
  .with(ClockParam, systemClock)
  .with(RngParam, systemRng)
  .with(StatsParam, new MetricsRegistry({ clock: systemClock }).scope("rt", "http"))
  .with(DstParam, { path: Path.read("/svc/web"), local: undefined })
  .with(BoundParam, bound)
  .with(DestParam, bound.addr);

const session: Service<HttpRequest, HttpResponse> = {
  status: "open",
  call: () => new Promise((resolve) => queueMicrotask(() => resolve(new HttpResponse(200)))),
  close: () => Promise.resolve(),
};
/** The pool wants the factory of sessions below it; every other module is as well served by the session itself. */
const sessions = { status: "open" as const, open: () => Promise.resolve(session), close: () => Promise.resolve() };

function over(modules: readonly Module<HttpService>[], leaf: () => HttpService): HttpService {
  return new Stack(modules, leaf).make(params);
}

const template = spansOf(lines);

async function calls(svc: HttpService, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const req = new HttpRequest("1.1", "GET", "http", "web", "/", new Headers(lines, template.slice()), emptyBody);
    const ctx = new Ctx();
    ctx.respond(await svc.call(req, ctx));
    ctx.end(ok);
  }
}

interface Cost {
  readonly ns: number;
  readonly bytes: number;
}

const perRound = 4000;

async function once(svc: HttpService): Promise<Cost> {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const from = performance.now();
  await calls(svc, perRound);
  const ns = ((performance.now() - from) * 1e6) / perRound;
  return { ns, bytes: (process.memoryUsage().heapUsed - before) / perRound };
}

/** The least time and the median of the bytes over interleaved rounds, above those of the leaf alone. */
async function above(base: HttpService, svc: HttpService): Promise<Cost> {
  await calls(base, 10_000);
  await calls(svc, 10_000);
  const ours: Cost[] = [];
  const theirs: Cost[] = [];
  for (let round = 0; round < 15; round++) {
    theirs.push(await once(base));
    ours.push(await once(svc));
  }
  const least = (costs: readonly Cost[]): number => Math.min(...costs.map((cost) => cost.ns));
  const middle = (costs: readonly Cost[]): number =>
    costs.map((cost) => cost.bytes).sort((a, b) => a - b)[7] ?? Number.NaN;
  return { ns: Math.max(0, least(ours) - least(theirs)), bytes: middle(ours) - middle(theirs) };
}

interface MicroRow {
  readonly stack: string;
  readonly module: string;
  readonly ns: number;
  readonly bytes: number;
}

const rows: MicroRow[] = [];

async function measure(
  stack: string,
  name: string,
  modules: readonly Module<HttpService>[],
  leaf: () => HttpService,
): Promise<void> {
  const { ns, bytes } = await above(session, over(modules, leaf));
  rows.push({ stack, module: name, ns: Math.round(ns), bytes: Math.round(bytes) });
  console.log(
    `${stack.padEnd(8)} ${name.padEnd(20)} ${ns.toFixed(0).padStart(6)} ns ${bytes.toFixed(0).padStart(6)} B`,
  );
}

const stacks = httpStacks(() => unpooled(sessions));
for (const name of stackNames) {
  for (const module of stacks[name].modules) {
    await measure(name, module.role, [module], module.role === "pool" ? () => unpooled(sessions) : () => session);
  }
}
const passThrough = (i: number): Module<HttpService> =>
  httpFilterModule({
    role: role(`pass${i}`),
    description: "passes through",
    params: {},
    filter: () => (req, ctx, next) => next.call(req, ctx),
  });
const many = Array.from({ length: 24 }, (_, i) => passThrough(i));
await measure("all", "24 pass-through", many, () => session);

if (values.save) {
  const results = join(dirname(fileURLToPath(import.meta.url)), "../results");
  mkdirSync(results, { recursive: true });
  const kept = { title: "Cost of each module above its leaf, per call", node: process.version, rows };
  writeFileSync(join(results, "micro.json"), `${JSON.stringify(kept, null, 2)}\n`);
}

await accessLog.file.close();
