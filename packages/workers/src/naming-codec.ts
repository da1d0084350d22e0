import { type ActivityState, asError, isWeftError, WeftError } from "@weftmesh/core";
import { type Addr, type Bound, mapTree, type NameTree, Path } from "@weftmesh/naming";

/** An error on its way between two processes. */
interface ErrorJson {
  readonly code: string;
  readonly message: string;
}

type LeafJson = { readonly path: string } | { readonly id: string; readonly residual: string };
export type TreeJson = NameTree<LeafJson>;

export function encodeError(thrown: unknown): ErrorJson {
  const error = asError(thrown);
  return { code: isWeftError(error) ? error.code : "WEFT_DISCOVERY", message: error.message };
}

/** Its code is that of an error of another process, and stands in the list of errors where that is made. */
export function decodeError({ code, message }: ErrorJson): Error {
  return Reflect.construct(WeftError, [code, message]) as Error;
}

export type StateJson<T> =
  | { readonly state: "pending" }
  | { readonly state: "ok"; readonly value: T }
  | { readonly state: "failed"; readonly error: ErrorJson };

/** A namer's answer, where bound names are only named: their addresses are watched one by one. */
export function encodeTree(state: ActivityState<NameTree<Path | Bound>>): StateJson<TreeJson> {
  if (state.state === "pending") return state;
  if (state.state === "failed") return { state: "failed", error: encodeError(state.error) };
  const leafJson = (each: Path | Bound): LeafJson =>
    each instanceof Path ? { path: each.show } : { id: each.id.show, residual: each.residual.show };
  return { state: "ok", value: mapTree(state.value, leafJson) };
}

export function decodeTree(
  json: StateJson<TreeJson>,
  bound: (id: string, residual: string) => Bound,
): ActivityState<NameTree<Path | Bound>> {
  if (json.state === "pending") return json;
  if (json.state === "failed") return { state: "failed", error: decodeError(json.error) };
  const leafOf = (each: LeafJson): Path | Bound =>
    "path" in each ? Path.read(each.path) : bound(each.id, each.residual);
  return { state: "ok", value: mapTree(json.value, leafOf) };
}

/** Anything whose failures are `{ kind: "failed", error }`: addresses, and what a host name stands for. */
type WithFailure<T> = T | { readonly kind: "failed"; readonly error: Error };

export function encodeFailure<T extends { readonly kind: string }>(value: WithFailure<T>): unknown {
  return value.kind === "failed" && "error" in value ? { kind: "failed", error: encodeError(value.error) } : value;
}

export function decodeFailure<T extends { readonly kind: string }>(json: unknown): T {
  const value = json as { readonly kind: string; readonly error?: ErrorJson };
  return (value.kind === "failed" && value.error !== undefined
    ? { kind: "failed", error: decodeError(value.error) }
    : value) as unknown as T;
}

/** Where the addresses of a bound name are in a namer's answer. */
export function findBound(tree: NameTree<Path | Bound>, id: string, residual: string): Bound | undefined {
  switch (tree.kind) {
    case "leaf":
      return !(tree.value instanceof Path) && tree.value.id.show === id && tree.value.residual.show === residual
        ? tree.value
        : undefined;
    case "alt":
      return firstOf(tree.trees, id, residual);
    case "union":
      return firstOf(
        tree.trees.map((each) => each.tree),
        id,
        residual,
      );
    default:
      return undefined;
  }
}

function firstOf(trees: readonly NameTree<Path | Bound>[], id: string, residual: string): Bound | undefined {
  for (const each of trees) {
    const found = findBound(each, id, residual);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function encodeAddr(addr: Addr): unknown {
  return encodeFailure(addr);
}

export function decodeAddr(json: unknown): Addr {
  return decodeFailure<Addr>(json);
}
