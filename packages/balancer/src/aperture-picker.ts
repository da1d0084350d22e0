import { type Clock, compareStatus, type Rng } from "@weftmesh/core";
import { type Address, showAddress } from "@weftmesh/naming";
import type { Counter, StatsReceiver } from "@weftmesh/telemetry";
import type { ApertureWindow } from "./aperture-window.ts";
import { type Audible, type CallListener, listenTo, stopListening } from "./call-listener.ts";
import { IdleExpiry, type RestingNode } from "./idle-expiry.ts";
import type { Picker } from "./kind.ts";
import { LoadBand, type LoadBandOptions } from "./load-band.ts";
import type { Candidate } from "./p2c.ts";
import { RandomWindow } from "./random-window.ts";
import { isPeerCoordinate, type PeerCoordinate } from "./ring-slice.ts";
import { RingWindow } from "./ring-window.ts";
import type { SlowStart } from "./slow-start.ts";
import { textHash } from "./text-hash.ts";

/** Weights that differ by less of the greatest one are one weight. */
const sameWeight = 1e-4;

/** What an aperture asks of a node. */
export interface ApertureNode extends Candidate, Audible, RestingNode {
  readonly address: Address;
  readonly pending: number;
}

export interface ApertureSettings {
  readonly band: LoadBandOptions;
  readonly minAperture: number;
  readonly minDeterministicAperture: number;
  readonly coordinate: (() => PeerCoordinate | undefined) | undefined;
  readonly idleMs: number;
}

/**
 * Power of two choices among some of the nodes, so that each client is connected to few of many.
 *
 * Shape: where the coordinate of the process is known, those on its slice of a ring; else the first of a random order, as
 * many as the load band says. When the tries for an open one have found none, two of all nodes are drawn, once: an
 * aperture must not cut a client off from nodes that are well.
 * Cost: a pick draws two nodes, whatever their number, by one step (a ring, or equal weights) or a binary search.
 */
export class AperturePicker<N extends ApertureNode> implements Picker<N>, CallListener {
  readonly #settings: ApertureSettings;
  readonly #rng: Rng;
  readonly #clock: Clock;
  readonly #slowStart: SlowStart | undefined;
  readonly #band: LoadBand;
  readonly #expiry: IdleExpiry;
  readonly #coordinateUpdates: Counter;
  readonly #removeGauges: readonly (() => void)[];
  #nodes: readonly N[] = [];
  #weights: Float64Array = new Float64Array();
  /** By slot: its place in the random order, which it keeps. */
  #tokens: Float64Array = new Float64Array();
  #peer: PeerCoordinate | undefined;
  #window: ApertureWindow;

  constructor(settings: ApertureSettings, rng: Rng, clock: Clock, stats: StatsReceiver, slowStart?: SlowStart) {
    this.#settings = settings;
    this.#rng = rng;
    this.#clock = clock;
    this.#slowStart = slowStart;
    const [widen, narrow] = [stats.counter("loadband", "widen"), stats.counter("loadband", "narrow")];
    const watcher = { widened: () => widen.inc(), narrowed: () => narrow.inc() };
    this.#band = new LoadBand(settings.band, watcher, clock.now());
    this.#expiry = new IdleExpiry(clock, settings.idleMs, (slot) => this.#window.has(slot), stats.counter("expired"));
    this.#coordinateUpdates = stats.counter("coordinate_updates");
    this.#peer = this.#peerNow();
    this.#window = this.#newWindow();
    this.#removeGauges = [
      stats.gauge(() => this.#logicalAperture(), "logical_aperture"),
      stats.gauge(() => this.#window.size, "physical_aperture"),
      stats.gauge(() => (this.#peer === undefined ? 0 : 1), "use_deterministic_ordering"),
      stats.gauge(() => this.#band.average(clock.now()), "loadband", "offered_load_ema"),
    ];
  }

  rebuild(nodes: readonly N[], weights: Float64Array = new Float64Array(nodes.length).fill(1)): void {
    const nowMs = this.#clock.now();
    const slotsBefore = Int32Array.from(nodes, (node) => (node.listener === this ? node.slot : -1));
    stopListening(this.#nodes, this);
    listenTo(nodes, this);
    this.#nodes = nodes;
    this.#weights = weights;
    this.#tokens = Float64Array.from(slotsBefore, (slot) => this.#tokens[slot] ?? this.#rng.next());
    this.#band.recount(
      nodes.reduce((sum, node) => sum + node.pending, 0),
      nowMs,
    );
    this.#band.fit(this.#settings.minAperture, nodes.length);
    this.#expiry.rebuild(nodes, slotsBefore, nowMs);
    this.#slowStart?.rebuild(nodes);
    this.#peer = this.#peerNow();
    this.#window = this.#newWindow();
  }

  pick(): N {
    return this.pickOpen() ?? this.#pickOfAll();
  }

  pickOpen(): N | undefined {
    this.#refresh();
    const window = this.#window;
    window.draw(this.#rng, false);
    const { first, second } = window;
    const a = this.#nodes[first] as N;
    const b = this.#nodes[second] as N;
    if (a.status !== "open") {
      window.foundDown(first);
      return b.status === "open" ? b : undefined;
    }
    if (a === b) return a;
    if (b.status === "open") return this.#lighter(first, second);
    window.foundDown(second);
    return a;
  }

  pickAny(): N {
    this.#refresh();
    this.#window.draw(this.#rng, false);
    return this.#lighter(this.#window.first, this.#window.second);
  }

  began(): void {
    this.#band.changed(1, this.#clock.now(), this.#peer === undefined);
    this.#expiry.stir();
  }

  ended(slot: number): void {
    const nowMs = this.#clock.now();
    this.#band.changed(-1, nowMs, this.#peer === undefined);
    this.#expiry.ended(slot, nowMs);
  }

  close(): void {
    stopListening(this.#nodes, this);
    this.#expiry.close();
    for (const remove of this.#removeGauges) remove();
  }

  #pickOfAll(): N {
    this.#window.draw(this.#rng, true);
    const a = this.#nodes[this.#window.first] as N;
    const b = this.#nodes[this.#window.second] as N;
    const order = compareStatus(a.status, b.status);
    if (order !== 0) return order > 0 ? a : b;
    const nowMs = this.#clock.now();
    return a.load(nowMs) <= b.load(nowMs) ? a : b;
  }

  /** Loads compare by weight, unless the weights are as good as one. */
  #lighter(first: number, second: number): N {
    const a = this.#nodes[first] as N;
    const b = this.#nodes[second] as N;
    const { weights } = this.#window;
    const ofA = weights[first] as number;
    const ofB = weights[second] as number;
    const nowMs = this.#clock.now();
    const firstWins =
      Math.abs(ofA - ofB) < sameWeight ? a.load(nowMs) <= b.load(nowMs) : a.load(nowMs) * ofB <= b.load(nowMs) * ofA;
    const slowStart = this.#slowStart;
    if (slowStart?.active(nowMs) !== true) return firstWins ? a : b;
    const winner = firstWins ? a : b;
    const loser = firstWins ? b : a;
    const share = slowStart.share(winner, nowMs) / slowStart.share(loser, nowMs);
    return share >= 1 || this.#rng.next() < share ? winner : loser;
  }

  #peerNow(): PeerCoordinate | undefined {
    const peer = this.#settings.coordinate?.();
    return peer !== undefined && isPeerCoordinate(peer) ? peer : undefined;
  }

  #refresh(): void {
    const before = this.#peer;
    if (this.#settings.coordinate !== undefined) this.#peer = this.#peerNow();
    const peer = this.#peer;
    if (peer?.instanceId !== before?.instanceId || peer?.totalInstances !== before?.totalInstances) {
      this.#coordinateUpdates.inc();
      this.#window = this.#newWindow();
    } else if (this.#window.outdated()) this.#window = this.#newWindow();
  }

  #newWindow(): ApertureWindow {
    const peer = this.#peer;
    const { minDeterministicAperture } = this.#settings;
    if (peer !== undefined && this.#nodes.length > 0) {
      return new RingWindow(this.#weights, ringOrder(this.#nodes), peer, minDeterministicAperture);
    }
    return new RandomWindow(this.#nodes, this.#weights, orderBy(this.#tokens), this.#band);
  }

  #logicalAperture(): number {
    const { minDeterministicAperture } = this.#settings;
    return this.#peer === undefined ? this.#band.width : Math.min(minDeterministicAperture, this.#nodes.length);
  }
}

/** The same in all processes, whatever their order of discovery; neighbours in a network are not neighbours in it. */
function ringOrder(nodes: readonly { readonly address: Address }[]): Int32Array {
  const names = nodes.map((node) => showAddress(node.address));
  const hashes = names.map((name) => textHash(name, 0));
  return Int32Array.from(names.keys()).sort(
    (a, b) => (hashes[a] as number) - (hashes[b] as number) || ((names[a] as string) < (names[b] as string) ? -1 : 1),
  );
}

function orderBy(keys: Float64Array): Int32Array {
  return Int32Array.from(keys.keys()).sort((a, b) => (keys[a] as number) - (keys[b] as number));
}
