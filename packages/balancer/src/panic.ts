import type { Ctx } from "@weftmesh/core";
import type { Distribution } from "./distribution.ts";
import type { Node } from "./node.ts";
import type { OpenShare } from "./open-share.ts";

/**
 * Picks as if all nodes were open while fewer than a part of them are: the few that are left could not carry the load
 * of all, and what makes so many look bad at once is hardly each one's own fault.
 *
 * Source: Envoy's panic threshold.
 */
export class Panic<Req, Rep> implements Distribution<Req, Rep> {
  readonly #calm: Distribution<Req, Rep>;
  readonly #health: OpenShare;
  readonly #thresholdPercent: number;
  readonly #counted: () => void;

  /** `counted` is told of every pick made in panic. */
  constructor(calm: Distribution<Req, Rep>, health: OpenShare, thresholdPercent: number, counted: () => void) {
    this.#calm = calm;
    this.#health = health;
    this.#thresholdPercent = thresholdPercent;
    this.#counted = counted;
  }

  get size(): number {
    return this.#calm.size;
  }

  get busy(): number {
    return this.#calm.busy;
  }

  get panicking(): boolean {
    const { open, total } = this.#health;
    return open * 100 < this.#thresholdPercent * total;
  }

  pick(req: Req, ctx: Ctx): Node<Req, Rep> | undefined {
    if (!this.panicking) return this.#calm.pick(req, ctx);
    this.#counted();
    return this.#calm.any(req, ctx);
  }

  open(req: Req, ctx: Ctx): Node<Req, Rep> | undefined {
    return this.#calm.open(req, ctx);
  }

  any(req: Req, ctx: Ctx): Node<Req, Rep> | undefined {
    return this.#calm.any(req, ctx);
  }
}
