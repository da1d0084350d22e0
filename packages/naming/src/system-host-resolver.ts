import { lookup as systemLookup } from "node:dns";
import { asError, type Clock, type Timer, Var } from "@weftmesh/core";
import { type HostAddresses, type HostResolver, isHostName } from "./host-resolver.ts";
import { readIp } from "./ip.ts";

/** Asks once; `done` is called once, later. */
export type LookupHost = (host: string, done: (error: Error | null, ips: readonly string[]) => void) => void;

export interface SystemHostResolverOptions {
  readonly clock: Clock;
  /** From one good answer to the next question; 60,000 ms if not given. */
  readonly refreshMs?: number;
  /** After a bad one; 5,000 ms if not given. */
  readonly retryMs?: number;
  /** Questions under way; 100 if not given. The others wait. */
  readonly maxConcurrent?: number;
  /** `getaddrinfo` of the system if not given. */
  readonly lookup?: LookupHost;
}

/**
 * Hosts as the system knows them, `/etc/hosts` included, asked again and again while somebody observes them.
 *
 * Shape: one question at a time for a host, whoever observes it. Literals, the empty host and `localhost` need none.
 * An answer stays through failures to get another one; only "there is no such host" takes it away.
 * Source: Finagle InetResolver, with the refresh of the JVM's cache instead of its poll.
 */
export function newSystemHostResolver(options: SystemHostResolverOptions): HostResolver {
  return new SystemHostResolver(options);
}

class SystemHostResolver implements HostResolver {
  readonly clock: Clock;
  readonly refreshMs: number;
  readonly retryMs: number;
  readonly #lookup: LookupHost;
  readonly #maxConcurrent: number;
  /** Hosts that are observed. */
  readonly #hosts = new Map<string, Host>();
  readonly #waiting = new Set<Host>();
  #running = 0;

  constructor(options: SystemHostResolverOptions) {
    this.clock = options.clock;
    this.refreshMs = options.refreshMs ?? 60_000;
    this.retryMs = options.retryMs ?? 5_000;
    this.#lookup = options.lookup ?? lookupAll;
    this.#maxConcurrent = options.maxConcurrent ?? 100;
  }

  resolve(host: string): Var<HostAddresses> {
    const literal = host === "" || /^localhost\.?$/i.test(host) ? "127.0.0.1" : readIp(host);
    if (literal !== undefined) return Var.of<HostAddresses>({ kind: "found", ips: [literal] });
    if (!isHostName(host)) return Var.of<HostAddresses>({ kind: "neg" });
    return Var.async<HostAddresses>({ kind: "pending" }, (update) => {
      const key = host.toLowerCase();
      let found = this.#hosts.get(key);
      if (found === undefined) {
        found = new Host(this, key);
        this.#hosts.set(key, found);
      }
      const shared = found;
      shared.add(update);
      return () => {
        if (shared.remove(update)) return;
        this.#hosts.delete(key);
        this.#waiting.delete(shared);
      };
    });
  }

  /** Asks for a host as soon as not too many others are being asked for. */
  ask(host: Host): void {
    this.#waiting.add(host);
    this.#next();
  }

  #next(): void {
    for (const host of this.#waiting) {
      if (this.#running >= this.#maxConcurrent) return;
      this.#waiting.delete(host);
      this.#start(host);
    }
  }

  #start(host: Host): void {
    this.#running++;
    try {
      this.#lookup(host.name, (error, ips) => {
        this.#running--;
        host.answer(error, ips);
        this.#next();
      });
    } catch (thrown) {
      this.#running--;
      host.answer(asError(thrown), []);
    }
  }
}

/** One host that is observed, through however many vars. */
class Host {
  readonly name: string;
  readonly #resolver: SystemHostResolver;
  readonly #observers = new Set<(state: HostAddresses) => void>();
  #state: HostAddresses = { kind: "pending" };
  #timer: Timer | undefined;

  constructor(resolver: SystemHostResolver, name: string) {
    this.#resolver = resolver;
    this.name = name;
  }

  add(observer: (state: HostAddresses) => void): void {
    this.#observers.add(observer);
    observer(this.#state);
    if (this.#observers.size === 1) this.#resolver.ask(this);
  }

  /** Whether there are others. */
  remove(observer: (state: HostAddresses) => void): boolean {
    this.#observers.delete(observer);
    if (this.#observers.size > 0) return true;
    this.#timer?.cancel();
    return false;
  }

  answer(error: Error | null, ips: readonly string[]): void {
    if (this.#observers.size === 0) return;
    const { clock, refreshMs, retryMs } = this.#resolver;
    const state = this.#stateOf(error, ips);
    this.#timer = clock.after(error === null && ips.length > 0 ? refreshMs : retryMs, () => this.#resolver.ask(this));
    if (sameState(this.#state, state)) return;
    this.#state = state;
    for (const observer of [...this.#observers]) observer(state);
  }

  #stateOf(error: Error | null, ips: readonly string[]): HostAddresses {
    if (error === null) return ips.length === 0 ? { kind: "neg" } : { kind: "found", ips: [...new Set(ips)].sort() };
    if ((error as NodeJS.ErrnoException).code === "ENOTFOUND") return { kind: "neg" };
    const answered = this.#state.kind === "found" || this.#state.kind === "neg";
    return answered ? this.#state : { kind: "failed", error };
  }
}

function sameState(a: HostAddresses, b: HostAddresses): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === "found" && b.kind === "found") return a.ips.join() === b.ips.join();
  if (a.kind === "failed" && b.kind === "failed") return a.error.message === b.error.message;
  return true;
}

const lookupAll: LookupHost = (host, done) => {
  systemLookup(host, { all: true, verbatim: true }, (error, found) => {
    done(error, error === null ? found.map((each) => each.address) : []);
  });
};
