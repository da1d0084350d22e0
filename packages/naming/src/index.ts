export {
  type Addr,
  type Address,
  address,
  boundAddr,
  type Metadata,
  negAddr,
  pendingAddr,
  showAddress,
} from "./addr.ts";
export type { Bound } from "./bound.ts";
export { type Dentry, Dtab } from "./dtab.ts";
export { PathSyntaxError } from "./errors.ts";
export type { Identification, Identifier } from "./identifier.ts";
export { alt, Empty, Fail, leaf, type NameTree, Neg, union, type Weighted } from "./name-tree.ts";
export type { Interpreter, Namer, PrefixedNamer } from "./namer.ts";
export { Path, readElem, showElem } from "./path.ts";
