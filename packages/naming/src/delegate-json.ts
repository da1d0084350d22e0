import type { Addr, Metadata } from "./addr.ts";
import type { Bound } from "./bound.ts";
import type { DelegateTree } from "./delegate-tree.ts";
import { type Dentry, showPrefix } from "./dentry.ts";
import { showTree } from "./name-tree-text.ts";
import { Path } from "./path.ts";

export type AddrJson =
  | {
      readonly type: "bound";
      readonly addrs: readonly { readonly ip: string; readonly port: number; readonly meta: Metadata }[];
      readonly meta: Metadata;
    }
  | { readonly type: "failed"; readonly cause: string }
  | { readonly type: "neg" }
  | { readonly type: "pending" };

export interface BoundJson {
  readonly addr: AddrJson;
  readonly id: string;
  /** The residual. */
  readonly path: string;
}

interface At {
  readonly path: string;
  readonly dentry?: { readonly prefix: string; readonly dst: string };
}

/** A delegation as admin pages and control APIs send it: the fields of Linkerd, node by node. */
export type DelegateJson =
  | (At & { readonly type: "empty" | "fail" | "neg" })
  | (At & { readonly type: "exception"; readonly message: string })
  | (At & { readonly type: "delegate"; readonly delegate: DelegateJson })
  | (At & { readonly type: "leaf"; readonly bound: BoundJson })
  | (At & { readonly type: "alt"; readonly alt: readonly DelegateJson[] })
  | (At & {
      readonly type: "union";
      readonly union: readonly { readonly weight: number; readonly tree: DelegateJson }[];
    })
  | {
      readonly type: "transformation";
      readonly path: string;
      readonly name: string;
      readonly bound: BoundJson;
      readonly tree: DelegateJson;
    };

/**
 * The JSON form of a delegation. `addrOf` says what is behind a bound name; if not given it is what its `addr` says at
 * this moment, so whoever wants no `pending` must have waited.
 */
export function delegateJson(tree: DelegateTree, addrOf: (bound: Bound) => Addr = sampleAddr): DelegateJson {
  switch (tree.kind) {
    case "empty":
      return { type: "empty", path: tree.path.show, ...dentryJson(tree.dentry) };
    case "fail": {
      const path = tree.path.startsWith(failPath) ? tree.path.show : "!";
      return { type: "fail", path, ...dentryJson(tree.dentry) };
    }
    case "neg":
      return { type: "neg", path: tree.path.isEmpty ? "~" : tree.path.show, ...dentryJson(tree.dentry) };
    case "exception":
      return { type: "exception", path: tree.path.show, ...dentryJson(tree.dentry), message: tree.error.message };
    case "delegate": {
      const delegate = delegateJson(tree.tree, addrOf);
      return { type: "delegate", path: tree.path.show, ...dentryJson(tree.dentry), delegate };
    }
    case "leaf": {
      const bound = boundJson(tree.bound, addrOf(tree.bound));
      return { type: "leaf", path: tree.path.show, ...dentryJson(tree.dentry), bound };
    }
    case "alt": {
      const alt = tree.trees.map((each) => delegateJson(each, addrOf));
      return { type: "alt", path: tree.path.show, ...dentryJson(tree.dentry), alt };
    }
    case "union": {
      const union = tree.trees.map((each) => ({ weight: each.weight, tree: delegateJson(each.tree, addrOf) }));
      return { type: "union", path: tree.path.show, ...dentryJson(tree.dentry), union };
    }
    case "transformation":
      return {
        type: "transformation",
        path: tree.path.show,
        name: tree.name,
        bound: boundJson(tree.bound, addrOf(tree.bound)),
        tree: delegateJson(tree.tree, addrOf),
      };
  }
}

export function boundJson(bound: Bound, addr: Addr): BoundJson {
  return { addr: addrJson(addr), id: bound.id.show, path: bound.residual.show };
}

export function addrJson(addr: Addr): AddrJson {
  if (addr.kind === "bound") {
    const addrs = addr.addresses.map(({ host, port, metadata }) => ({ ip: host, port, meta: metadata }));
    return { type: "bound", addrs, meta: addr.metadata };
  }
  return addr.kind === "failed" ? { type: "failed", cause: addr.error.message } : { type: addr.kind };
}

const failPath = Path.of("$", "fail");

function sampleAddr(bound: Bound): Addr {
  return bound.addr.sample();
}

function dentryJson(dentry: Dentry | undefined): Pick<At, "dentry"> {
  return dentry === undefined ? {} : { dentry: { prefix: showPrefix(dentry.prefix), dst: showTree(dentry.dst) } };
}
