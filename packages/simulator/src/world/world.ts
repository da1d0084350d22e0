import { MetricsRegistry } from "@weftmesh/telemetry";
import { ScenarioError } from "../errors.ts";
import type { TrafficExperiment } from "../experiment.ts";
import { type SeededRng, seededRng } from "../seeded-rng.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { ClientGroup } from "./client-group.ts";
import { SimClient } from "./sim-client.ts";
import { TierWorld } from "./tier-world.ts";

/** Metrics of one simulation at most; ten thousand clients share their names. */
const maxNames = 1_000_000;

/** Everything of one experiment: time, chance, servers and clients, connected and at rest. */
export class World {
  readonly clock: VirtualClock = new VirtualClock();
  readonly rng: SeededRng;
  readonly registry: MetricsRegistry = new MetricsRegistry({ clock: this.clock, maxNames });
  readonly tiers: ReadonlyMap<string, TierWorld>;
  readonly clients: readonly SimClient[];
  /** The load's clients first. */
  readonly groups: readonly ClientGroup[];

  constructor(experiment: TrafficExperiment, seed: number, bucketMs: number) {
    // The name is no part of it: variants of a scenario then differ by what they change, and not by chance.
    this.rng = seededRng(seed);
    const tiers = new Map<string, TierWorld>();
    experiment.tiers.forEach((tier, index) => {
      if (tiers.has(tier.name)) throw new ScenarioError(`there are two tiers named ${tier.name}`);
      if (tier.backends.length === 0) throw new ScenarioError(`the tier ${tier.name} has no servers`);
      const stats = this.registry.scope(`server:${tier.name}`);
      const setting = { clock: this.clock, rng: this.rng.stream(`tier/${tier.name}`), stats, bucketMs };
      tiers.set(tier.name, new TierWorld(tier, index, setting));
    });
    this.tiers = tiers;
    const { load } = experiment;
    const group = new ClientGroup(`load to ${load.to}`, this.clock, bucketMs, load.keepsTimes === true);
    const groups = [group];
    const count = load.clients ?? 1;
    if (!(Number.isInteger(count) && count > 0)) throw new ScenarioError(`${count} clients are none`);
    const to = this.#tier(load.to);
    const stats = this.registry.scope(group.name);
    this.clients = Array.from({ length: count }, (_, index) => {
      const place = { index, count, clock: this.clock, rng: this.rng.stream(`client/${index}`) };
      return new SimClient(load.through, to, group, place, stats, load.method);
    });
    for (const tier of tiers.values()) groups.push(...this.#connect(tier, bucketMs));
    this.groups = groups;
  }

  /** Gives each server of a tier its clients to the tiers that it calls. */
  #connect(from: TierWorld, bucketMs: number): ClientGroup[] {
    const groups: ClientGroup[] = [];
    for (const { to, through, calls = 1 } of from.tier.downstream ?? []) {
      const group = new ClientGroup(`${from.tier.name} to ${to}`, this.clock, bucketMs, false);
      groups.push(group);
      const target = this.#tier(to);
      const stats = this.registry.scope(group.name);
      from.backends.forEach((backend, index) => {
        const rng = this.rng.stream(`tier/${from.tier.name}/client/${index}/${to}`);
        const place = { index, count: from.backends.length, clock: this.clock, rng };
        const client = new SimClient(through, target, group, place, stats);
        backend.calls = [...backend.calls, { client, times: calls }];
      });
    }
    return groups;
  }

  #tier(name: string): TierWorld {
    const tier = this.tiers.get(name);
    if (tier !== undefined) return tier;
    throw new ScenarioError(`there is no tier ${name}; there are ${[...this.tiers.keys()].join(", ")}`);
  }
}
