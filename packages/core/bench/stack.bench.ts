// Run: node --expose-gc --min-semi-space-size=128 --max-semi-space-size=128 --import tsx --conditions=@weftmesh/source packages/core/bench/stack.bench.ts
import {
  Ctx,
  dispatch,
  filterModule,
  type Module,
  type Observer,
  ok,
  Params,
  role,
  type Service,
  Stack,
  service,
} from "@weftmesh/core";

interface Req {
  readonly id: number;
}

/** Every fourth module watches the call, as statistics and spans do; the rest only pass it on. */
function modules(count: number): Module<Service<Req, Req>>[] {
  return Array.from({ length: count }, (_, i) => {
    const observer: Observer = { onEnd: () => {} };
    const watches = i % 4 === 0;
    return filterModule({
      role: role(`module${i}`),
      description: "passes through",
      params: {},
      filter: () =>
        watches
          ? (req, ctx, next) => {
              ctx.observe(observer);
              return next.call(req, ctx);
            }
          : (req, ctx, next) => next.call(req, ctx),
    })<Req, Req>();
  });
}

const leaf = service<Req, Req>((req) => new Promise((resolve) => queueMicrotask(() => resolve(req))));

async function calls(svc: Service<Req, Req>, count: number, viaDispatch: boolean): Promise<void> {
  for (let i = 0; i < count; i++) {
    if (viaDispatch) await dispatch(svc, { id: i });
    else {
      const ctx = new Ctx();
      ctx.respond(await svc.call({ id: i }, ctx));
      ctx.end(ok);
    }
  }
}

interface Figures {
  readonly nsPerCall: number;
  readonly bytesPerCall: number;
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

async function measure(svc: Service<Req, Req>): Promise<Figures> {
  await calls(svc, 50_000, false);
  const ns: number[] = [];
  const bytes: number[] = [];
  for (let round = 0; round < 15; round++) {
    const count = 20_000;
    const from = performance.now();
    await calls(svc, count, false);
    ns.push(((performance.now() - from) * 1e6) / count);
  }
  for (let round = 0; round < 9; round++) {
    // Few enough that no collection falls between the two readings, given a young generation of this size.
    const count = 20_000;
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    await calls(svc, count, false);
    bytes.push((process.memoryUsage().heapUsed - before) / count);
  }
  return { nsPerCall: Math.min(...ns), bytesPerCall: median(bytes) };
}

const rows: Record<string, { "ns (best of 15)": number; "bytes (median of 9)": number }> = {};
for (const count of [0, 12, 24, 48]) {
  const svc = new Stack(modules(count), () => leaf).make(Params.empty);
  const { nsPerCall, bytesPerCall } = await measure(svc);
  rows[`${count} modules`] = {
    "ns (best of 15)": Math.round(nsPerCall),
    "bytes (median of 9)": Math.round(bytesPerCall),
  };
}
console.table(rows);
if (globalThis.gc === undefined) console.log("bytes mean nothing without --expose-gc");
