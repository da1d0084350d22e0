/** `open` may be used now; `busy` not at present; `closed` never again. */
export type Status = "open" | "busy" | "closed";

const rank: Readonly<Record<Status, number>> = { closed: 0, busy: 1, open: 2 };

/** Below zero when `a` is worse than `b`; the order is closed < busy < open. */
export function compareStatus(a: Status, b: Status): number {
  return rank[a] - rank[b];
}

export function worst(a: Status, b: Status): Status {
  return rank[a] <= rank[b] ? a : b;
}

export function best(a: Status, b: Status): Status {
  return rank[a] >= rank[b] ? a : b;
}

/** `open` when there are none: the identity of `worst`. */
export function worstOf(statuses: Iterable<Status>): Status {
  let result: Status = "open";
  for (const status of statuses) {
    result = worst(result, status);
    if (result === "closed") break;
  }
  return result;
}

/** `closed` when there are none: the identity of `best`. */
export function bestOf(statuses: Iterable<Status>): Status {
  let result: Status = "closed";
  for (const status of statuses) {
    result = best(result, status);
    if (result === "open") break;
  }
  return result;
}
