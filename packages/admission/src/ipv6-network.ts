/**
 * The network of an IPv6 address, as text: its first `bits` bits, the others zero. An IPv4 address that is mapped into
 * IPv6 comes out as that; what is no address comes out as it is.
 */
export function ipv6Network(address: string, bits: number): string {
  const groups = ipv6Groups(address);
  if (groups === undefined) return address;
  const [high, low] = [groups[6] as number, groups[7] as number];
  if (groups.slice(0, 5).every((each) => each === 0) && groups[5] === 0xffff) {
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  const kept = groups.map((group, i) => {
    const left = Math.min(Math.max(bits - i * 16, 0), 16);
    return (group & (0xffff << (16 - left)) & 0xffff).toString(16);
  });
  return `${kept.join(":")}/${bits}`;
}

/** The eight groups of an address, whose zone does not count. */
function ipv6Groups(address: string): number[] | undefined {
  const text = address.replace(/%.*$/, "").replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, dottedGroups);
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = [], tail] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = tail === undefined ? head : [...head, ...new Array<string>(missing).fill("0"), ...tail];
  return all.every((each) => /^[0-9a-fA-F]{1,4}$/.test(each))
    ? all.map((each) => Number.parseInt(each, 16))
    : undefined;
}

/** The last 32 bits of an address as it may be written, `192.0.2.1`, as two groups. */
function dottedGroups(_text: string, ...bytes: string[]): string {
  const [a, b, c, d] = bytes.map(Number) as [number, number, number, number];
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
