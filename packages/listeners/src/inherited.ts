import { readFileSync, readlinkSync } from "node:fs";
import { endianness } from "node:os";
import { InheritedSocketError } from "./errors.ts";

/** A listening socket that the process was started with. */
export interface InheritedSocket {
  readonly fd: number;
  readonly host: string;
  readonly port: number;
}

/** Descriptors below are standard input, output and error. */
const firstFd = 3;
/** Whoever sets it names each socket: `3=127.0.0.1:4140,4=[::1]:9990`. */
const ownVariable = "WEFT_LISTEN_SOCKETS";

/**
 * The listening sockets in the environment: those of a process before this one (`WEFT_LISTEN_SOCKETS`), or those of
 * systemd (`LISTEN_FDS` and `LISTEN_PID`). The variables are taken out of `env`, since they are not meant for children.
 *
 * Errors: `WEFT_INHERITED_SOCKET` for what cannot be read, and for a descriptor that is no TCP socket.
 */
export function inheritedSockets(env: NodeJS.ProcessEnv, pid: number): readonly InheritedSocket[] {
  const own = env[ownVariable];
  const { LISTEN_FDS: count, LISTEN_PID: forPid } = env;
  for (const name of [ownVariable, "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]) delete env[name];
  if (own !== undefined) return own === "" ? [] : own.split(",").map(readOwn);
  if (count === undefined || forPid !== String(pid)) return [];
  const sockets = Number(count);
  if (!Number.isInteger(sockets) || sockets < 0 || sockets > 1024) {
    throw new InheritedSocketError(`LISTEN_FDS is no number of sockets: ${JSON.stringify(count)}`);
  }
  return Array.from({ length: sockets }, (_, i) => ({ fd: firstFd + i, ...localAddress(firstFd + i) }));
}

/** The value of the variable for a child that is given the descriptors, in this order, from 3 on. */
export function inheritanceOf(sockets: readonly { readonly host: string; readonly port: number }[]): {
  readonly [ownVariable]: string;
} {
  const each = ({ host, port }: { host: string; port: number }, i: number): string =>
    `${firstFd + i}=${host.includes(":") ? `[${host}]` : host}:${port}`;
  return { [ownVariable]: sockets.map(each).join(",") };
}

function readOwn(text: string): InheritedSocket {
  const match = /^(\d{1,4})=(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  if (match === null) throw new InheritedSocketError(`${ownVariable} has ${JSON.stringify(text)}, not fd=host:port`);
  return { fd: Number(match[1]), host: match[2] ?? (match[3] as string), port: Number(match[4]) };
}

/** Where a socket listens, as Linux tells it: Node has no call for a socket that it did not make. */
function localAddress(fd: number): { host: string; port: number } {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
    if (inode === undefined) throw new Error("it is no socket");
    for (const table of ["tcp", "tcp6"]) {
      const found = addressIn(readFileSync(`/proc/self/net/${table}`, "latin1"), inode);
      if (found !== undefined) return found;
    }
    throw new Error("it is no TCP socket");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InheritedSocketError(`descriptor ${fd} of LISTEN_FDS cannot be used: ${why}`, cause);
  }
}

/** The local address of the socket with that inode, in a table such as `/proc/net/tcp`. */
export function addressIn(table: string, inode: string): { host: string; port: number } | undefined {
  for (const line of table.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[9] !== inode) continue;
    const [address = "", port = ""] = (fields[1] ?? "").split(":");
    return { host: readAddress(address), port: Number.parseInt(port, 16) };
  }
  return undefined;
}

/** Words of 32 bits in hexadecimal, each as the machine stores it. */
function readAddress(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => {
    const one = [...Buffer.from(word, "hex")];
    return endianness() === "LE" ? one.reverse() : one;
  });
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return shortest(groups);
}

/** The longest run of zero groups becomes `::`, as RFC 5952 has it. */
function shortest(groups: readonly string[]): string {
  let [from, length] = [-1, 1];
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === "0") end++;
    if (end - i > length) [from, length] = [i, end - i];
  }
  if (from < 0) return groups.join(":");
  return `${groups.slice(0, from).join(":")}::${groups.slice(from + length).join(":")}`;
}
