import { isIPv4, isIPv6 } from "node:net";

export interface OriginGuardOptions {
  /** The address that the server is bound to. */
  readonly ip: string;
  /** Names, besides those of the loopback, under which the server may be asked. */
  readonly allowedHosts: readonly string[];
}

/**
 * Tells requests that a foreign web page made a browser send.
 *
 * Shape: a server on the loopback answers only to names of the loopback, so that a name of somebody's that resolves to
 * 127.0.0.1 is of no use. A request with an `Origin` must come from the server's own pages.
 */
export class OriginGuard {
  readonly #onLoopback: boolean;
  readonly #allowedHosts: ReadonlySet<string>;

  constructor(options: OriginGuardOptions) {
    this.#onLoopback = isLoopback(options.ip);
    this.#allowedHosts = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  }

  /** Each is undefined when the header is not there: no browser leaves `Host` out. */
  allows(host: string | undefined, origin: string | undefined): boolean {
    if (host !== undefined && this.#onLoopback && !this.#isOurs(hostOf(host))) return false;
    if (origin === undefined) return true;
    const from = /^https?:\/\/([^/]+)$/i.exec(origin)?.[1];
    if (from === undefined) return false;
    return from.toLowerCase() === host?.toLowerCase() || this.#allowedHosts.has(hostOf(from).toLowerCase());
  }

  #isOurs(name: string): boolean {
    return isLoopback(name) || this.#allowedHosts.has(name.toLowerCase());
  }
}

/** The name of `name:port`, without the brackets of an IPv6 address. */
function hostOf(authority: string): string {
  const found = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(authority);
  return found?.[1] ?? found?.[2] ?? authority;
}

export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith("127.");
  if (isIPv6(host)) return host === "::1" || /^::ffff:127\./i.test(host);
  return host.toLowerCase() === "localhost";
}
