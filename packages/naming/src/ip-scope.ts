import { isIPv4, isIPv6 } from "node:net";

/** What is special about an address: nothing beyond this host, link or cloud ought to be reached by it. */
export type IpScope = "unspecified" | "loopback" | "linkLocal" | "metadata" | "multicast";

/**
 * The scope of a literal; `undefined` for one that any host may have, and for what is no literal.
 *
 * Shape: an IPv6 address that stands for an IPv4 one has the scope of that: mapped, compatible, translated (NAT64),
 * 6to4 and Teredo. `linkLocal` holds 169.254.169.254, where most clouds tell secrets to whoever asks; `metadata` is
 * where the others do.
 */
export function ipScope(ip: string): IpScope | undefined {
  if (isIPv4(ip)) return v4Scope(v4Bytes(ip));
  return isIPv6(ip) ? v6Scope(v6Words(ip)) : undefined;
}

export function isLoopbackIp(ip: string): boolean {
  return ipScope(ip) === "loopback";
}

type V4 = readonly [number, number, number, number];

/** Alibaba, Oracle and Azure, as `a.b.c.d`. */
const metadataV4: ReadonlySet<string> = new Set(["100.100.100.200", "192.0.0.192", "168.63.129.16"]);
/** AWS, Google and Oracle, as eight words in hexadecimal. */
const metadataV6: ReadonlySet<string> = new Set([
  "fd00:ec2:0:0:0:0:0:254",
  "fd20:ce:0:0:0:0:0:254",
  "fd00:c1:0:0:0:0:a9fe:a9fe",
]);

function v4Bytes(ip: string): V4 {
  return ip.split(".").map(Number) as unknown as V4;
}

function v4Scope(bytes: V4): IpScope | undefined {
  const [a, b] = bytes;
  if (a === 0) return "unspecified";
  if (a === 127) return "loopback";
  if (a === 169 && b === 254) return "linkLocal";
  if (metadataV4.has(bytes.join("."))) return "metadata";
  // With the reserved class E, whose last address is the broadcast.
  return a >= 224 ? "multicast" : undefined;
}

/** The eight words of a literal that `isIPv6` has accepted, without its zone. */
function v6Words(ip: string): readonly number[] {
  const bare = ip.replace(/%.*$/s, "");
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(bare);
  const text = dotted === null ? bare : `${dotted[1]}${asWords(v4Bytes(dotted[2] as string))}`;
  const [head = "", tail] = text.split("::");
  const before = readWords(head);
  if (tail === undefined) return before;
  const after = readWords(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function readWords(text: string): readonly number[] {
  return text === "" ? [] : text.split(":").map((word) => Number.parseInt(word, 16));
}

function asWords([a, b, c, d]: V4): string {
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

function v4Of(high: number, low: number): V4 {
  return [high >> 8, high & 255, low >> 8, low & 255];
}

function v6Scope(words: readonly number[]): IpScope | undefined {
  const [first = 0, second = 0, third = 0] = words;
  const [seventh = 0, last = 0] = words.slice(6);
  if (isZero(words, 0, 7) && last === 1) return "loopback";
  // "::" itself, and addresses of which the last half says it all.
  if (isZero(words, 0, 6)) return v4Scope(v4Of(seventh, last));
  const mapped = isZero(words, 0, 5) && words[5] === 0xffff;
  const translated = isZero(words, 0, 4) && words[4] === 0xffff && words[5] === 0;
  const nat64 = first === 0x64 && second === 0xff9b;
  if (mapped || translated || nat64) return v4Scope(v4Of(seventh, last));
  if (first === 0x2002) return v4Scope(v4Of(second, third));
  if (first === 0x2001 && second === 0) return v4Scope(v4Of(seventh ^ 0xffff, last ^ 0xffff));
  // With the site-local ones, which nobody may use any more.
  if (first >= 0xfe80 && first <= 0xfeff) return "linkLocal";
  if (first >= 0xff00) return "multicast";
  return metadataV6.has(words.map((word) => word.toString(16)).join(":")) ? "metadata" : undefined;
}

function isZero(words: readonly number[], from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (words[i] !== 0) return false;
  return true;
}
