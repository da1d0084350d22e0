import { Activity, Var } from "@weftmesh/core";
import { type Addr, type Address, address, boundAddr } from "../addr.ts";
import type { Bound } from "../bound.ts";
import { leaf, type NameTree, Neg } from "../name-tree.ts";
import type { Namer } from "../namer.ts";
import { Path } from "../path.ts";

const statusKey = "weft.status";
const prefix = Path.of("$", "io.buoyant.http.status");
const neg: Activity<NameTree<Path | Bound>> = Activity.of<NameTree<Path | Bound>>(Neg);

/**
 * `/$/io.buoyant.http.status/<code>`: a service that answers every request with this status, 100 to 599.
 *
 * It binds to one address, host `status.invalid`, port 0, whose metadata has the code as `weft.status`. The http
 * protocol answers for such an address itself (`httpStatusOf` tells); anybody else who tries to connect fails, since
 * the host is one that never resolves.
 */
export const httpStatus: Namer = {
  lookup: (path) => {
    const [code] = path.elems;
    if (code === undefined || !/^[1-5][0-9]{2}$/.test(code)) return neg;
    const addr: Addr = boundAddr([address("status.invalid", 0, 1, { [statusKey]: Number(code) })]);
    const bound: Bound = { id: prefix.concat(path.take(1)), residual: path.drop(1), addr: Var.of(addr) };
    return Activity.of<NameTree<Path | Bound>>(leaf(bound));
  },
};

/** The status that stands for an address of `/$/io.buoyant.http.status`; `undefined` for a real one. */
export function httpStatusOf(each: Address): number | undefined {
  const status = each.metadata[statusKey];
  return each.port === 0 && typeof status === "number" ? status : undefined;
}
