import { Activity, Var } from "@weftmesh/core";
import { type Addr, address, boundAddr, negAddr, pendingAddr } from "../addr.ts";
import type { Bound } from "../bound.ts";
import { UnknownNamerError } from "../errors.ts";
import type { HostAddresses, HostResolver } from "../host-resolver.ts";
import { readIp } from "../ip.ts";
import { leaf, type NameTree, Neg } from "../name-tree.ts";
import type { Namer } from "../namer.ts";
import { Path } from "../path.ts";

/**
 * `/$/inet/<host>/<port>` and `/$/inet/<port>`, which is on this host; what follows is the residual.
 *
 * The bound id has the text as it was given. A host is a literal in any form that `readIp` reads, or a name.
 */
export function inet(resolver: HostResolver): Namer {
  const prefix = Path.of("$", "inet");
  return {
    lookup: (path) => {
      const [first, second] = path.elems;
      if (first === undefined) return neg;
      const port = second === undefined ? undefined : readPort(second);
      if (port !== undefined) return found(resolver, prefix, path, 2, first, port);
      const local = readPort(first);
      if (local !== undefined) return found(resolver, prefix, path, 1, "", local);
      return Activity.failed(new UnknownNamerError(prefix.concat(path)));
    },
  };
}

/** `/$/io.buoyant.rinet/<port>/<host>`: the same the other way round. */
export function rinet(resolver: HostResolver): Namer {
  const prefix = Path.of("$", "io.buoyant.rinet");
  return {
    lookup: (path) => {
      const [first, second] = path.elems;
      const port = first === undefined ? undefined : readPort(first);
      if (port === undefined || second === undefined) return neg;
      return found(resolver, prefix, path, 2, second, port);
    },
  };
}

const neg: Activity<NameTree<Path | Bound>> = Activity.of<NameTree<Path | Bound>>(Neg);

function found(
  resolver: HostResolver,
  prefix: Path,
  path: Path,
  used: number,
  host: string,
  port: number,
): Activity<NameTree<Path | Bound>> {
  const id = prefix.concat(path.take(used));
  const bound: Bound = { id, residual: path.drop(used), addr: addrOf(resolver, host, port) };
  return Activity.of<NameTree<Path | Bound>>(leaf(bound));
}

function addrOf(resolver: HostResolver, host: string, port: number): Var<Addr> {
  const ip = host === "" ? "127.0.0.1" : readIp(host);
  if (ip !== undefined) return Var.of(boundAddr([address(ip, port)]));
  return resolver.resolve(host).map((state) => addrAt(state, port));
}

function addrAt(state: HostAddresses, port: number): Addr {
  switch (state.kind) {
    case "found":
      return boundAddr(state.ips.map((ip) => address(ip, port)));
    case "failed":
      return { kind: "failed", error: state.error };
    case "neg":
      return negAddr;
    case "pending":
      return pendingAddr;
  }
}

function readPort(elem: string): number | undefined {
  if (!/^[0-9]{1,5}$/.test(elem)) return undefined;
  const port = Number(elem);
  return port <= 65_535 ? port : undefined;
}
