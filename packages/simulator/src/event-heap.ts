/** What a heap keeps in order: the time at which it is due, then the order in which it came. */
export interface HeapEvent {
  readonly dueMs: number;
  readonly order: number;
  /** Where the heap keeps it. For the heap alone. */
  at: number;
}

const arity = 4;

/**
 * Events, the earliest first; those of one time in the order in which they came.
 *
 * Shape: four children to a node, which is flatter than two, and each event knows its place, so that one that was
 * cancelled leaves at once and not when it is due: most timeouts are cancelled long before that.
 * Cost: O(log n) for each operation, nothing allocated.
 */
export class EventHeap<E extends HeapEvent> {
  readonly #events: E[] = [];

  get size(): number {
    return this.#events.length;
  }

  /** The earliest, which stays. */
  get first(): E | undefined {
    return this.#events[0];
  }

  add(event: E): void {
    this.#events.push(event);
    this.#up(event, this.#events.length - 1);
  }

  /** Takes the event out; false when it is not there. */
  delete(event: E): boolean {
    const at = event.at;
    if (this.#events[at] !== event) return false;
    const last = this.#events.pop() as E;
    if (last === event) return true;
    // What fills the gap may belong above it as well as below.
    this.#down(last, at);
    this.#up(last, last.at);
    return true;
  }

  #up(event: E, from: number): void {
    const events = this.#events;
    let at = from;
    while (at > 0) {
      const above = Math.floor((at - 1) / arity);
      const parent = events[above] as E;
      if (!isBefore(event, parent)) break;
      events[at] = parent;
      parent.at = at;
      at = above;
    }
    events[at] = event;
    event.at = at;
  }

  #down(event: E, from: number): void {
    const events = this.#events;
    const size = events.length;
    let at = from;
    for (;;) {
      const firstChild = at * arity + 1;
      if (firstChild >= size) break;
      let least = firstChild;
      const end = Math.min(firstChild + arity, size);
      for (let child = firstChild + 1; child < end; child++) {
        if (isBefore(events[child] as E, events[least] as E)) least = child;
      }
      const child = events[least] as E;
      if (!isBefore(child, event)) break;
      events[at] = child;
      child.at = at;
      at = least;
    }
    events[at] = event;
    event.at = at;
  }
}

function isBefore(a: HeapEvent, b: HeapEvent): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
