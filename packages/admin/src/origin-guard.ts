import { isIP } from "node:net";
import { isLoopbackIp } from "@weftmesh/naming";

export interface OriginGuardOptions {
  /** The address that the server is bound to. */
  readonly ip: string;
  /** Names, besides those of the loopback, under which the server may be asked. */
  readonly allowedHosts: readonly string[];
}

/**
 * Tells requests that a foreign web page made a browser send.
 *
 * Shape: a page whose name its owner lets resolve to our address is of the same origin as we are to a browser, which
 * then shows in `Host` alone. So a server on the loopback answers only to names of the loopback and those that are
 * allowed; one on any other address also to addresses, which are nobody's to rebind, and, where no name is allowed, to
 * all: names of ours are not known then. A request with an `Origin` must come from the server's own pages.
 */
export class OriginGuard {
  readonly #onLoopback: boolean;
  readonly #allowedHosts: ReadonlySet<string>;

  constructor(options: OriginGuardOptions) {
    this.#onLoopback = isLoopbackIp(options.ip);
    this.#allowedHosts = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  }

  /** Each is undefined when the header is not there: no browser leaves `Host` out. */
  allows(host: string | undefined, origin: string | undefined): boolean {
    if (host !== undefined && !this.#isOurs(hostOf(host))) return false;
    if (origin === undefined) return true;
    const from = /^https?:\/\/([^/]+)$/i.exec(origin)?.[1];
    if (from === undefined) return false;
    return from.toLowerCase() === host?.toLowerCase() || this.#allowedHosts.has(hostOf(from).toLowerCase());
  }

  #isOurs(name: string): boolean {
    if (isLoopback(name) || this.#allowedHosts.has(name.toLowerCase())) return true;
    return !this.#onLoopback && (this.#allowedHosts.size === 0 || isIP(name) !== 0);
  }
}

/** The name of `name:port`, without the brackets of an IPv6 address. */
function hostOf(authority: string): string {
  const found = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(authority);
  return found?.[1] ?? found?.[2] ?? authority;
}

function isLoopback(host: string): boolean {
  return isLoopbackIp(host) || host.toLowerCase() === "localhost";
}
