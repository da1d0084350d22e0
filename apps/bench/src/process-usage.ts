import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks per second of `/proc/PID/stat`: fixed at 100 for user programs on Linux. */
const ticksPerSecond = 100;

export interface Usage {
  /** CPU seconds, user and system, of the process and its children that live. */
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

function statOf(pid: number): { parent: number; cpuTicks: number; rssPages: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The name in parentheses may hold anything; fields are counted behind it.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    parent: Number(fields[1]),
    cpuTicks: Number(fields[11]) + Number(fields[12]),
    rssPages: Number(fields[21]),
  };
}

/** Time on a processor of all threads that live, in ns; undefined where the kernel does not count it. */
function scheduledNs(pid: number): number | undefined {
  try {
    let ns = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]);
    }
    return ns;
  } catch {
    return undefined;
  }
}

/** What a process and its children have used so far. */
export function usageOf(root: number): Usage {
  const stats = new Map<number, NonNullable<ReturnType<typeof statOf>>>();
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    const stat = Number.isInteger(pid) && pid > 0 ? statOf(pid) : undefined;
    if (stat !== undefined) stats.set(pid, stat);
  }
  let cpuSeconds = 0;
  let pages = 0;
  for (const [pid, stat] of stats) {
    if (!isBelow(pid, root, stats)) continue;
    const ns = scheduledNs(pid);
    cpuSeconds += ns === undefined ? stat.cpuTicks / ticksPerSecond : ns / 1e9;
    pages += stat.rssPages;
  }
  return { cpuSeconds, rssBytes: pages * 4096 };
}

/** CPU seconds of each child of a process so far, by its id. */
export function childCpuSeconds(parent: number): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    const stat = Number.isInteger(pid) && pid > 0 ? statOf(pid) : undefined;
    if (stat?.parent === parent) found.set(pid, stat.cpuTicks / ticksPerSecond);
  }
  return found;
}

function isBelow(pid: number, root: number, stats: ReadonlyMap<number, { parent: number }>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 0; at = stats.get(at)?.parent) {
    if (at === root) return true;
  }
  return false;
}
