import { type Activity, type ActivityState, Var, WeftError } from "@weftmesh/core";
import {
  type Addr,
  type Bound,
  type HostResolver,
  type NameTree,
  negAddr,
  Path,
  type PrefixedNamer,
  pendingAddr,
} from "@weftmesh/naming";
import type { Watch } from "./messages.ts";
import { encodeFailure, encodeTree, findBound } from "./naming-codec.ts";

type Tree = NameTree<Path | Bound>;
type TreeState = ActivityState<Tree>;

/** Readings of the config whose namers are kept for routers that finish their requests. */
const keptGenerations = 4;

/**
 * Discovery of the supervisor, for all workers: whatever any of them watches is watched once.
 *
 * Shape: a namer's answer for a path, the addresses of one bound name and a host name are each observed while some
 * worker watches them, and told to every worker that does.
 */
export class DiscoveryHub {
  readonly #resolver: HostResolver;
  readonly #generations = new Map<number, readonly PrefixedNamer[]>();
  readonly #shared = new Map<string, Var<unknown>>();
  #generation = 0;

  constructor(resolver: HostResolver) {
    this.#resolver = resolver;
  }

  /** The namers of the config that is in force from now on. Gives the number of this reading. */
  use(namers: readonly PrefixedNamer[]): number {
    if (this.#generations.get(this.#generation) === namers) return this.#generation;
    this.#generations.set(++this.#generation, namers);
    this.#generations.delete(this.#generation - keptGenerations);
    return this.#generation;
  }

  /** What is observed now. */
  get watched(): number {
    return this.#shared.size;
  }

  /** Tells `told` the value now and whenever it changes, as JSON, until the result is called. */
  watch(what: Watch, told: (value: unknown) => void): () => void {
    const observed = this.#observe(what).changes.subscribe(told);
    return () => observed.unsubscribe();
  }

  #observe(what: Watch): Var<unknown> {
    if (what.of === "host") {
      return this.#share(`host ${what.host}`, { kind: "pending" }, () =>
        this.#resolver.resolve(what.host).map((each) => encodeFailure(each) as unknown),
      );
    }
    const { generation, namer, path } = what;
    const tree = this.#tree(generation, namer, path);
    if (what.of === "tree") return tree.map(encodeTree);
    const { id, residual } = what;
    const key = `addr ${generation} ${namer} ${path} ${id} ${residual}`;
    return this.#share(key, pendingAddr as unknown, () => addresses(tree, id, residual).map(encodeFailure));
  }

  #tree(generation: number, namer: number, path: string): Var<TreeState> {
    return this.#share<TreeState>(`tree ${generation} ${namer} ${path}`, { state: "pending" }, () => {
      const found = this.#generations.get(generation)?.[namer];
      return (found === undefined ? gone : found.namer.lookup(Path.read(path))).run;
    });
  }

  /** One observation for all who ask by this key, made when the first comes and ended when the last goes. */
  #share<T>(key: string, initial: T, make: () => Var<T>): Var<T> {
    const known = this.#shared.get(key);
    if (known !== undefined) return known as Var<T>;
    const shared = Var.async<T>(initial, (update) => {
      this.#shared.set(key, shared as Var<unknown>);
      const observed = make().changes.subscribe(update);
      return () => {
        observed.unsubscribe();
        this.#shared.delete(key);
      };
    });
    return shared;
  }
}

/** For a router that finishes its requests under a config that is long gone. */
const gone: Activity<Tree> = {
  run: Var.of<TreeState>({ state: "failed", error: new WeftError("WEFT_DISCOVERY", "the namer is gone") }),
} as Activity<Tree>;

/** The addresses of a bound name, wherever it is in the answers of its namer. */
function addresses(tree: Var<TreeState>, id: string, residual: string): Var<Addr> {
  let last: Bound | undefined;
  return tree.flatMap((state): Var<Addr> => {
    if (state.state === "ok") last = findBound(state.value, id, residual) ?? last;
    // As for whoever holds the bound name itself: its addresses do not end with the answer that it came in.
    if (last !== undefined) return last.addr;
    return Var.of(state.state === "ok" ? negAddr : pendingAddr);
  });
}
