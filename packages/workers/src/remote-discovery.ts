import { Activity, type ActivityState, Var } from "@weftmesh/core";
import {
  type Addr,
  type Bound,
  type HostAddresses,
  type HostResolver,
  type Namer,
  type NameTree,
  Path,
  type PrefixedNamer,
  pendingAddr,
} from "@weftmesh/naming";
import type { FromWorker, RemoteNamers, Watch } from "./messages.ts";
import { decodeFailure, decodeTree, type StateJson, type TreeJson } from "./naming-codec.ts";

type Tree = NameTree<Path | Bound>;

/**
 * Discovery in a worker: the supervisor watches, and tells.
 *
 * Shape: nothing is asked for until somebody observes it, and it is let go of with the last observer.
 */
export class RemoteDiscovery implements HostResolver {
  readonly #send: (message: FromWorker) => void;
  readonly #watches = new Map<number, (value: unknown) => void>();
  #lastWatch = 0;

  constructor(send: (message: FromWorker) => void) {
    this.#send = send;
  }

  /** What is observed now. */
  get watched(): number {
    return this.#watches.size;
  }

  /** The supervisor has told a value. */
  value(watch: number, value: unknown): void {
    this.#watches.get(watch)?.(value);
  }

  resolve(host: string): Var<HostAddresses> {
    return this.#watch<HostAddresses>({ of: "host", host }, { kind: "pending" }, decodeFailure);
  }

  /** The namer at that place of the config. */
  namer({ generation, prefixes }: RemoteNamers, index: number): PrefixedNamer {
    const lookup = (path: Path): Activity<Tree> => this.#lookup(generation, index, path.show);
    return { prefix: Path.read(prefixes[index] ?? "/"), namer: { lookup } satisfies Namer };
  }

  #lookup(generation: number, namer: number, path: string): Activity<Tree> {
    const bounds = new Map<string, Bound>();
    const bound = (id: string, residual: string): Bound => {
      const key = `${id} ${residual}`;
      const known = bounds.get(key);
      if (known !== undefined) return known;
      const what: Watch = { of: "addr", generation, namer, path, id, residual };
      const made = {
        id: Path.read(id),
        residual: Path.read(residual),
        addr: this.#watch<Addr>(what, pendingAddr, decodeFailure),
      };
      bounds.set(key, made);
      return made;
    };
    return new Activity(
      this.#watch<ActivityState<Tree>>({ of: "tree", generation, namer, path }, { state: "pending" }, (value) =>
        decodeTree(value as StateJson<TreeJson>, bound),
      ),
    );
  }

  #watch<T>(what: Watch, initial: T, decode: (value: unknown) => T): Var<T> {
    return Var.async<T>(initial, (update) => {
      const watch = ++this.#lastWatch;
      this.#watches.set(watch, (value) => update(decode(value)));
      this.#send({ t: "watch", watch, what });
      return () => {
        this.#watches.delete(watch);
        this.#send({ t: "unwatch", watch });
      };
    });
  }
}
