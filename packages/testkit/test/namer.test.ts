import { Activity, type ActivityState, Var } from "@weftmesh/core";
import {
  type Addr,
  type Address,
  address,
  type Bound,
  boundAddr,
  leaf,
  type Namer,
  type NameTree,
  Neg,
  negAddr,
  Path,
} from "@weftmesh/naming";
import { describeNamer, type NamerCase } from "../src/index.ts";

/** A namer over a map, which watches as a namer of files would. */
class MapNamer implements Namer {
  readonly #prefix: Path;
  readonly #entries = new Map<string, readonly Address[]>();
  readonly #listeners = new Set<() => void>();

  constructor(prefix: Path) {
    this.#prefix = prefix;
  }

  get watchers(): number {
    return this.#listeners.size;
  }

  set(name: string, addresses: readonly Address[] | undefined): void {
    if (addresses === undefined) this.#entries.delete(name);
    else this.#entries.set(name, addresses);
    for (const listener of [...this.#listeners]) listener();
  }

  lookup(path: Path): Activity<NameTree<Path | Bound>> {
    const [name] = path.elems;
    if (name === undefined) return Activity.of(Neg);
    const id = this.#prefix.concat(path.take(1));
    const bound: Bound = {
      id,
      residual: path.drop(1),
      addr: this.#watch<Addr>({ kind: "pending" }, () => {
        const found = this.#entries.get(name);
        return found === undefined ? negAddr : boundAddr(found);
      }),
    };
    const found = leaf<Path | Bound>(bound);
    return new Activity(
      this.#watch<ActivityState<NameTree<Path | Bound>>>({ state: "pending" }, () => ({
        state: "ok",
        value: this.#entries.has(name) ? found : Neg,
      })),
    );
  }

  #watch<T>(initial: T, read: () => T): Var<T> {
    return Var.async(initial, (update) => {
      const listener = (): void => update(read());
      this.#listeners.add(listener);
      queueMicrotask(listener);
      return () => this.#listeners.delete(listener);
    });
  }
}

describeNamer("over a map", (): NamerCase => {
  const namer = new MapNamer(Path.read("/#/map"));
  const addresses = [address("127.0.0.1", 8001), address("127.0.0.1", 8002)];
  namer.set("web", addresses);
  return {
    namer,
    idPrefix: Path.read("/#/map"),
    present: Path.read("/web"),
    addresses,
    absent: Path.read("/nowhere"),
    change: (changed) => namer.set("web", changed),
    remove: () => namer.set("web", undefined),
    watchers: () => namer.watchers,
  };
});
