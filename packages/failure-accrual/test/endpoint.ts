import { ClockParam, Ctx, failed, ok, Params, RngParam, type Service, Stack, type Status } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats, seededRng, testError } from "@weftmesh/testkit";
import {
  type EjectionEvent,
  EjectionListenerParam,
  EndpointLabelParam,
  type FailureAccrualKind,
  FailureAccrualParam,
  failureAccrual,
} from "../src/index.ts";

export const broken: Error = testError("broken");
export const ignorable: Error = testError("of no account", ["ignorable"]);

/** A breaker over a service that leaves every call to the test, in virtual time. */
export class Endpoint {
  readonly clock: ManualClock = new ManualClock();
  readonly stats: MemoryStats = new MemoryStats();
  readonly events: EjectionEvent[] = [];
  /** What went through to the service. */
  readonly passed: unknown[] = [];
  status: Status = "open";
  throws = false;
  closes = 0;
  readonly service: Service<unknown, unknown>;

  constructor(kind: FailureAccrualKind, params: Params = Params.empty) {
    const next: Service<unknown, unknown> = {
      call: (req) => {
        this.passed.push(req);
        if (this.throws) throw broken;
        return new Promise(() => {});
      },
      close: () => {
        this.closes++;
        return Promise.resolve();
      },
      status: "open",
    };
    Object.defineProperty(next, "status", { get: () => this.status });
    this.service = new Stack([failureAccrual<unknown, unknown>()], () => next).make(
      Params.empty
        .with(ClockParam, this.clock)
        .with(RngParam, seededRng(1))
        .with(StatsParam, this.stats)
        .with(FailureAccrualParam, kind)
        .with(EndpointLabelParam, "10.0.0.1:80")
        .with(EjectionListenerParam, (event) => void this.events.push(event))
        .merge(params),
    );
  }

  /** Begins a call; the test ends its ctx. */
  begin(req: unknown = "req", ctx: Ctx = new Ctx()): Ctx {
    this.service.call(req, ctx).catch(() => {});
    return ctx;
  }

  succeed(): void {
    const ctx = this.begin();
    ctx.respond("rep");
    ctx.end(ok);
  }

  fail(error: Error = broken): void {
    this.begin().end(failed(error));
  }

  /** A whole answer. */
  answer(rep: unknown): void {
    const ctx = this.begin();
    ctx.respond(rep);
    ctx.end(ok);
  }

  failTimes(n: number): void {
    for (let i = 0; i < n; i++) this.fail();
  }

  get kinds(): readonly string[] {
    return this.events.map((event) => event.kind);
  }

  get counters(): { removals: number; revivals: number; probes: number; removedForMs: number; refused: number } {
    const read = (name: string): number => this.stats.readCounter(`failure_accrual/${name}`);
    return {
      removals: read("removals"),
      revivals: read("revivals"),
      probes: read("probes"),
      removedForMs: read("removed_for_ms"),
      refused: read("refused"),
    };
  }
}
