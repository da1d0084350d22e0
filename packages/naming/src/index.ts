export {
  type Addr,
  type Address,
  address,
  boundAddr,
  type Metadata,
  negAddr,
  pendingAddr,
  protocolHint,
  showAddress,
} from "./addr.ts";
export type { Bound } from "./bound.ts";
export {
  type AddrJson,
  addrJson,
  type BoundJson,
  boundJson,
  type DelegateJson,
  delegateJson,
} from "./delegate-json.ts";
export { type DelegateTree, simplifyDelegation, type WeightedDelegate } from "./delegate-tree.ts";
export { type Dentry, showDentry, showPrefix } from "./dentry.ts";
export { Dtab } from "./dtab.ts";
export {
  MaxDepthError,
  PathSyntaxError,
  StepBudgetError,
  UnknownNamerError,
} from "./errors.ts";
export { type HostAddresses, type HostResolver, HostResolverParam, isHostName } from "./host-resolver.ts";
export { IdentificationMemo, identified, unidentified } from "./identified.ts";
export { DstPrefixParam, type Identification, type Identifier } from "./identifier.ts";
export { type InterpreterOptions, newInterpreter } from "./interpreter.ts";
export { readIp, readIpv4 } from "./ip.ts";
export { type IpScope, ipScope, isLoopbackIp } from "./ip-scope.ts";
export {
  alt,
  Empty,
  evalTree,
  Fail,
  leaf,
  mapTree,
  type NameTree,
  Neg,
  sameTree,
  simplifyTree,
  type TreeValue,
  union,
  type Weighted,
} from "./name-tree.ts";
export { readTree, showTree, showWeight, showWith } from "./name-tree-text.ts";
export type { Delegator, Interpreter, Namer, PrefixedNamer } from "./namer.ts";
export { bindWithin, limitBound, type OverrideLimits, OverrideRefusedError } from "./override-limits.ts";
export { Path, showElem } from "./path.ts";
export { type Captures, fillTemplate, PathMatcher } from "./path-matcher.ts";
export {
  type LookupHost,
  newSystemHostResolver,
  type SystemHostResolverOptions,
} from "./system-host-resolver.ts";
export { httpStatusOf } from "./utility/http-status.ts";
export { type UtilityNamers, utilityNamers } from "./utility/registry.ts";
export { rewriting } from "./utility/rewriting.ts";
