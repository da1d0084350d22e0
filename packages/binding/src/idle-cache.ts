import { asError, type Clock, type Ctx, type Observer, type Timer } from "@weftmesh/core";
import type { Counter, StatsReceiver } from "@weftmesh/telemetry";

export interface IdleCacheOptions<A, V> {
  readonly maxEntries: number;
  /** Idle for longer than this and it goes; `Infinity` keeps entries until they are pushed out. */
  readonly idleTtlMs: number;
  readonly clock: Clock;
  /** The scope of this cache: counters `misses`, `evicts`, `expires`, `oneshots`, `close_failures`; gauges `size`, `idle`. */
  readonly stats: StatsReceiver;
  /** Makes the value of an entry. A throw goes to whoever asked. */
  build(arg: A): V;
  /** Ends a value; called once for each that was built. */
  close(value: V): Promise<void>;
  onError?(error: Error): void;
}

/** What an entry needs of its cache. */
interface Owner<V> {
  busy(entry: IdleEntry<V>): void;
  idle(entry: IdleEntry<V>): void;
}

/**
 * One value and the calls that use it. It is the observer of those calls, so a use costs no memory of its own.
 *
 * Shape: ask `live` before each use; an entry that is no longer live keeps nothing alive.
 */
export class IdleEntry<V> implements Observer {
  readonly key: string;
  /** In the cache: it may be kept and used again. An entry that never was is for one call only. */
  live: boolean;
  /** Calls that have not ended. */
  refs = 0;
  /** Older entry, newer entry and place in the order of release, while idle. */
  older: IdleEntry<V> | undefined = undefined;
  newer: IdleEntry<V> | undefined = undefined;
  released = 0;
  #value: V | undefined;
  readonly #owner: Owner<V>;

  constructor(owner: Owner<V>, key: string, value: V, live: boolean) {
    this.#owner = owner;
    this.key = key;
    this.#value = value;
    this.live = live;
  }

  /** Only while it is live or in use. */
  get value(): V {
    return this.#value as V;
  }

  /** Counts the call until it ends. */
  use(ctx: Ctx): void {
    if (this.refs++ === 0) this.#owner.busy(this);
    ctx.observe(this);
  }

  onEnd(): void {
    if (--this.refs === 0) this.#owner.idle(this);
  }

  /** For the cache: takes the value out, so that whoever still holds the entry does not hold the value. */
  takeValue(): V {
    const value = this.value;
    this.#value = undefined;
    return value;
  }
}

/**
 * At most `maxEntries` values, of which only idle ones are ever thrown out.
 *
 * Shape: a full cache gives up the entry that has been idle longest (`evicts`); when every entry is in use, the caller
 * gets one that is closed with its call (`oneshots`). A check each `idleTtlMs` closes what was idle all the time since
 * the one before (`expires`), but leaves one entry. No clock is read per call: the order of release says enough.
 * Cost: a hit is one map look-up; use and release are O(1) and allocate nothing.
 * Source: Finagle ServiceFactoryCache.
 */
export class IdleCache<A, V> {
  readonly #options: IdleCacheOptions<A, V>;
  readonly #entries: Map<string, IdleEntry<V>> = new Map();
  readonly #misses: Counter;
  readonly #evicts: Counter;
  readonly #expires: Counter;
  readonly #oneshots: Counter;
  readonly #closeFailures: Counter;
  readonly #gauges: readonly (() => void)[];
  /** The ends of the idle list: longest idle, last released. */
  #oldest: IdleEntry<V> | undefined;
  #newest: IdleEntry<V> | undefined;
  #idle = 0;
  #releases = 0;
  /** `#releases` at the last check. */
  #mark = 0;
  #timer: Timer | undefined;
  /** Values that were built and have not finished closing. */
  #unclosed = 0;
  #closed: Promise<void> | undefined;
  #finish: (() => void) | undefined;

  constructor(options: IdleCacheOptions<A, V>) {
    this.#options = options;
    const { stats } = options;
    this.#misses = stats.counter("misses");
    this.#evicts = stats.counter("evicts");
    this.#expires = stats.counter("expires");
    this.#oneshots = stats.counter("oneshots");
    this.#closeFailures = stats.counter("close_failures");
    this.#gauges = [stats.gauge(() => this.#entries.size, "size"), stats.gauge(() => this.#idle, "idle")];
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Values that exist: those in the cache, one-shots, and those that are still closing. */
  get unclosed(): number {
    return this.#unclosed;
  }

  find(key: string): IdleEntry<V> | undefined {
    return this.#entries.get(key);
  }

  /** The entry for the key, or a new one, or `undefined` when there is no room: then nothing was built or counted. */
  cached(key: string, arg: A): IdleEntry<V> | undefined {
    return this.#entries.get(key) ?? (this.#hasRoom() ? this.#add(key, arg) : undefined);
  }

  /** As `cached`, but never without an answer. One that is not live must be used at once: it is closed with its call. */
  get(key: string, arg: A): IdleEntry<V> {
    const found = this.cached(key, arg);
    if (found !== undefined) return found;
    this.#misses.inc();
    this.#oneshots.inc();
    return this.#entry(key, arg, false);
  }

  values(): Iterable<IdleEntry<V>> {
    return this.#entries.values();
  }

  /** Empties the cache: idle values close now, the others with their last call; resolves when all have closed. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#finish = resolve;
      for (const entry of [...this.#entries.values()]) this.#remove(entry);
      for (const takeAway of this.#gauges) takeAway();
      this.#finishWhenEmpty();
    });
    return this.#closed;
  }

  busy(entry: IdleEntry<V>): void {
    if (entry.live) this.#unlink(entry);
  }

  idle(entry: IdleEntry<V>): void {
    if (entry.live) this.#append(entry);
    else this.#end(entry);
  }

  #hasRoom(): boolean {
    if (this.#closed !== undefined) return false;
    return this.#entries.size < this.#options.maxEntries || this.#oldest !== undefined;
  }

  #add(key: string, arg: A): IdleEntry<V> {
    this.#misses.inc();
    if (this.#entries.size >= this.#options.maxEntries && this.#oldest !== undefined) {
      this.#evicts.inc();
      this.#remove(this.#oldest);
    }
    const entry = this.#entry(key, arg, true);
    if (this.#timer === undefined) this.#arm();
    this.#entries.set(key, entry);
    this.#append(entry);
    return entry;
  }

  #entry(key: string, arg: A, live: boolean): IdleEntry<V> {
    const entry = new IdleEntry<V>(this, key, this.#options.build(arg), live);
    this.#unclosed++;
    return entry;
  }

  #arm(): void {
    if (!Number.isFinite(this.#options.idleTtlMs)) return;
    this.#mark = this.#releases;
    this.#timer = this.#options.clock.after(this.#options.idleTtlMs, () => this.#check());
  }

  /** What was released before the last check has been idle for a whole ttl. */
  #check(): void {
    for (let entry = this.#oldest; entry !== undefined && this.#entries.size > 1; entry = this.#oldest) {
      if (entry.released > this.#mark) break;
      this.#expires.inc();
      this.#remove(entry);
    }
    this.#timer = undefined;
    if (this.#entries.size > 0) this.#arm();
  }

  #remove(entry: IdleEntry<V>): void {
    this.#entries.delete(entry.key);
    if (entry.refs === 0) this.#unlink(entry);
    entry.live = false;
    if (entry.refs === 0) this.#end(entry);
  }

  #end(entry: IdleEntry<V>): void {
    let closing: Promise<void>;
    try {
      closing = this.#options.close(entry.takeValue());
    } catch (thrown) {
      closing = Promise.reject(thrown);
    }
    closing.then(
      () => this.#settle(),
      (thrown: unknown) => {
        this.#closeFailures.inc();
        this.#options.onError?.(asError(thrown));
        this.#settle();
      },
    );
  }

  #settle(): void {
    this.#unclosed--;
    this.#finishWhenEmpty();
  }

  #finishWhenEmpty(): void {
    if (this.#unclosed === 0) this.#finish?.();
  }

  #append(entry: IdleEntry<V>): void {
    entry.released = ++this.#releases;
    entry.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    this.#idle++;
  }

  #unlink(entry: IdleEntry<V>): void {
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    entry.older = undefined;
    entry.newer = undefined;
    this.#idle--;
  }
}
