import { ClockParam, Params, RngParam, type Service, Stack, Var, type VarSource } from "@weftmesh/core";
import { type Addr, type Address, address, boundAddr, showAddress } from "@weftmesh/naming";
import { StatsParam } from "@weftmesh/telemetry";
import { type Answer, answerOk, ManualClock, MemoryStats, ScriptedService, seededRng } from "@weftmesh/testkit";
import { type BalancerKind, BalancerParam, balancer, DestLabelParam, DestParam, EndpointParam } from "../src/index.ts";

export type Endpoint = ScriptedService<string, string>;

/** Addresses by number: 10.0.0.0:80 and on. */
export function at(n: number, weight = 1): Address {
  return address(`10.0.${n >> 8}.${n & 255}`, 80, weight);
}

export function bound(...numbers: readonly number[]): Addr {
  return boundAddr(numbers.map((n) => at(n)));
}

/** A balancer over scripted endpoints, in virtual time. */
export class Cluster {
  readonly clock = new ManualClock();
  readonly stats = new MemoryStats();
  readonly dest: VarSource<Addr>;
  /** Every endpoint that was ever made, by address. */
  readonly made = new Map<string, Endpoint[]>();
  readonly params: Params;
  readonly service: Service<string, string>;
  script: (where: string, n: number) => Answer<string>;

  constructor(
    kind: BalancerKind,
    initial: Addr,
    options: { seed?: number; params?: Params; script?: (where: string, n: number) => Answer<string> } = {},
  ) {
    this.dest = Var.source(initial);
    this.script = options.script ?? ((where) => answerOk(where));
    this.params = Params.empty
      .with(ClockParam, this.clock)
      .with(RngParam, seededRng(options.seed ?? 1))
      .with(StatsParam, this.stats)
      .with(BalancerParam, kind)
      .with(DestParam, this.dest)
      .with(DestLabelParam, "/#/test/web")
      .merge(options.params ?? Params.empty);
    this.service = new Stack([balancer<string, string>()], (params) => this.#make(params)).make(this.params);
  }

  /** The endpoint that is or was last made for an address. */
  endpoint(n: number): Endpoint | undefined {
    return this.made.get(showAddress(at(n)))?.at(-1);
  }

  all(): Endpoint[] {
    return [...this.made.values()].flat();
  }

  #make(params: Params): Endpoint {
    const where = showAddress(params.get(EndpointParam));
    const endpoint: Endpoint = new ScriptedService(this.clock, (n) => this.script(where, n));
    this.made.set(where, [...(this.made.get(where) ?? []), endpoint]);
    return endpoint;
  }
}
