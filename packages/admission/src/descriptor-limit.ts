import { readdirSync, readFileSync } from "node:fs";

/** The share that is left for connections to backends, for the admin server and for files. */
const reservedShare = 8;
const minReserved = 32;

/**
 * Sockets that a process may have open before it takes no more connections: what the system allows it, without what is
 * open already and a reserve for its other work; `Infinity` where the system does not tell.
 */
export function socketLimit(): number {
  try {
    return socketsWithin(readFileSync("/proc/self/limits", "latin1"), readdirSync("/proc/self/fd").length);
  } catch {
    // Only Linux tells, and there a container may hide it.
    return Number.POSITIVE_INFINITY;
  }
}

/** `limits` is the text of `/proc/self/limits`. */
export function socketsWithin(limits: string, openFiles: number): number {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined || soft === "unlimited") return Number.POSITIVE_INFINITY;
  const most = Number(soft);
  const reserved = Math.max(minReserved, Math.floor(most / reservedShare));
  return Math.max(most - openFiles - reserved, 1);
}
