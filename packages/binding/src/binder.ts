import { asError, type Clock, ClosedError, failing, type Rng, type Service } from "@weftmesh/core";
import { type Bound, bindWithin, type Dtab, type Interpreter, type OverrideLimits, type Path } from "@weftmesh/naming";
import { nullStats, type StatsReceiver } from "@weftmesh/telemetry";
import { type BoundStack, type ClientCache, SharedClient } from "./bound-stack.ts";
import { BoundSwitch, type TreeCache } from "./bound-switch.ts";
import { IdleCache, type IdleCacheOptions, type IdleEntry } from "./idle-cache.ts";
import { LiveClient } from "./live-client.ts";
import { type LogicalDst, PathService, type Reentry, UncachedPath } from "./path-service.ts";
import type { BindingSnapshot } from "./snapshot.ts";
import { type BoundCache, TreeRoute } from "./tree-route.ts";
import { WaitingRoom } from "./waiting-room.ts";

/** How much a router keeps of what it built. */
export interface BindingCacheSizes {
  /** Path stacks; 1000 if not given, as are the others. */
  readonly paths?: number;
  readonly trees?: number;
  readonly bounds?: number;
  readonly clients?: number;
  /** 600,000 ms if not given. */
  readonly idleTtlMs?: number;
}

export interface BindingOptions<Req, Rep> {
  readonly interpreter: Interpreter;
  readonly baseDtab: Dtab;
  /** Where local dtabs may lead; anywhere if not given. */
  readonly overrideLimits?: OverrideLimits;
  /** Once per logical name and local dtab; closing it must close `below`. */
  newPathStack(dst: LogicalDst, below: Service<Req, Rep>): Service<Req, Rep>;
  /** Once per bound id and residual. */
  newBoundStack(bound: Bound, below: Service<Req, Rep>): Service<Req, Rep>;
  /** Once per bound id: the balancer, which watches `bound.addr`, and all below it. The residual is empty. */
  newClientStack(bound: Bound): Service<Req, Rep>;
  /** A path stack has left the cache and is closed: once for each that was made. */
  pathClosed?(dst: LogicalDst): void;
  /** The same for a client stack. */
  clientClosed?(bound: Bound): void;
  readonly cache?: BindingCacheSizes;
  /** Longest wait of a call for a name and its addresses; 10,000 ms if not given. */
  readonly timeoutMs?: number;
  /** Calls of the whole router that may wait at once; 10,000 if not given. */
  readonly maxWaitingCalls?: number;
  readonly clock: Clock;
  readonly rng: Rng;
  /** The router's scope: `rt/<label>`. Metrics are below its `bindcache`. */
  readonly stats?: StatsReceiver;
  /** Told when a stack does not close well. */
  onError?(error: Error): void;
}

/** From logical names to live clients. */
export interface Binding<Req, Rep> {
  /**
   * The service of a name: to be called once, now.
   *
   * Cost: a map hit on the name's text for a name that is in use; two texts joined when there is a local dtab.
   */
  lookup(path: Path, localDtab: Dtab): Service<Req, Rep>;
  /** What is cached now, for an admin page. */
  snapshot(): BindingSnapshot;
  /** Refuses new calls and those that wait; resolves when the others are over and everything has closed. */
  close(): Promise<void>;
}

export function newBinding<Req, Rep>(options: BindingOptions<Req, Rep>): Binding<Req, Rep> {
  return new Binder(options);
}

const defaultEntries = 1000;
const defaultIdleTtlMs = 600_000;
const defaultTimeoutMs = 10_000;
const defaultMaxWaitingCalls = 10_000;

class Binder<Req, Rep> implements Binding<Req, Rep>, Reentry<Req, Rep> {
  readonly #paths: IdleCache<LogicalDst, PathService<Req, Rep>>;
  readonly #trees: TreeCache<Req, Rep>;
  readonly #bounds: BoundCache<Req, Rep>;
  readonly #clients: ClientCache<Req, Rep>;
  readonly #room: WaitingRoom<Req, Rep>;
  readonly #removeGauge: () => void;
  #closed: Promise<void> | undefined;

  constructor(options: BindingOptions<Req, Rep>) {
    const { interpreter, baseDtab, overrideLimits, clock, rng, cache } = options;
    const stats = (options.stats ?? nullStats).scope("bindcache");
    const room = new WaitingRoom<Req, Rep>(
      clock,
      options.timeoutMs ?? defaultTimeoutMs,
      options.maxWaitingCalls ?? defaultMaxWaitingCalls,
    );

    function newCache<A, V>(
      level: string,
      maxEntries: number | undefined,
      spec: Pick<IdleCacheOptions<A, V>, "build" | "close">,
    ): IdleCache<A, V> {
      return new IdleCache<A, V>({
        ...spec,
        maxEntries: maxEntries ?? defaultEntries,
        idleTtlMs: cache?.idleTtlMs ?? defaultIdleTtlMs,
        clock,
        stats: stats.scope(level),
        onError: (error) => options.onError?.(error),
      });
    }

    const clients: ClientCache<Req, Rep> = newCache("client", cache?.clients, {
      build: (bound) => new LiveClient(bound, options.newClientStack(bound)),
      close: (client) => client.close().finally(() => options.clientClosed?.(client.bound)),
    });
    const bounds: BoundCache<Req, Rep> = newCache("bound", cache?.bounds, {
      build: (bound): BoundStack<Req, Rep> => {
        const client = new SharedClient(clients, bound);
        return { bound, client, service: options.newBoundStack(bound, client) };
      },
      close: (stack) => stack.service.close(),
    });
    const trees: TreeCache<Req, Rep> = newCache("tree", cache?.trees, {
      build: (tree) => new TreeRoute(tree, bounds, rng),
      close: () => Promise.resolve(),
    });
    const paths = newCache<LogicalDst, PathService<Req, Rep>>("path", cache?.paths, {
      build: (dst) => {
        const below = new BoundSwitch<Req, Rep>({
          path: dst.path,
          baseDtab,
          localDtab: dst.dtab,
          trees,
          room,
          bind: () => bindWithin(interpreter, baseDtab, dst.dtab, dst.path, overrideLimits),
        });
        try {
          return new PathService(this, dst, below, options.newPathStack(dst, below));
        } catch (thrown) {
          // The switch closes at once; what it returns is only a formality.
          below.close().catch(() => {});
          throw thrown;
        }
      },
      close: (path) => path.end().finally(() => options.pathClosed?.(path.dst)),
    });
    this.#paths = paths;
    this.#trees = trees;
    this.#bounds = bounds;
    this.#clients = clients;
    this.#room = room;
    this.#removeGauge = stats.gauge(() => room.size, "waiting");
  }

  lookup(path: Path, localDtab: Dtab): Service<Req, Rep> {
    const key = pathKey(path, localDtab);
    const found = this.#paths.find(key);
    return found === undefined ? this.#add(key, { path, dtab: localDtab }) : found.value;
  }

  /** The entry of a path whose stack is not in the cache, to be used at once. */
  enter(dst: LogicalDst): IdleEntry<PathService<Req, Rep>> {
    if (this.#closed !== undefined) throw new ClosedError("the router");
    const entry = this.#paths.get(pathKey(dst.path, dst.dtab), dst);
    if (entry.live) entry.value.entry = entry;
    return entry;
  }

  snapshot(): BindingSnapshot {
    return {
      paths: Array.from(this.#paths.values(), ({ refs, value }) => ({
        path: value.dst.path.show,
        dtab: value.dst.dtab.show,
        tree: value.below.tree,
        failure: value.below.failure?.message,
        calls: refs,
      })),
      trees: Array.from(this.#trees.values(), ({ key, refs }) => ({ tree: key, calls: refs })),
      bounds: Array.from(this.#bounds.values(), ({ refs, value }) => ({
        id: value.bound.id.show,
        residual: value.bound.residual.show,
        calls: refs,
      })),
      clients: Array.from(this.#clients.values(), ({ refs, value }) => ({
        id: value.bound.id.show,
        addr: value.addr,
        calls: refs,
      })),
      waitingCalls: this.#room.size,
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#closeAll();
    return this.#closed;
  }

  async #closeAll(): Promise<void> {
    this.#room.close(new ClosedError("the router"));
    // From the top: what stands above may still need what stands below for the calls under way.
    await this.#paths.close();
    await this.#trees.close();
    await this.#bounds.close();
    await this.#clients.close();
    this.#removeGauge();
  }

  #add(key: string, dst: LogicalDst): Service<Req, Rep> {
    if (this.#closed !== undefined) return failing(new ClosedError("the router"), "closed");
    try {
      const entry = this.#paths.cached(key, dst);
      if (entry === undefined) return new UncachedPath(this, dst);
      entry.value.entry = entry;
      return entry.value;
    } catch (thrown) {
      return failing(asError(thrown));
    }
  }
}

/** The text of a path holds no space. */
function pathKey(path: Path, localDtab: Dtab): string {
  return localDtab.isEmpty ? path.show : `${path.show} ${localDtab.show}`;
}
