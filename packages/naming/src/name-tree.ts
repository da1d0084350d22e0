/** A branch of a union and its share. */
export interface Weighted<T> {
  readonly weight: number;
  readonly tree: NameTree<T>;
}

/** Where a name may lead. */
export type NameTree<T> =
  | { readonly kind: "leaf"; readonly value: T }
  /** The first that is not negative. */
  | { readonly kind: "alt"; readonly trees: readonly NameTree<T>[] }
  /** All of them, in proportion to their weights. */
  | { readonly kind: "union"; readonly trees: readonly Weighted<T>[] }
  /** Not here: try the next. */
  | { readonly kind: "neg" }
  /** Not here, and do not look further. */
  | { readonly kind: "fail" }
  /** Here, with nobody behind it. */
  | { readonly kind: "empty" };

export const Neg: NameTree<never> = { kind: "neg" };
export const Fail: NameTree<never> = { kind: "fail" };
export const Empty: NameTree<never> = { kind: "empty" };

export function leaf<T>(value: T): NameTree<T> {
  return { kind: "leaf", value };
}

export function alt<T>(...trees: readonly NameTree<T>[]): NameTree<T> {
  return { kind: "alt", trees };
}

export function union<T>(...trees: readonly Weighted<T>[]): NameTree<T> {
  return { kind: "union", trees };
}
