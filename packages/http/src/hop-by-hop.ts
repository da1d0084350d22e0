import { type HeaderName, Names } from "./header-name.ts";
import type { Headers } from "./headers.ts";

/** What `Connection` may name and still not remove: framing, routing and the context of the call. */
const kept = new Set(["content-length", "transfer-encoding", "host", "via", "connection", "dtab-local"]);

/**
 * Removes what is meant for this hop alone, save `spared`, and what any `Connection` header names.
 *
 * Cost: one scan of numbers when `Connection` is absent or says the usual.
 */
export function stripHopByHop(headers: Headers, spared?: HeaderName): void {
  const count = headers.count(Names.connection);
  if (count === 1) {
    const value = headers.get(Names.connection) as string;
    if (value === "keep-alive" || value === "Keep-Alive") headers.delete(Names.keepAlive);
    else if (value !== "close" && value !== "Close") stripNamed(headers, [value]);
  } else if (count > 1) stripNamed(headers, headers.getAll(Names.connection));
  headers.deleteHopByHop(spared);
}

function stripNamed(headers: Headers, values: readonly string[]): void {
  for (const value of values) {
    for (const item of value.split(",")) {
      const name = item.trim().toLowerCase();
      if (name === "" || kept.has(name) || name.startsWith("l5d-")) continue;
      headers.delete(name);
    }
  }
}

/** True when a comma-separated header holds the token, whatever its case. */
export function hasToken(headers: Headers, name: HeaderName, lowerToken: string): boolean {
  for (const value of headers.getAll(name)) {
    for (const item of value.split(",")) if (item.trim().toLowerCase() === lowerToken) return true;
  }
  return false;
}
