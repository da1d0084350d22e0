// The cost of a call through the breaker of a healthy endpoint, above that of the call itself. Run from the root with
// node --expose-gc --import tsx --conditions=@weftmesh/source packages/failure-accrual/bench/alive-call.ts
import {
  ClockParam,
  Ctx,
  ok,
  Params,
  RngParam,
  type Service,
  Stack,
  service,
  systemClock,
  systemRng,
} from "@weftmesh/core";
import {
  consecutiveFailures,
  type FailureAccrualKind,
  FailureAccrualParam,
  failureAccrual,
  none,
  successRate,
  successRateWindowed,
  unified,
} from "@weftmesh/failure-accrual";

const calls = 1_000_000;
const rounds = 9;
const rep = { status: 200 };
const answer = Promise.resolve(rep);
const endpoint: Service<string, object> = service(() => answer);

function breaker(kind: FailureAccrualKind): Service<string, object> {
  const params = Params.empty.with(ClockParam, systemClock).with(RngParam, systemRng).with(FailureAccrualParam, kind);
  return new Stack([failureAccrual<string, object>()], () => endpoint).make(params);
}

/** With observers besides, as every call in a stack has: the list of them has grown already. */
const observer = { onEnd: (): void => {} };

function once(svc: Service<string, object>): void {
  const ctx = new Ctx();
  ctx.observe(observer);
  ctx.observe(observer);
  void svc.call("req", ctx);
  ctx.respond(rep);
  ctx.end(ok);
}

/** The best of some rounds: the others had the machine's other work in them. */
function measure(svc: Service<string, object>): { readonly ns: number; readonly bytes: number } {
  let best = { ns: Number.POSITIVE_INFINITY, bytes: 0 };
  for (let round = 0; round < rounds; round++) {
    globalThis.gc?.();
    const heap = process.memoryUsage().heapUsed;
    const started = process.hrtime.bigint();
    let n = 0;
    for (; n < 5_000; n++) once(svc);
    const bytes = (process.memoryUsage().heapUsed - heap) / n;
    for (; n < calls; n++) once(svc);
    const ns = Number(process.hrtime.bigint() - started) / calls;
    if (ns < best.ns) best = { ns, bytes };
  }
  return best;
}

const rows: readonly [string, Service<string, object>][] = [
  ["none", breaker(none)],
  ["consecutiveFailures", breaker(consecutiveFailures(5))],
  ["successRate", breaker(successRate(0.9, 1_000))],
  ["successRateWindowed", breaker(successRateWindowed(0.9, 30_000))],
  ["unified", breaker(unified())],
];
for (const [, svc] of rows) measure(svc);
for (const [name, svc] of rows) {
  const { ns, bytes } = measure(svc);
  console.log(`${name.padEnd(22)} ${ns.toFixed(0).padStart(5)} ns/call ${bytes.toFixed(0).padStart(5)} B/call`);
}
