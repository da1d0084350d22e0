import { type Connection, ConnectionKey, type HeaderName, type HttpRequest, headerName } from "@weftmesh/http";
import { ipv6Network } from "./ipv6-network.ts";
import type { RateLimitKey } from "./rate-limit.ts";

/**
 * Tells senders apart by the value of a header. Whoever can choose the value can choose whose rate counts: use a header
 * that somebody you trust sets or checks.
 */
export function byHeader(name: string | HeaderName): RateLimitKey {
  const declared = typeof name === "string" ? headerName(name) : name;
  return function header(req) {
    return (req as HttpRequest).headers.get(declared);
  };
}

export interface ByClientAddressOptions {
  /** Bits of an IPv6 address that name the sender, 1 to 128; 64 if not given, since one subscriber has as much. */
  readonly ipv6PrefixBits?: number;
}

/** Tells senders apart by the address of the connection's other end; an IPv4 address in IPv6 counts as IPv4. */
export function byClientAddress(options?: ByClientAddressOptions): RateLimitKey {
  const bits = options?.ipv6PrefixBits ?? 64;
  if (!Number.isInteger(bits) || bits < 1 || bits > 128) {
    throw new RangeError(`ipv6PrefixBits must be a whole number from 1 to 128, not ${bits}`);
  }
  const known = new WeakMap<Connection, string>();
  return function clientAddress(_req, ctx) {
    const connection = ctx.get(ConnectionKey);
    if (connection === undefined) return undefined;
    let key = known.get(connection);
    if (key === undefined) {
      const { host } = connection.remote;
      key = host.includes(":") ? ipv6Network(host, bits) : host;
      known.set(connection, key);
    }
    return key;
  };
}
