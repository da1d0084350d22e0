import { isIP } from "node:net";
import { type Activity, WeftError } from "@weftmesh/core";
import { type Addr, type Address, boundAddr } from "./addr.ts";
import type { Bound } from "./bound.ts";
import type { Dtab } from "./dtab.ts";
import { ipScope } from "./ip-scope.ts";
import { leaf, type NameTree } from "./name-tree.ts";
import type { Interpreter } from "./namer.ts";
import { Path } from "./path.ts";
import { httpStatusOf } from "./utility/http-status.ts";

/** Where the delegations of a request may lead. */
export interface OverrideLimits {
  /** To an address that the request itself names: `/$/inet` and every other concrete name below `/$`. */
  readonly allowInet: boolean;
  /** To loopback, link-local, unspecified, multicast and metadata addresses, whoever knows the name. */
  readonly allowLocal: boolean;
}

/** The delegations of a request lead where these may not lead. */
export class OverrideRefusedError extends WeftError {
  readonly id: Path;

  constructor(id: Path, why: string) {
    const shown = id.show;
    const clipped = shown.length > 200 ? `${shown.slice(0, 200)}...` : shown;
    super("WEFT_OVERRIDE_REFUSED", `the delegations of the request lead to ${clipped}${why}`, {
      flags: ["naming", "nonRetryable"],
    });
    this.id = id;
  }
}

const remote = Path.of("%", "dev.weftmesh.remote");

/**
 * What is left of a name that was reached through the delegations of a request.
 *
 * Shape: addresses are checked whenever the namer tells new ones, and are literals: a host name that resolves to
 * another address later is checked again, and one that is not resolved is no good. The id is another than that of the
 * same name without limits, so that the two never share a client.
 */
export function limitBound(bound: Bound, limits: OverrideLimits): Bound | OverrideRefusedError {
  if (!limits.allowInet && bound.id.elems[0] === "$") {
    return new OverrideRefusedError(bound.id, ", and allowInetFromOverride is false");
  }
  if (limits.allowLocal) return bound;
  const id = remote.concat(bound.id);
  return { id, residual: bound.residual, addr: bound.addr.map((addr) => remoteOf(addr, bound.id)) };
}

function remoteOf(addr: Addr, id: Path): Addr {
  if (addr.kind !== "bound") return addr;
  const allowed = addr.addresses.filter(isRemote);
  if (allowed.length === addr.addresses.length) return addr;
  if (allowed.length > 0) return boundAddr(allowed, addr.metadata);
  return {
    kind: "failed",
    error: new OverrideRefusedError(id, " on this host or link, and allowLocalFromOverride is false"),
  };
}

function isRemote(each: Address): boolean {
  // An answer of our own, to which nobody connects.
  if (httpStatusOf(each) !== undefined) return true;
  return isIP(each.host) !== 0 && ipScope(each.host) === undefined;
}

/**
 * Binds a name with the delegations of a request behind those of the router.
 *
 * Shape: an interpreter that does not know of limits has them applied to every name of a request with delegations: it
 * cannot tell which of them led where.
 */
export function bindWithin(
  interpreter: Interpreter,
  base: Dtab,
  local: Dtab,
  path: Path,
  limits: OverrideLimits | undefined,
): Activity<NameTree<Bound>> {
  if (local.isEmpty || limits === undefined || (limits.allowInet && limits.allowLocal)) {
    return interpreter.bind(base.concat(local), path);
  }
  if (interpreter.honoursLimits === true) return interpreter.bind(base.concat(local.within(limits)), path);
  return interpreter.bind(base.concat(local), path).map((tree) => limitTree(tree, limits));
}

/** Errors: throws `WEFT_OVERRIDE_REFUSED`. */
function limitTree(tree: NameTree<Bound>, limits: OverrideLimits): NameTree<Bound> {
  switch (tree.kind) {
    case "leaf": {
      const limited = limitBound(tree.value, limits);
      if (limited instanceof OverrideRefusedError) throw limited;
      return leaf(limited);
    }
    case "alt":
      return { kind: "alt", trees: tree.trees.map((each) => limitTree(each, limits)) };
    case "union":
      return {
        kind: "union",
        trees: tree.trees.map((each) => ({ weight: each.weight, tree: limitTree(each.tree, limits) })),
      };
    default:
      return tree;
  }
}
