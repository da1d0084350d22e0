import type { Var } from "@weftmesh/core";
import type { Addr } from "./addr.ts";
import type { Path } from "./path.ts";

/** A concrete name. Two with the same id are the same: they share a client. */
export interface Bound {
  readonly id: Path;
  /** What the namer did not consume of the name. */
  readonly residual: Path;
  readonly addr: Var<Addr>;
}
