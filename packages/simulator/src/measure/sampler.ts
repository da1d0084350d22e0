import type { TierResult } from "../result.ts";
import type { TierWorld } from "../world/tier-world.ts";
import type { World } from "../world/world.ts";
import { readMetrics } from "./read-metrics.ts";

interface TierSamples {
  readonly queued: number[];
  readonly busy: number[];
}

/** Looks at servers and metrics at the end of each span of time. */
export class Sampler {
  readonly #world: World;
  readonly #watch: readonly string[];
  readonly #bucketMs: number;
  readonly #tiers = new Map<TierWorld, TierSamples>();
  readonly #watched = new Map<string, number[]>();
  #spans = 0;

  constructor(world: World, watch: readonly string[], bucketMs: number) {
    this.#world = world;
    this.#watch = watch;
    this.#bucketMs = bucketMs;
    for (const tier of world.tiers.values()) this.#tiers.set(tier, { queued: [], busy: [] });
    for (const name of watch) this.#watched.set(name, []);
    this.#schedule();
  }

  tier(world: TierWorld, spans: number): TierResult["series"] {
    const { queued, busy } = this.#tiers.get(world) as TierSamples;
    return { arrived: world.arrivedOverTime.read(spans), queued, busy };
  }

  watched(): Record<string, readonly number[]> {
    return Object.fromEntries(this.#watched);
  }

  /** Takes the last span, which may not be over. */
  finish(): void {
    if (this.#world.clock.now() > this.#spans * this.#bucketMs) this.#sample();
  }

  #schedule(): void {
    const { clock } = this.#world;
    clock.after((this.#spans + 1) * this.#bucketMs - clock.now(), () => {
      this.#spans++;
      this.#sample();
      this.#schedule();
    });
  }

  #sample(): void {
    for (const [world, samples] of this.#tiers) {
      let queued = 0;
      let busy = 0;
      for (const backend of world.backends) {
        queued += backend.queued;
        busy += backend.busy;
      }
      samples.queued.push(queued);
      samples.busy.push(busy);
    }
    if (this.#watch.length === 0) return;
    const scope = this.#world.groups[0]?.name ?? "";
    const metrics = readMetrics(this.#world.registry, scope);
    for (const [name, values] of this.#watched) values.push(metrics[name] ?? 0);
  }
}
