// What each module adds to a call that it lets through.
// Run: node --expose-gc --min-semi-space-size=128 --max-semi-space-size=128 --import tsx --conditions=@weftmesh/source packages/admission/bench/admission.bench.ts
import {
  type Clock,
  ClockParam,
  Ctx,
  type Module,
  type Observer,
  ok,
  type Param,
  Params,
  RngParam,
  type Service,
  Stack,
  service,
  systemClock,
  systemRng,
} from "@weftmesh/core";
import { MetricsRegistry, StatsParam } from "@weftmesh/telemetry";
import {
  AdaptiveConcurrencyParam,
  adaptiveConcurrency,
  concurrencyLimit,
  failFastQueue,
  Gate,
  GateParam,
  gate,
  LoadSheddingParam,
  loadShedding,
  MaxConcurrentRequests,
  MaxPending,
  NackAdmissionParam,
  nackAdmission,
  QueueCapacity,
  RateLimitKeyParam,
  RateLimitParam,
  rateLimit,
} from "../src/index.ts";

interface Rep {
  readonly status: number;
}

const rep: Rep = { status: 200 };
const answer = Promise.resolve(rep);
const leaf = service<string, Rep>(() => answer);

const much = { requestsPerSecond: 1_000_000_000 };
const common = Params.empty.with(RngParam, systemRng);
const set = <T>(key: Param<T>, value: NoInfer<T>): Params => common.with(key, value);

const stacks: Readonly<Record<string, readonly [Module<Service<string, Rep>>, Params]>> = {
  concurrencyLimit: [concurrencyLimit(), set(MaxConcurrentRequests, 1000)],
  "concurrencyLimit, maxPending": [concurrencyLimit(), set(MaxConcurrentRequests, 1000).with(MaxPending, 100)],
  adaptiveConcurrency: [adaptiveConcurrency(), set(AdaptiveConcurrencyParam, {})],
  nackAdmission: [nackAdmission(), set(NackAdmissionParam, {})],
  "rateLimit, total": [rateLimit(), set(RateLimitParam, { total: much })],
  "rateLimit, total and identity": [
    rateLimit(),
    set(RateLimitParam, { total: much, identity: much }).with(RateLimitKeyParam, (req) => req as string),
  ],
  loadShedding: [loadShedding(), set(LoadSheddingParam, { eventLoopDelay: { meanMs: 0, maxMs: 0 } })],
  gate: [gate(), set(GateParam, new Gate())],
  failFastQueue: [failFastQueue(), set(QueueCapacity, 10_000)],
};

const watcher: Observer = { onEnd: () => {} };
/** Keeps the compiler from seeing that nobody looks at a call afterwards. */
let last: Ctx | undefined;

/** Calls that others watch as well: the first observers of a ctx make room for those of the modules. */
function calls(svc: Service<string, Rep>, count: number): void {
  for (let i = 0; i < count; i++) {
    const ctx = new Ctx();
    ctx.observe(watcher);
    ctx.observe(watcher);
    last = ctx;
    void svc.call("req", ctx);
    ctx.respond(rep);
    ctx.end(ok);
  }
}

interface Cost {
  readonly ns: number;
  readonly bytes: number;
}

function measure(svc: Service<string, Rep>): Cost {
  calls(svc, 200_000);
  let ns = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 15; round++) {
    const from = performance.now();
    calls(svc, 200_000);
    ns = Math.min(ns, ((performance.now() - from) * 1e6) / 200_000);
  }
  const bytes: number[] = [];
  for (let round = 0; round < 9; round++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    calls(svc, 20_000);
    bytes.push((process.memoryUsage().heapUsed - before) / 20_000);
  }
  return { ns, bytes: bytes.sort((a, b) => a - b)[4] ?? Number.NaN };
}

/** Time that costs nothing to read, to tell the modules' own cost from the clock's. */
const frozen: Clock = { now: () => 1_000_000.5, epochMs: () => 0, after: () => ({ cancel: () => {} }) };
const rows: Record<string, Record<string, number>> = {};
const bare = measure(leaf);
for (const [name, [module, params]] of Object.entries(stacks)) {
  const [free, real] = [frozen, systemClock].map((clock) => {
    const given = params.with(ClockParam, clock).with(StatsParam, new MetricsRegistry().scope("bench"));
    const svc = new Stack([module], () => leaf).make(given);
    const cost = measure(svc);
    void svc.close();
    return cost;
  }) as [Cost, Cost];
  rows[name] = {
    "ns, clock free": Math.round(free.ns - bare.ns),
    "ns, system clock": Math.round(real.ns - bare.ns),
    bytes: Math.round(free.bytes - bare.bytes),
  };
}
if (last?.ended !== true) throw new Error("no call was made");
console.log(
  `an empty call: ${Math.round(bare.ns)} ns, ${Math.round(bare.bytes)} bytes; each row is what is added to it`,
);
console.table(rows);
