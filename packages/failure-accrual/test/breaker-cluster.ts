import { ClockParam, compareStatus, dispatch, Params, RngParam, type Service, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import {
  type Answer,
  answerFail,
  answerOk,
  ManualClock,
  MemoryStats,
  ScriptedService,
  seededRng,
} from "@weftmesh/testkit";
import {
  type EjectionEvent,
  EjectionListenerParam,
  type Ejections,
  EjectionsParam,
  EndpointLabelParam,
  type FailureAccrualKind,
  FailureAccrualParam,
  failureAccrual,
  newEjections,
} from "../src/index.ts";

export interface ClusterOptions {
  readonly kind: FailureAccrualKind;
  /** Whether the call to the endpoint fails, at a time. */
  readonly fails: (endpoint: number, nowMs: number, chance: number) => boolean;
  readonly size: number;
  readonly maxEjectionPercent?: number;
}

/** Breakers below the plainest of balancers: the better status of two at random, and anybody when five pairs met none. */
export class BreakerCluster {
  readonly clock: ManualClock = new ManualClock();
  readonly stats: MemoryStats = new MemoryStats();
  readonly events: EjectionEvent[] = [];
  readonly backends: readonly ScriptedService<string, string>[];
  readonly ejections: Ejections;
  /** The most endpoints that were out at once. */
  mostOut = 0;
  readonly #endpoints: readonly Service<string, string>[];
  readonly #rng = seededRng(42);

  constructor({ kind, fails, size, maxEjectionPercent = 100 }: ClusterOptions) {
    this.ejections = newEjections({ size: () => size, maxEjectionPercent });
    const chance = seededRng(43);
    this.backends = Array.from({ length: size }, (_, endpoint) => {
      const script = (): Answer<string> =>
        fails(endpoint, this.clock.now(), chance.next()) ? answerFail() : answerOk("rep");
      return new ScriptedService<string, string>(this.clock, script);
    });
    const params = Params.empty
      .with(ClockParam, this.clock)
      .with(RngParam, seededRng(44))
      .with(StatsParam, this.stats)
      .with(FailureAccrualParam, kind)
      .with(EjectionsParam, this.ejections)
      .with(EjectionListenerParam, (event) => void this.events.push(event));
    this.#endpoints = this.backends.map((backend, i) =>
      new Stack([failureAccrual<string, string>()], () => backend).make(params.with(EndpointLabelParam, `e${i}`)),
    );
  }

  /** Calls at an even pace; the share of them that went well. */
  async run(forMs: number, perSecond: number): Promise<number> {
    const total = (forMs * perSecond) / 1_000;
    let good = 0;
    for (let i = 0; i < total; i++) {
      dispatch(this.#pick(), "req").then(
        () => {
          good++;
        },
        () => {},
      );
      await this.clock.advance(1_000 / perSecond);
      this.mostOut = Math.max(this.mostOut, this.ejections.out);
    }
    return good / total;
  }

  #pick(): Service<string, string> {
    const endpoints = this.#endpoints;
    const draw = (n: number): number => Math.floor(this.#rng.next() * n);
    for (let tries = 1; ; tries++) {
      const first = draw(endpoints.length);
      const second = (first + 1 + draw(endpoints.length - 1)) % endpoints.length;
      const [a, b] = [endpoints[first], endpoints[second]] as [Service<string, string>, Service<string, string>];
      const better = compareStatus(a.status, b.status) >= 0 ? a : b;
      if (better.status === "open" || tries === 5) return better;
    }
  }
}
