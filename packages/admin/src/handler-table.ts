import type { AdminEndpoint } from "./endpoint.ts";
import { AdminPathError } from "./errors.ts";

/** Endpoints by path. Of the prefixes that match, the longest counts; an exact path wins over all of them. */
export class HandlerTable {
  readonly #exact = new Map<string, AdminEndpoint>();
  readonly #prefixes = new Map<string, AdminEndpoint>();

  /** Errors: `WEFT_ADMIN_PATH` when the path is taken. A path without a leading slash gets one. */
  add(endpoint: AdminEndpoint): void {
    const path = endpoint.path.startsWith("/") ? endpoint.path : `/${endpoint.path}`;
    const table = path.endsWith("/") && path !== "/" ? this.#prefixes : this.#exact;
    if (table.has(path)) throw new AdminPathError(path);
    table.set(path, endpoint);
  }

  find(path: string): AdminEndpoint | undefined {
    const exact = this.#exact.get(path);
    if (exact !== undefined || this.#prefixes.size === 0) return exact;
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const found = this.#prefixes.get(path.slice(0, end + 1));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Every path, sorted. */
  paths(): readonly string[] {
    return [...this.#exact.keys(), ...this.#prefixes.keys()].sort();
  }
}
