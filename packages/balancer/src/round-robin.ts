import { type Clock, nextInt, type Rng, type Status } from "@weftmesh/core";
import type { BalancerKind, Picker } from "./kind.ts";
import { LeastLoadedNode } from "./least-loaded.ts";
import { type SlowStart, type SlowStartOptions, slowStartOf } from "./slow-start.ts";

/** New nodes that slow start may pass over in one pick. */
const mostPassed = 32;

/** What round robin asks of a node. */
export interface TurnTaker {
  readonly status: Status;
  /** When it joined, in ms of the clock; asked by slow start alone. */
  readonly sinceMs: number;
}

/**
 * One node after the other, from one that chance chooses, so that processes which start together do not begin alike.
 *
 * Shape: a node whose turn it is and that is not open is set aside, which costs nobody a turn; with each pick one of
 * those set aside is looked at again, and one that is open comes in at the end of the round. While the statuses stay as
 * they are, nobody has two turns more than another. When nobody is open, all have turns.
 * Cost: two nodes looked at per try, however many there are; no allocation.
 */
export class RoundRobin<N extends TurnTaker> implements Picker<N> {
  readonly #rng: Rng;
  readonly #clock: Clock;
  readonly #slowStart: SlowStart | undefined;
  /** Those that take turns; from `#next` on they have not had theirs in this round. */
  #up: N[] = [];
  #next = 0;
  /** Those that were not open. */
  #down: N[] = [];
  #nextDown = 0;
  /** For when statuses do not count: in the order of those that take turns, then those that were not open. */
  #nextOfAll = 0;

  constructor(rng: Rng, clock: Clock, slowStart?: SlowStart) {
    this.#rng = rng;
    this.#clock = clock;
    this.#slowStart = slowStart;
  }

  rebuild(nodes: readonly N[]): void {
    const next = this.#up[this.#next];
    const up = nodes.filter((node) => node.status === "open");
    this.#down = nodes.filter((node) => node.status !== "open");
    // Updates that come often must not favour whoever comes first.
    const known = next === undefined ? -1 : up.indexOf(next);
    const first = known === -1 ? nextInt(this.#rng, up.length) : known;
    this.#up = [...up.slice(first), ...up.slice(0, first)];
    this.#next = 0;
    this.#nextDown = 0;
    this.#slowStart?.rebuild(nodes);
  }

  pick(): N {
    return this.pickOpen() ?? this.pickAny();
  }

  pickOpen(): N | undefined {
    this.#lookAtDown();
    for (let passed = 0; this.#up.length > 0; passed++) {
      const node = this.#up[this.#next] as N;
      if (node.status !== "open") {
        this.#setAside();
        return undefined;
      }
      this.#next = this.#next + 1 === this.#up.length ? 0 : this.#next + 1;
      if (passed === mostPassed || !this.#passesOver(node)) return node;
    }
    return undefined;
  }

  pickAny(): N {
    const up = this.#up;
    const place = Math.min(this.#nextOfAll, up.length + this.#down.length - 1);
    this.#nextOfAll = place + 1 === up.length + this.#down.length ? 0 : place + 1;
    return (place < up.length ? up[place] : this.#down[place - up.length]) as N;
  }

  #lookAtDown(): void {
    const down = this.#down;
    if (down.length === 0) return;
    if (this.#nextDown >= down.length) this.#nextDown = 0;
    const node = down[this.#nextDown] as N;
    if (node.status !== "open") {
      this.#nextDown++;
      return;
    }
    takeOut(down, this.#nextDown);
    this.#up.push(node);
  }

  /** Who fills the gap has not had a turn in this round either, unless there is nobody left who has not. */
  #setAside(): void {
    this.#down.push(takeOut(this.#up, this.#next));
    if (this.#next === this.#up.length) this.#next = 0;
  }

  /** Whether slow start says that it is not the node's turn yet. */
  #passesOver(node: N): boolean {
    const slowStart = this.#slowStart;
    if (slowStart === undefined) return false;
    const nowMs = this.#clock.now();
    return slowStart.active(nowMs) && this.#rng.next() >= slowStart.share(node, nowMs);
  }
}

/** Takes one out; the last fills the gap. */
function takeOut<N>(from: N[], place: number): N {
  const node = from[place] as N;
  const last = from.pop() as N;
  if (place < from.length) from[place] = last;
  return node;
}

export interface RoundRobinOptions {
  /** Endpoints that may be found not to be open before one is taken whatever its status: 5 if not given. */
  readonly maxEffort?: number;
  /** How new endpoints come to their share; at once if not given. */
  readonly slowStart?: SlowStartOptions;
}

/** Every endpoint in turn, however busy it is. */
export function roundRobin(options?: RoundRobinOptions): BalancerKind {
  return {
    algorithm: "round_robin",
    maxEffort: options?.maxEffort ?? 5,
    newNode: (address, make, left) => new LeastLoadedNode(address, make, left),
    newPicker: (rng, clock) => new RoundRobin(rng, clock, slowStartOf(options?.slowStart)),
  };
}
