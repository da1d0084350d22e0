import { type Clock, type Ctx, Params, Stack, service, Var, type VarSource } from "@weftmesh/core";
import type { HttpRequest } from "@weftmesh/http";
import { type Addr, type Address, address, boundAddr, showAddress } from "@weftmesh/naming";
import type { StatsReceiver } from "@weftmesh/telemetry";
import { DeadlineReader } from "@weftmesh/timeout";
import { ScenarioError } from "../errors.ts";
import type { SimService, Tier } from "../experiment.ts";
import { Tally } from "../measure/tally.ts";
import type { SeededRng } from "../seeded-rng.ts";
import { Backend } from "./backend.ts";
import { Hop, type HopOptions } from "./hop.ts";
import type { Exchange } from "./job.ts";
import { stackParams } from "./stack-params.ts";

/** What a tier is built within. */
export interface TierSetting {
  readonly clock: Clock;
  readonly rng: SeededRng;
  readonly stats: StatsReceiver;
  readonly bucketMs: number;
}

/** A tier at work: its servers, and what discovery says of them. */
export class TierWorld {
  readonly tier: Tier;
  readonly backends: readonly Backend[];
  readonly dest: VarSource<Addr>;
  readonly arrivedOverTime: Tally;
  /** Servers that discovery lists now. */
  discovered = 0;
  readonly #byAddress = new Map<string, Backend>();
  /** Undefined for a server that is nothing but its work, to which calls go without a context of their own. */
  readonly #servers: Map<Backend, SimService> | undefined;
  readonly #hopOptions: HopOptions;
  readonly #clock: Clock;

  constructor(tier: Tier, index: number, setting: TierSetting) {
    const { clock, rng, stats, bucketMs } = setting;
    this.#clock = clock;
    this.arrivedOverTime = new Tally(bucketMs);
    this.tier = tier;
    const reader = new DeadlineReader({ clock, stats, toleranceMs: 0, maxMs: Number.POSITIVE_INFINITY });
    this.#hopOptions = {
      stopsAbandoned: tier.stopsAbandoned === true,
      deadlines: tier.readsDeadlines === true ? { clock, reader } : undefined,
    };
    this.backends = tier.backends.map((spec, i) => {
      const host = `10.${index}.${i >> 8}.${i & 255}`;
      const where = address(host, 80, spec.weight ?? 1, spec.metadata);
      const backend = new Backend(
        `${tier.name}-${i}`,
        where,
        spec,
        tier.holdsWorkers === true,
        clock,
        rng.stream(`backend/${i}`),
      );
      this.#byAddress.set(showAddress(where), backend);
      return backend;
    });
    this.dest = Var.source(this.#addresses(tier.discovery?.[0]?.atMs === 0 ? tier.discovery[0].members : undefined));
    for (const { atMs, members } of tier.discovery ?? []) {
      if (atMs > 0) clock.after(atMs, () => this.dest.set(this.#addresses(members)));
    }
    const isPlain = tier.server === undefined && tier.downstream === undefined && tier.readsDeadlines !== true;
    this.#servers = isPlain ? undefined : this.#buildServers(clock, rng, stats);
  }

  backendAt(where: Address): Backend {
    const only = this.backends.length === 1 ? this.backends[0] : undefined;
    const backend = this.#byAddress.get(showAddress(where)) ?? only;
    if (backend !== undefined) return backend;
    throw new ScenarioError(
      `no server of ${this.tier.name} has the address ${showAddress(where)}: its stack needs a balancer`,
    );
  }

  /** A call arrives at one of the servers. */
  begin(backend: Backend, req: HttpRequest, ctx: Ctx): Exchange {
    this.arrivedOverTime.count(this.#clock.now());
    const server = this.#servers?.get(backend);
    if (server === undefined) return backend.begin(ctx, this.#hopOptions.stopsAbandoned);
    return new Hop(server, req, ctx, this.#hopOptions);
  }

  #addresses(members: readonly number[] | undefined): Addr {
    this.discovered = members?.length ?? this.backends.length;
    if (members === undefined) return boundAddr(this.backends.map((backend) => backend.address));
    return boundAddr(
      members.map((index) => {
        const backend = this.backends[index];
        if (backend === undefined) throw new ScenarioError(`${this.tier.name} has no server ${index} to discover`);
        return backend.address;
      }),
    );
  }

  #buildServers(clock: Clock, rng: SeededRng, stats: StatsReceiver): Map<Backend, SimService> {
    const spec = this.tier.server ?? { modules: [] };
    const servers = new Map<Backend, SimService>();
    this.backends.forEach((backend, index) => {
      const place = { index, count: this.backends.length, clock, rng: rng.stream(`server/${index}`) };
      const work: SimService = service((_req, ctx) => {
        const job = backend.begin(ctx, true);
        ctx.onCancel((reason) => job.abandon(reason));
        return job.promise;
      });
      const params = stackParams(Params.empty, spec, place, stats);
      servers.set(backend, new Stack(spec.modules, () => work).make(params));
    });
    return servers;
  }
}
