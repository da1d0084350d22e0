/** What discovery tells of an address beside host and port. */
export type Metadata = Readonly<Record<string, string | number | boolean>>;

/**
 * Key of an address's metadata, as Linkerd 2 calls it: `h2` says that a proxy is there which takes HTTP/1 over HTTP/2, and
 * makes HTTP/1 of it again.
 */
export const protocolHint = "protocolHint";

/** One endpoint. `host` is a literal IP or a name that was not resolved yet. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** Share among its peers; 1 unless discovery says otherwise. */
  readonly weight: number;
  readonly metadata: Metadata;
}

/** The endpoints of a bound name, or why there are none. */
export type Addr =
  | { readonly kind: "pending" }
  | { readonly kind: "neg" }
  | { readonly kind: "failed"; readonly error: Error }
  | { readonly kind: "bound"; readonly addresses: readonly Address[]; readonly metadata: Metadata };

const none: Metadata = Object.freeze({});

export const pendingAddr: Addr = { kind: "pending" };
export const negAddr: Addr = { kind: "neg" };

export function address(host: string, port: number, weight = 1, metadata: Metadata = none): Address {
  return { host, port, weight, metadata };
}

export function boundAddr(addresses: readonly Address[], metadata: Metadata = none): Addr {
  return { kind: "bound", addresses, metadata };
}

/** `host:port`, with brackets around an IPv6 literal. */
export function showAddress(each: Address): string {
  return each.host.includes(":") ? `[${each.host}]:${each.port}` : `${each.host}:${each.port}`;
}
