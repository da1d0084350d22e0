/**
 * What a change of one source brings about, as one step.
 *
 * While a round runs, whoever combines several values waits: it speaks when its inputs have all heard of the change.
 * What combines values is observed by one observer alone (an observation is never shared, save at a `VarSource`), so
 * those that wait form trees, and the deepest goes first: an input is always deeper than what it goes into. The depth
 * is known when the observation begins, also for one that a `flatMap` begins later.
 */
export interface Waiting {
  /** 0 for what nobody combines further. */
  readonly depth: number;
  speak(): void;
}

/** The depth of whatever begins to observe now. */
let depth = 0;
let running = false;
/** Those that wait, by their depth; there are few depths. */
const waiting = new Map<number, { readonly items: Waiting[]; head: number }>();

export function currentDepth(): number {
  return depth;
}

/** Runs `observe`; what it begins to observe is at that depth. */
export function atDepth<T>(to: number, observe: () => T): T {
  const before = depth;
  depth = to;
  try {
    return observe();
  } finally {
    depth = before;
  }
}

/** Whether `wait` would be heard: outside a round there is nothing to wait for. */
export function inRound(): boolean {
  return running;
}

/** Lets it speak when everything deeper has spoken. It waits once at a time: that is its own to see to. */
export function wait(each: Waiting): void {
  const queue = waiting.get(each.depth);
  if (queue === undefined) waiting.set(each.depth, { items: [each], head: 0 });
  else queue.items.push(each);
}

/** Runs `change` and then everything that waits because of it; within a round it only runs `change`. */
export function round(change: () => void): void {
  if (running) {
    change();
    return;
  }
  running = true;
  try {
    change();
    for (let next = deepest(); next !== undefined; next = deepest()) next.speak();
  } finally {
    running = false;
  }
}

/** Takes out the first that waits at the greatest depth. */
function deepest(): Waiting | undefined {
  let most = -1;
  for (const each of waiting.keys()) if (each > most) most = each;
  const queue = waiting.get(most);
  if (queue === undefined) return undefined;
  const next = queue.items[queue.head++];
  if (queue.head === queue.items.length) waiting.delete(most);
  return next;
}
