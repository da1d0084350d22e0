/** A header name that was declared once, so that a message finds it by number and not by text. */
export class HeaderName {
  /** 1 and up; 0 stands for every name that nobody declared. */
  readonly id: number;
  /** Lower case, as HTTP/2 writes it. */
  readonly lower: string;
  /** As HTTP/1 writes it when we are the author. */
  readonly text: string;
  /** Meant for the next hop alone (RFC 9110 section 7.6.1). */
  readonly hopByHop: boolean;

  constructor(id: number, text: string, hopByHop: boolean) {
    this.id = id;
    this.text = text;
    this.lower = text.toLowerCase();
    this.hopByHop = hopByHop;
  }
}

const byLower = new Map<string, HeaderName>();
const byId: HeaderName[] = [];
let lowHopBits = 0;
let highHopBits = 0;
let lastHopId = 0;
/** Open hashing by `hashName`; a chain per bucket. */
const buckets: HeaderName[][] = Array.from({ length: 512 }, () => []);

/** RFC 9110 tokens: the lower-case byte for each byte that may stand in a name, 0 for each that may not. */
export const tokenTable: Uint8Array = tokens();

function tokens(): Uint8Array {
  const table = new Uint8Array(256);
  for (const c of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") table[c.charCodeAt(0)] = c.charCodeAt(0);
  for (let c = 65; c <= 90; c++) table[c] = c + 32;
  return table;
}

/** One step of the hash that a scan keeps while it reads a name: fold each *lower-case* byte in, from 0. */
export function hashStep(hash: number, lowerByte: number): number {
  return (Math.imul(hash, 31) + lowerByte) | 0;
}

function hashName(lower: string): number {
  let hash = 0;
  for (let i = 0; i < lower.length; i++) hash = hashStep(hash, lower.charCodeAt(i));
  return hash;
}

/**
 * Declares a name, at module load or when a stack is built; the same name gives the same object.
 *
 * Errors: TypeError when the text is not a token. Messages that were parsed before find the name by its text.
 */
export function headerName(text: string, options?: { hopByHop?: boolean }): HeaderName {
  const lower = text.toLowerCase();
  const known = byLower.get(lower);
  if (known !== undefined) return known;
  if (text === "") throw new TypeError("a header name is empty");
  for (let i = 0; i < lower.length; i++) {
    const code = lower.charCodeAt(i);
    if (code > 255 || tokenTable[code] === 0) throw new TypeError(`not a header name: ${JSON.stringify(text)}`);
  }
  const name = new HeaderName(byId.length + 1, text, options?.hopByHop ?? false);
  byId.push(name);
  if (name.hopByHop) {
    lastHopId = name.id;
    if (name.id < highNames) lowHopBits |= nameBit(name.id);
    else highHopBits |= nameBit(name.id);
  }
  byLower.set(lower, name);
  buckets[hashName(lower) & 511]?.push(name);
  return name;
}

/** The declared name of that text in any case, or undefined. */
export function declaredName(text: string): HeaderName | undefined {
  return byLower.get(text) ?? byLower.get(text.toLowerCase());
}

/** How many names were declared so far; ids run from 1 to it. */
export function declaredNames(): number {
  return byId.length;
}

/**
 * Whether any name that is meant for one hop alone is among those whose bits, as `nameBit` gives them, are set, or was
 * declared after the first `declared` names, which are all that the bits speak of.
 */
export function mayHoldHopByHop(lowBits: number, highBits: number, declared: number): boolean {
  return (lowBits & lowHopBits) !== 0 || (highBits & highHopBits) !== 0 || declared < lastHopId;
}

/** Ids from here on have their bits in the higher of two words. */
export const highNames = 32;

/**
 * A bit that a message sets for each name in it, in its lower word below `highNames` and in its higher one from there
 * on. The first 63 names have bits of their own and those after them share some: a bit that is not set says that its
 * names are all absent.
 */
export function nameBit(id: number): number {
  return 1 << id;
}

export function nameById(id: number): HeaderName | undefined {
  return byId[id - 1];
}

/** The id of the name in `bytes[start, end)`, whose hash by `hashStep` the caller kept; 0 when it is not declared. */
export function findNameId(bytes: Uint8Array, start: number, end: number, hash: number): number {
  const chain = buckets[hash & 511] as HeaderName[];
  for (let i = 0; i < chain.length; i++) {
    const name = chain[i] as HeaderName;
    if (name.lower.length === end - start && sameBytes(bytes, start, name.lower)) return name.id;
  }
  return 0;
}

function sameBytes(bytes: Uint8Array, start: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    if (tokenTable[bytes[start + i] as number] !== lower.charCodeAt(i)) return false;
  }
  return true;
}

const hop = { hopByHop: true };
/** The names that the proxy itself asks for. */
export const Names: {
  readonly [K in
    | "connection"
    | "keepAlive"
    | "proxyAuthenticate"
    | "proxyAuthorization"
    | "proxyConnection"
    | "te"
    | "trailer"
    | "transferEncoding"
    | "upgrade"
    | "contentLength"
    | "contentType"
    | "host"
    | "date"
    | "expect"
    | "via"
    | "location"
    | "refresh"
    | "retryAfter"
    | "maxForwards"
    | "forwarded"]: HeaderName;
} = {
  connection: headerName("Connection", hop),
  keepAlive: headerName("Keep-Alive"),
  proxyAuthenticate: headerName("Proxy-Authenticate", hop),
  proxyAuthorization: headerName("Proxy-Authorization", hop),
  proxyConnection: headerName("Proxy-Connection", hop),
  te: headerName("TE", hop),
  trailer: headerName("Trailer"),
  transferEncoding: headerName("Transfer-Encoding", hop),
  upgrade: headerName("Upgrade", hop),
  contentLength: headerName("Content-Length"),
  contentType: headerName("Content-Type"),
  host: headerName("Host"),
  date: headerName("Date"),
  expect: headerName("Expect"),
  via: headerName("Via"),
  location: headerName("Location"),
  refresh: headerName("Refresh"),
  retryAfter: headerName("Retry-After"),
  maxForwards: headerName("Max-Forwards"),
  forwarded: headerName("Forwarded"),
};
