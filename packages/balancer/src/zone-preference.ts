import type { Ctx, Rng } from "@weftmesh/core";
import type { Address } from "@weftmesh/naming";
import type { Distribution } from "./distribution.ts";
import type { Node } from "./node.ts";
import type { OpenShare } from "./open-share.ts";

export interface ZonePreferenceOptions {
  /** The zone that this process is in. */
  readonly zone: string;
  /** Where an address's metadata says its zone; `zone` if not given. */
  readonly metadataKey?: string;
  /**
   * The percentage of the zone's endpoints that have to be open for it to get all calls; 70 if not given. Below it,
   * the zone gets calls in proportion, and the others the rest.
   */
  readonly healthyPercent?: number;
  /**
   * The part of all callers that is in this zone, above 0 and at most 1. If it is given, the zone gets no more than its
   * open endpoints are worth among all that are open, so that a zone with many callers and few endpoints overflows.
   */
  readonly callerShare?: number;
  /** Endpoints that the zone has to have for it to be preferred at all; 1 if not given. */
  readonly minEndpoints?: number;
}

/** What a zone's preference leaves to chance and counts. */
export interface ZoneSettings {
  readonly options: ZonePreferenceOptions;
  readonly rng: Rng;
  /** Told of every call that goes to another zone. */
  readonly crossed: () => void;
  /** Told when no open node was found for a call. */
  readonly exhausted: () => void;
}

export function isInZone(address: Address, options: ZonePreferenceOptions): boolean {
  return address.metadata[options.metadataKey ?? "zone"] === options.zone;
}

/**
 * Prefers the nodes of the own zone while enough of them are open.
 *
 * Shape: what the zone cannot take goes to all others as if they were one zone; and where one side has nobody open,
 * the other side is asked.
 * Source: Envoy's zone-aware routing and its overflow between priorities.
 */
export class ZonePreference<Req, Rep> implements Distribution<Req, Rep> {
  readonly #own: Distribution<Req, Rep>;
  readonly #others: Distribution<Req, Rep>;
  readonly #ownHealth: OpenShare;
  readonly #othersHealth: OpenShare;
  readonly #settings: ZoneSettings;

  constructor(
    own: Distribution<Req, Rep>,
    others: Distribution<Req, Rep>,
    ownHealth: OpenShare,
    othersHealth: OpenShare,
    settings: ZoneSettings,
  ) {
    this.#own = own;
    this.#others = others;
    this.#ownHealth = ownHealth;
    this.#othersHealth = othersHealth;
    this.#settings = settings;
  }

  get size(): number {
    return this.#own.size + this.#others.size;
  }

  get busy(): number {
    return this.#own.busy + this.#others.busy;
  }

  /** The part of all calls that stays in the zone, 0 to 1. */
  get share(): number {
    const { open, total } = this.#ownHealth;
    if (open === 0) return 0;
    const { healthyPercent = 70, callerShare } = this.#settings.options;
    const worth = callerShare === undefined ? 1 : this.#shareOf(open, this.#othersHealth.open);
    return Math.min(1, worth, (open * 100) / (healthyPercent * total));
  }

  pick(req: Req, ctx: Ctx): Node<Req, Rep> | undefined {
    const inZone = this.#drawn(this.share);
    const node = this.#openFrom(inZone, req, ctx);
    if (node !== undefined) return node;
    this.#settings.exhausted();
    return this.#side(inZone).any(req, ctx);
  }

  open(req: Req, ctx: Ctx): Node<Req, Rep> | undefined {
    return this.#openFrom(this.#drawn(this.share), req, ctx);
  }

  any(req: Req, ctx: Ctx): Node<Req, Rep> | undefined {
    const inZone = this.#drawn(this.#shareOf(this.#ownHealth.total, this.#othersHealth.total));
    if (!inZone) this.#settings.crossed();
    return this.#side(inZone).any(req, ctx);
  }

  #shareOf(own: number, others: number): number {
    const { callerShare } = this.#settings.options;
    return callerShare === undefined ? 1 : own / (own + others) / callerShare;
  }

  #drawn(share: number): boolean {
    return share >= 1 || this.#settings.rng.next() < share;
  }

  #openFrom(inZone: boolean, req: Req, ctx: Ctx): Node<Req, Rep> | undefined {
    const node = this.#side(inZone).open(req, ctx);
    if (node !== undefined) {
      if (!inZone) this.#settings.crossed();
      return node;
    }
    const other = this.#side(!inZone).open(req, ctx);
    if (other !== undefined && inZone) this.#settings.crossed();
    return other;
  }

  #side(inZone: boolean): Distribution<Req, Rep> {
    return inZone ? this.#own : this.#others;
  }
}
