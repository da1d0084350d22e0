/** Hears of the calls of a set of nodes: for a picker that has to know of each. */
export interface CallListener {
  /** A call to the node of that slot has begun; the node counts it already. */
  began(slot: number): void;
  /** A call has ended; the node counts it no more. */
  ended(slot: number): void;
}

/** A node whose calls can be listened to, by one at a time. */
export interface Audible {
  listener: CallListener | undefined;
  /** What the listener calls it. */
  slot: number;
}

/** Has the listener hear of these nodes, each by its place among them. */
export function listenTo(nodes: readonly Audible[], listener: CallListener): void {
  for (const [slot, node] of nodes.entries()) {
    node.listener = listener;
    node.slot = slot;
  }
}

/** Has the listener hear no more of them; those that another listens to by now are left to it. */
export function stopListening(nodes: readonly Audible[], listener: CallListener): void {
  for (const node of nodes) if (node.listener === listener) node.listener = undefined;
}
