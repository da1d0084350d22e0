import type { Distribution, DistributionSettings } from "./distribution.ts";
import type { Node } from "./node.ts";
import { OpenShare } from "./open-share.ts";
import { Panic } from "./panic.ts";
import { WeightClasses } from "./weight-classes.ts";
import { isInZone, ZonePreference, type ZonePreferenceOptions } from "./zone-preference.ts";

export interface DistributorSettings extends DistributionSettings {
  readonly zone: ZonePreferenceOptions | undefined;
  /** The percentage of open nodes below which all count as open; 0 for never. */
  readonly panicPercent: number;
  /** Told of each pick in panic. */
  readonly panicked: () => void;
  /** Told of each call that leaves the zone. */
  readonly crossed: () => void;
}

/** Builds the distribution of each set of nodes: only what was asked for stands between a call and its weight class. */
export class Distributor<Req, Rep> {
  readonly #settings: DistributorSettings;
  #own: WeightClasses<Req, Rep> | undefined;
  #others: WeightClasses<Req, Rep> | undefined;
  #panic: Panic<Req, Rep> | undefined;

  constructor(settings: DistributorSettings) {
    this.#settings = settings;
  }

  get panicking(): boolean {
    return this.#panic?.panicking ?? false;
  }

  rebuild(nodes: readonly Node<Req, Rep>[]): Distribution<Req, Rep> {
    const { clock, panicPercent, panicked } = this.#settings;
    const calm = this.#calm(nodes);
    if (!(panicPercent > 0)) return calm;
    this.#panic = new Panic(calm, new OpenShare(nodes, clock), panicPercent, panicked);
    return this.#panic;
  }

  #calm(nodes: readonly Node<Req, Rep>[]): Distribution<Req, Rep> {
    const settings = this.#settings;
    const { zone, clock } = settings;
    const own = zone === undefined ? nodes : nodes.filter((node) => isInZone(node.address, zone));
    if (zone === undefined || own.length === nodes.length || own.length < Math.max(zone.minEndpoints ?? 1, 1)) {
      this.#own = new WeightClasses(nodes, this.#own, settings);
      this.#others?.close();
      this.#others = undefined;
      return this.#own;
    }
    const others = nodes.filter((node) => !isInZone(node.address, zone));
    this.#own = new WeightClasses(own, this.#own, settings);
    this.#others = new WeightClasses(others, this.#others, settings);
    const health = [own, others].map((side) => new OpenShare(side, clock)) as [OpenShare, OpenShare];
    return new ZonePreference(this.#own, this.#others, ...health, { options: zone, ...settings });
  }
}
