import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** TCP ports on which a process listens now, as the kernel has it. */
export function listeningPorts(pid: number): readonly number[] {
  const sockets = new Set<string>();
  try {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      const found = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${fd}`));
      if (found !== null) sockets.add(found[1] as string);
    }
  } catch {
    return [];
  }
  const ports: number[] = [];
  for (const table of ["tcp", "tcp6"]) {
    for (const line of readFileSync(`/proc/net/${table}`, "latin1").split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      const listening = fields[3] === "0A";
      if (listening && sockets.has(fields[9] ?? "")) ports.push(Number.parseInt(fields[1]?.split(":")[1] ?? "", 16));
    }
  }
  return ports;
}

/** Open file descriptors of a process. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** What the open descriptors of a process stand for, as `socket:[123]` or `anon_inode:inotify`. */
export function descriptors(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) => readLink(`/proc/${pid}/fd/${fd}`));
}
