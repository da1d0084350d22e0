/** Processors that this process may use, whole ones, at least one: `quota` is the text of `cpu.max` of its cgroup. */
export function usableProcessors(parallelism: number, quota: string | undefined): number {
  const found = quota === undefined ? null : /^(\d+) (\d+)\s*$/.exec(quota);
  const allowed = found === null ? Number.POSITIVE_INFINITY : Number(found[1]) / Number(found[2]);
  // A quota of one and a half is used by two better than by one.
  return Math.max(1, Math.min(Math.floor(parallelism), Number.isNaN(allowed) ? 1 : Math.ceil(allowed)));
}

/** More than any machine that we know has processors: a mistake is not to start as many processes as it says. */
const most = 1024;

/** How many workers `--workers` asks for: a number from 1, or `auto`. Undefined for anything else. */
export function readWorkerCount(text: string): number | "auto" | undefined {
  if (text === "auto") return "auto";
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= most ? count : undefined;
}
