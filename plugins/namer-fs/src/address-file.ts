import { type Address, address, type Metadata, protocolHint } from "@weftmesh/naming";
import { AddressFileError } from "./errors.ts";
import { readHost } from "./inet-host.ts";

const word = /\S+/g;
const hinted: Metadata = { [protocolHint]: "h2" };
const hintText = `${protocolHint}=h2`;
const number = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/;

/**
 * Reads an address file: per line `host port` or `host port * weight`, with `#` before a comment. Behind either may
 * stand `protocolHint=h2`, which Linkerd does not have.
 *
 * Errors: `WEFT_NAMER_FS_SYNTAX` with line and column, for the first line that is malformed.
 */
export function readAddressFile(text: string, file: string): readonly Address[] {
  const addresses: Address[] = [];
  const lines = text.split("\n");
  for (const [i, line] of lines.entries()) {
    const comment = line.indexOf("#");
    const words = [...(comment < 0 ? line : line.slice(0, comment)).matchAll(word)];
    if (words.length > 0) addresses.push(readLine(words, file, i + 1));
  }
  return addresses;
}

function readLine(words: readonly RegExpExecArray[], file: string, line: number): Address {
  const hint = words.length > 2 && words.at(-1)?.[0] === hintText ? words.at(-1) : undefined;
  const [hostWord, portWord, star, weightWord, extra] = hint === undefined ? words : words.slice(0, -1);
  const metadata = hint === undefined ? undefined : hinted;
  const end = (words.at(-1)?.index ?? 0) + (words.at(-1)?.[0].length ?? 0);

  function wrong(at: RegExpExecArray | undefined, expected: string): AddressFileError {
    const found = at === undefined ? "the end of the line" : JSON.stringify(at[0].slice(0, 60));
    return new AddressFileError(file, line, (at?.index ?? end) + 1, `${expected} expected but ${found} found`);
  }

  const host = readHost(hostWord?.[0] ?? "");
  if (host === undefined) throw wrong(hostWord, "a host name or an IP address");
  const port = portWord !== undefined && /^[0-9]{1,5}$/.test(portWord[0]) ? Number(portWord[0]) : 0;
  if (port < 1 || port > 65_535) throw wrong(portWord, "a port from 1 to 65535");
  if (star === undefined) return address(host, port, 1, metadata);
  if (star[0] !== "*") throw wrong(star, "'*' and a weight, or nothing,");
  const weight = weightWord !== undefined && number.test(weightWord[0]) ? Number(weightWord[0]) : -1;
  if (weight < 0 || !Number.isFinite(weight)) throw wrong(weightWord ?? hint, "a weight of 0 or more");
  if (extra !== undefined) throw wrong(extra, "the end of the line");
  return address(host, port, weight, metadata);
}
