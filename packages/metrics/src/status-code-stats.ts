import {
  type Clock,
  ClockParam,
  type Ctx,
  defineModule,
  hasFlag,
  type Module,
  type Observer,
  type Outcome,
  type Role,
  role,
  type Service,
} from "@weftmesh/core";
import { type Counter, nullStats, type Stat, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { SharedWatchers } from "./shared-watcher.ts";
import { elapsedMs, ticksNow } from "./ticks.ts";
import { type CallWatcher, WatchedService } from "./watched-service.ts";

export const StatusCodeStatsRole: Role = role("statusCodeStats");

/** A hundred codes. */
interface CodeClass {
  readonly count: Counter;
  readonly timeMs: Stat;
}

class StatusStats implements CallWatcher {
  readonly clock: Clock;
  readonly #status: StatsReceiver;
  readonly #time: StatsReceiver;
  readonly #errors: Counter;
  readonly #errorTimeMs: Stat;
  /** By code, made when a code is first seen: there are at most 900 of them. */
  readonly #codes = new Map<number, Counter>();
  readonly #classes: (CodeClass | undefined)[] = new Array(10).fill(undefined);

  constructor(stats: StatsReceiver, clock: Clock) {
    this.clock = clock;
    this.#status = stats.scope("status");
    this.#time = stats.scope("time");
    this.#errors = this.#status.counter("error");
    this.#errorTimeMs = this.#time.stat("error");
    for (let hundreds = 1; hundreds <= 5; hundreds++) this.#classes[hundreds] = this.#codeClass(hundreds);
  }

  observe(_req: unknown, ctx: Ctx): void {
    ctx.observe(new StatusRecord(this));
  }

  /** There is no gauge to take away. */
  close(): void {}

  answered(status: number, timeMs: number): void {
    if (!(status >= 100 && status <= 999)) {
      this.failed(timeMs);
      return;
    }
    let code = this.#codes.get(status);
    if (code === undefined) {
      code = this.#status.counter(String(status));
      this.#codes.set(status, code);
    }
    code.inc();
    const hundreds = Math.floor(status / 100);
    let codeClass = this.#classes[hundreds];
    if (codeClass === undefined) {
      codeClass = this.#codeClass(hundreds);
      this.#classes[hundreds] = codeClass;
    }
    codeClass.count.inc();
    codeClass.timeMs.add(timeMs);
  }

  failed(timeMs: number): void {
    this.#errors.inc();
    this.#errorTimeMs.add(timeMs);
  }

  #codeClass(hundreds: number): CodeClass {
    const name = `${hundreds}XX`;
    return { count: this.#status.counter(name), timeMs: this.#time.stat(name) };
  }
}

/** One call. Cost: 40 bytes. */
class StatusRecord implements Observer {
  readonly #stats: StatusStats;
  readonly #startTicks: number;
  #answered = false;

  constructor(stats: StatusStats) {
    this.#stats = stats;
    this.#startTicks = ticksNow(stats.clock);
  }

  onResponse(_ctx: Ctx, rep: unknown): void {
    this.#answered = true;
    this.#stats.answered((rep as { status: number }).status, elapsedMs(this.#stats.clock, this.#startTicks));
  }

  onEnd(_ctx: Ctx, outcome: Outcome): void {
    if (this.#answered || outcome.kind === "ok" || hasFlag(outcome.error, "ignorable")) return;
    this.#stats.failed(elapsedMs(this.#stats.clock, this.#startTicks));
  }
}

/**
 * Counts answers by their status and class, and times them: `status/200`, `status/2XX`, `status/error`, `time/2XX`.
 *
 * Shape: counted with the head of the answer; a call that ends without one is an `error`, unless its caller went away.
 */
export function statusCodeStats<Req, Rep extends { readonly status: number }>(): Module<Service<Req, Rep>> {
  const shared = new SharedWatchers<StatusStats>();
  return defineModule({
    role: StatusCodeStatsRole,
    description: "Counts answers by status code and class, and times them",
    params: { stats: StatsParam, clock: ClockParam },
    make: ({ stats, clock }, next: Service<Req, Rep>): Service<Req, Rep> => {
      if (stats === nullStats) return next;
      const { watcher, release } = shared.take(stats, () => new StatusStats(stats, clock));
      return new WatchedService(next, watcher, release);
    },
  });
}
