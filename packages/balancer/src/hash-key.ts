import type { Ctx } from "@weftmesh/core";

/**
 * What a call is to be kept together by; undefined when it has nothing of the kind.
 *
 * Cost: asked once or a few times per call, so it should not allocate more than the key itself.
 */
export type HashKey<Req> = (req: Req, ctx: Ctx) => string | undefined;

/** The first of the keys that a call has. */
export function firstKey<Req>(...keys: readonly HashKey<Req>[]): HashKey<Req> {
  return (req, ctx) => {
    for (let i = 0; i < keys.length; i++) {
      const key = (keys[i] as HashKey<Req>)(req, ctx);
      if (key !== undefined) return key;
    }
    return undefined;
  };
}
