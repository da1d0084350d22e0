import {
  asError,
  type Clock,
  ClosedError,
  type Ctx,
  type Rng,
  type Service,
  type Status,
  type Var,
} from "@weftmesh/core";
import { type Addr, type Address, showAddress } from "@weftmesh/naming";
import type { StatsReceiver } from "@weftmesh/telemetry";
import { BalancerMetrics } from "./balancer-metrics.ts";
import type { Distribution } from "./distribution.ts";
import { Distributor } from "./distributor.ts";
import { BalancerQueueFullError, NoEndpointsError } from "./errors.ts";
import type { BalancerKind } from "./kind.ts";
import type { Node } from "./node.ts";
import { WaitingCalls } from "./waiting-calls.ts";
import type { ZonePreferenceOptions } from "./zone-preference.ts";

export interface BalancerSettings<Req, Rep> {
  readonly dest: Var<Addr>;
  /** How errors call the destination. */
  readonly label: string;
  readonly kind: BalancerKind;
  readonly endpoint: (address: Address) => Service<Req, Rep>;
  readonly probation: boolean;
  readonly maxWaiting: number;
  /** Endpoints of one zone come before those of the others, if given. */
  readonly zone: ZonePreferenceOptions | undefined;
  /** The percentage of open endpoints below which all count as open; 0 for never. */
  readonly panicPercent: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly stats: StatsReceiver;
}

/** Why there are no nodes to pick from. */
type Without = { readonly kind: "pending" } | { readonly kind: "error"; readonly error: Error };

/**
 * A service over a changing set of endpoints.
 *
 * Shape: one subscription to the destination; a call reads fields. A good set is kept when discovery later waits or
 * fails; only discovery saying that there is nobody empties it. Before the first news calls wait in a bounded queue.
 */
export class Balancer<Req, Rep> implements Service<Req, Rep> {
  readonly #settings: BalancerSettings<Req, Rep>;
  readonly #metrics: BalancerMetrics;
  readonly #waiting: WaitingCalls<Req, Rep>;
  readonly #subscription: { unsubscribe(): void };
  readonly #distributor: Distributor<Req, Rep>;
  readonly #left: (node: Node<Req, Rep>) => void = (node) => this.#drop(node);
  /** By host and port, in the order of discovery. */
  #nodes = new Map<string, Node<Req, Rep>>();
  /** Those that are out and not closed yet. */
  readonly #retiring = new Set<Promise<void>>();
  #distribution: Distribution<Req, Rep>;
  #without: Without = { kind: "pending" };
  /** Whether discovery ever gave a set, be it empty. */
  #settled = false;
  #closed: Promise<void> | undefined;

  constructor(settings: BalancerSettings<Req, Rep>) {
    this.#settings = settings;
    const subject = {
      nodes: () => this.#nodes.values(),
      classes: () => this.#distribution,
      panicking: () => this.#distributor.panicking,
    };
    const metrics = new BalancerMetrics(settings.stats, settings.kind.algorithm, subject, {
      zone: settings.zone !== undefined,
      panic: settings.panicPercent > 0,
    });
    this.#metrics = metrics;
    this.#waiting = new WaitingCalls(settings.clock, settings.label);
    this.#distributor = new Distributor({
      ...settings,
      stats: settings.stats.scope("loadbalancer"),
      exhausted: () => metrics.exhausted.inc(),
      panicked: () => metrics.panicPicks.inc(),
      crossed: () => metrics.crossZone.inc(),
    });
    this.#distribution = this.#distributor.rebuild([]);
    this.#subscription = settings.dest.changes.subscribe({
      next: (addr) => this.#hear(addr),
      error: (thrown: unknown) => this.#hear({ kind: "failed", error: asError(thrown) }),
    });
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    let node: Node<Req, Rep> | undefined;
    try {
      node = this.#distribution.pick(req, ctx);
    } catch (thrown) {
      // Whoever balances by a key has given us a function that reads the request.
      return Promise.reject(thrown);
    }
    return node === undefined ? this.#callWithout(req, ctx) : node.call(req, ctx);
  }

  /** The best of the nodes; `busy` while there are none, since that may change. */
  get status(): Status {
    if (this.#closed !== undefined) return "closed";
    for (const node of this.#nodes.values()) if (node.status === "open") return "open";
    return "busy";
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #callWithout(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#without.kind === "error") return Promise.reject(this.#without.error);
    const { maxWaiting, label } = this.#settings;
    if (this.#waiting.size >= maxWaiting) return Promise.reject(new BalancerQueueFullError(label, maxWaiting));
    return this.#waiting.add(req, ctx);
  }

  #hear(addr: Addr): void {
    if (this.#closed !== undefined) return;
    if (addr.kind === "bound") this.#update(addr.addresses, "discovery lists none");
    else if (addr.kind === "neg") this.#update([], "discovery does not know the name");
    else if (addr.kind === "failed" && !this.#settled) this.#failWith(addr.error);
    else if (addr.kind === "pending" && !this.#settled) this.#without = { kind: "pending" };
  }

  #update(addresses: readonly Address[], whyNone: string): void {
    this.#settled = true;
    this.#metrics.updates.inc();
    const before = this.#nodes;
    const nodes = new Map<string, Node<Req, Rep>>();
    let changed = 0;
    // Whole, so that a node holds it without a box of its own.
    const nowMs = Math.floor(this.#settings.clock.now());
    for (const address of addresses) {
      const key = showAddress(address);
      if (nodes.has(key)) continue;
      const known = before.get(key);
      if (known !== undefined && sameMetadata(known.address, address)) {
        if (!Object.is(known.address.weight, address.weight)) changed++;
        known.address = address;
        known.leaving = false;
        nodes.set(key, known);
        continue;
      }
      changed++;
      this.#metrics.adds.inc();
      nodes.set(key, this.#newNode(address, nowMs));
    }
    for (const [key, node] of before) {
      if (nodes.get(key) === node) continue;
      if (this.#settings.probation && !nodes.has(key) && node.status === "open") {
        node.leaving = true;
        nodes.set(key, node);
        continue;
      }
      changed++;
      this.#retire(node);
    }
    this.#nodes = nodes;
    if (changed > 0) this.#rebuild();
    if (nodes.size === 0) this.#failWith(new NoEndpointsError(`${whyNone} for ${this.#settings.label}`));
    else this.#waiting.flush((req, ctx) => this.call(req, ctx));
  }

  #failWith(error: Error): void {
    this.#without = { kind: "error", error };
    this.#waiting.fail(error);
  }

  #newNode(address: Address, nowMs: number): Node<Req, Rep> {
    const { kind, endpoint, clock } = this.#settings;
    const node = kind.newNode(address, endpoint, this.#left, clock);
    node.sinceMs = nowMs;
    return node;
  }

  #rebuild(): void {
    this.#metrics.rebuilds.inc();
    this.#distribution = this.#distributor.rebuild([...this.#nodes.values()]);
  }

  /** A node that was on probation has failed it. */
  #drop(node: Node<Req, Rep>): void {
    const key = showAddress(node.address);
    if (this.#nodes.get(key) !== node) return;
    this.#nodes.delete(key);
    this.#retire(node);
    this.#rebuild();
    if (this.#nodes.size === 0) {
      this.#failWith(new NoEndpointsError(`the last of ${this.#settings.label} failed after discovery had dropped it`));
    }
  }

  #retire(node: Node<Req, Rep>): void {
    this.#metrics.removes.inc();
    node.leaving = false;
    const retiring = node.retire();
    if (node.idle) return;
    this.#retiring.add(retiring);
    // Whoever closes the balancer hears of a close that failed; until then it is nobody's.
    retiring.then(
      () => this.#retiring.delete(retiring),
      () => {},
    );
  }

  async #close(): Promise<void> {
    this.#subscription.unsubscribe();
    this.#metrics.close();
    const nodes = [...this.#nodes.values()];
    this.#nodes = new Map();
    this.#distribution = this.#distributor.rebuild([]);
    const error = new ClosedError(`the balancer of ${this.#settings.label}`);
    this.#failWith(error);
    await Promise.all([...nodes.map((node) => node.retire()), ...this.#retiring]);
  }
}

function sameMetadata(a: Address, b: Address): boolean {
  if (a.metadata === b.metadata) return true;
  const keys = Object.keys(a.metadata);
  if (keys.length !== Object.keys(b.metadata).length) return false;
  return keys.every((key) => a.metadata[key] === b.metadata[key]);
}
