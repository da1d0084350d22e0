import type { Status } from "@weftmesh/core";
import { type Address, address } from "@weftmesh/naming";
import fc from "fast-check";

/** At `atMs` the node becomes `status`. */
export interface StatusFlip {
  readonly atMs: number;
  readonly node: number;
  readonly status: Status;
}

/** Endpoints, and how their health changes, in the order of time. */
export interface Cluster {
  readonly addresses: readonly Address[];
  readonly flips: readonly StatusFlip[];
}

/** Clusters of the sizes at which balancers change their ways: none, one, a pair, the aperture's 12 and one more. */
export const arbCluster: fc.Arbitrary<Cluster> = fc.constantFrom(0, 1, 2, 3, 5, 12, 13, 100).chain((size) =>
  fc.record({
    addresses: fc
      .array(fc.constantFrom(1, 1, 1, 0.5, 2), { minLength: size, maxLength: size })
      .map((weights) => weights.map((weight, i) => address(`10.0.${i >> 8}.${i & 255}`, 8080, weight))),
    flips:
      size === 0
        ? fc.constant([])
        : fc
            .array(
              fc.record({
                atMs: fc.integer({ min: 0, max: 10_000 }),
                node: fc.integer({ min: 0, max: size - 1 }),
                status: fc.constantFrom<Status>("open", "busy", "closed"),
              }),
              { maxLength: 20 },
            )
            .map((flips) => flips.sort((a, b) => a.atMs - b.atMs)),
  }),
);
