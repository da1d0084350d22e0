import { isIPv6 } from "node:net";

/**
 * The address that a text is a literal of, in its usual form; `undefined` for what may be a host name.
 *
 * Shape: IPv6 with brackets or without, and IPv4 in every form that `inet_aton` reads.
 */
export function readIp(text: string): string | undefined {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  return isIPv6(bare) ? bare : readIpv4(text);
}

/**
 * IPv4 as `inet_aton` and so every resolver reads it: `127.1` is 127.0.0.1, `0x7f000001`, `2130706433` and `0177.1`
 * are as well. One to four parts, decimal, octal after `0` or hexadecimal after `0x`; the last fills what is left.
 */
export function readIpv4(text: string): string | undefined {
  if (!literal.test(text)) return undefined;
  const parts = text.split(".").map(readPart);
  const last = parts.pop() as number;
  if (!(last < 256 ** (4 - parts.length)) || !parts.every((part) => part < 256)) return undefined;
  const bytes = [...parts];
  for (let i = parts.length; i < 4; i++) bytes.push(Math.floor(last / 256 ** (3 - i)) % 256);
  return bytes.join(".");
}

const literal = /^(?:0[xX][0-9a-fA-F]{1,64}|[0-9]{1,64})(?:\.(?:0[xX][0-9a-fA-F]{1,64}|[0-9]{1,64})){0,3}$/;

/** NaN for what is no octal number after a zero. */
function readPart(part: string): number {
  if (/^0[xX]/.test(part)) return Number.parseInt(part.slice(2), 16);
  if (part.length > 1 && part.startsWith("0")) return /^[0-7]+$/.test(part) ? Number.parseInt(part, 8) : Number.NaN;
  return Number(part);
}
