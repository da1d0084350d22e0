/** A worker that takes connections. */
export interface Taker {
  /** Hands it a connection, by Node's handle of it. */
  take(handle: unknown, to: string): void;
}

interface Closable {
  close(): void;
}

interface Place {
  readonly taker: Taker;
  /** Handed over, and not taken so far: whoever comes next has them if this worker dies. */
  readonly underWay: { readonly handle: unknown; readonly to: string }[];
  given: number;
  taken: number;
  open: number;
  leaving: boolean;
  /** When it was chosen last, in turns. */
  turn: number;
}

/**
 * Spreads connections over workers: to the one with the fewest, and in turn where they have equally many.
 *
 * Shape: connections that come while there is no worker wait. What a worker was handed and has not taken when it dies
 * goes to another.
 */
export class Distributor {
  readonly #places = new Map<Taker, Place>();
  #waiting: { readonly handle: unknown; readonly to: string }[] = [];
  #turn = 0;

  /** Connections that wait for a worker. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Connections of a worker, as far as it is known here. */
  openOf(taker: Taker): number {
    const place = this.#places.get(taker);
    return place === undefined ? 0 : load(place);
  }

  add(taker: Taker): void {
    if (this.#places.has(taker)) return;
    this.#places.set(taker, { taker, underWay: [], given: 0, taken: 0, open: 0, leaving: false, turn: 0 });
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { handle, to } of waiting) this.give(handle, to);
  }

  /** It is given no more. What it was handed is still its own. */
  leave(taker: Taker): void {
    const place = this.#places.get(taker);
    if (place !== undefined) place.leaving = true;
  }

  /** It has died. What it was handed and has not taken goes to others. */
  remove(taker: Taker): void {
    const place = this.#places.get(taker);
    if (place === undefined) return;
    this.#places.delete(taker);
    for (const { handle, to } of place.underWay) this.give(handle, to);
  }

  give(handle: unknown, to: string): void {
    const place = this.#least();
    if (place === undefined) {
      this.#waiting.push({ handle, to });
      return;
    }
    place.given++;
    place.turn = ++this.#turn;
    place.underWay.push({ handle, to });
    place.taker.take(handle, to);
  }

  /** What a worker says: how many it has taken so far, and how many are open. */
  took(taker: Taker, taken: number, open: number): void {
    const place = this.#places.get(taker);
    if (place === undefined) return;
    for (const { handle } of place.underWay.splice(0, taken - place.taken)) (handle as Closable).close();
    place.taken = taken;
    place.open = open;
  }

  /** Ends what waits. */
  close(): void {
    for (const { handle } of this.#waiting) (handle as Closable).close();
    this.#waiting = [];
  }

  #least(): Place | undefined {
    let least: Place | undefined;
    for (const place of this.#places.values()) {
      if (place.leaving) continue;
      if (least === undefined || load(place) < load(least)) least = place;
      else if (load(place) === load(least) && place.turn < least.turn) least = place;
    }
    return least;
  }
}

function load(place: Place): number {
  return place.open + place.given - place.taken;
}
