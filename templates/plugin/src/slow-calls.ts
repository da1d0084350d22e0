import { definePlugin, type Plugin } from "@weftmesh/config";
import {
  type Clock,
  ClockParam,
  type Ctx,
  filterModule,
  type Module,
  type Observer,
  type Role,
  role,
  type Service,
} from "@weftmesh/core";
import { type Counter, type Stat, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { z } from "zod";

export const SlowCallsConfig = z.strictObject({
  thresholdMs: z.number().positive().default(1_000).describe("Calls that take longer are counted, in ms"),
});
export type SlowCallsConfig = z.output<typeof SlowCallsConfig>;

export const SlowCallsRole: Role = role("example.slowCalls");

/** Watches one call. It holds the start, so there is one per call; what it counts with is shared. */
class SlowCall implements Observer {
  readonly #shared: Shared;
  readonly #startedMs: number;

  constructor(shared: Shared) {
    this.#shared = shared;
    this.#startedMs = shared.clock.now();
  }

  onEnd(_ctx: Ctx): void {
    const { clock, thresholdMs, slow, durationMs } = this.#shared;
    const tookMs = clock.now() - this.#startedMs;
    durationMs.add(tookMs);
    if (tookMs > thresholdMs) slow.inc();
  }
}

/** Made once per stack. */
interface Shared {
  readonly clock: Clock;
  readonly thresholdMs: number;
  readonly slow: Counter;
  readonly durationMs: Stat;
}

function shared(config: SlowCallsConfig, clock: Clock, stats: StatsReceiver): Shared {
  const scope = stats.scope("slow_calls");
  return { clock, thresholdMs: config.thresholdMs, slow: scope.counter("slow"), durationMs: scope.stat("duration_ms") };
}

/** Counts calls that take longer than the threshold, body and all. */
export function slowCalls(config: SlowCallsConfig): <Req, Rep>() => Module<Service<Req, Rep>> {
  return filterModule({
    role: SlowCallsRole,
    description: "Counts calls that take longer than a threshold",
    params: { clock: ClockParam, stats: StatsParam },
    filter: ({ clock, stats }) => {
      const perStack = shared(config, clock, stats);
      return (req, ctx, next) => {
        ctx.observe(new SlowCall(perStack));
        return next.call(req, ctx);
      };
    },
  });
}

export const slowCallsPlugin: Plugin<"module", SlowCallsConfig> = definePlugin({
  type: "module",
  kind: "com.example.slowCalls",
  schema: SlowCallsConfig,
  make: (config) => ({ role: SlowCallsRole, stackable: slowCalls(config) }),
});
