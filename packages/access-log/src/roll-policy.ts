// biome-ignore-all lint/style/noRestrictedGlobals: a Date here spells a time that the clock gave, and reads none
/** When a log begins a new file. */
export type RollPolicy =
  | { readonly kind: "never" | "hourly" | "daily" | "sighup" }
  /** `day` as in Java: 1 is Sunday, 7 Saturday. */
  | { readonly kind: "weekly"; readonly day: number }
  | { readonly kind: "size"; readonly bytes: number };

const units: ReadonlyMap<string, number> = new Map(
  ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"].flatMap((name, i) => [
    [name, 1024 ** i],
    [`${name}s`, 1024 ** i],
  ]),
);

/** Reads what Linkerd reads, in any case: `never`, `hourly`, `daily`, `sighup`, `weekly(1)` and `10.megabytes`. Errors: RangeError. */
export function readRollPolicy(text: string): RollPolicy {
  const lower = text.toLowerCase();
  if (lower === "never" || lower === "hourly" || lower === "daily" || lower === "sighup") return { kind: lower };
  const weekly = /^weekly\(([1-7])\)$/.exec(lower);
  if (weekly !== null) return { kind: "weekly", day: Number(weekly[1]) };
  const size = /^(\d+)\.([a-z]+)$/.exec(lower);
  const unit = units.get(size?.[2] ?? "");
  const bytes = Number(size?.[1]) * (unit ?? Number.NaN);
  if (Number.isSafeInteger(bytes) && bytes > 0) return { kind: "size", bytes };
  throw new RangeError("not never, hourly, daily, sighup, weekly(1) to weekly(7), or a size such as 10.megabytes");
}

/** When a file that was begun at `openedMs` is over; Infinity for policies that do not go by time. Both since the epoch. */
export function nextRollMs(policy: RollPolicy, openedMs: number): number {
  const date = new Date(openedMs);
  if (policy.kind === "hourly") return nextHour(date);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  if (policy.kind === "daily") return new Date(year, month, day + 1).getTime();
  if (policy.kind !== "weekly") return Number.POSITIVE_INFINITY;
  const days = (policy.day - 1 - date.getDay() + 7) % 7;
  return new Date(year, month, day + (days === 0 ? 7 : days)).getTime();
}

/** The wall's next full hour. Where clocks are put back, an hour that comes twice has two files. */
function nextHour(date: Date): number {
  const intoMs = date.getMinutes() * 60_000 + date.getSeconds() * 1000 + date.getMilliseconds();
  return date.getTime() - intoMs + 3_600_000;
}

/** What a file that was begun at `openedMs` is called from its end on: as Twitter's `FileHandler` calls it. */
export function rolledName(path: string, policy: RollPolicy, openedMs: number): string {
  const { stem, suffix } = splitName(path);
  return `${stem}-${stamp(policy, new Date(openedMs))}${suffix}`;
}

/** A path before and from the last dot of its file name. */
export function splitName(path: string): { readonly stem: string; readonly suffix: string } {
  const dot = path.lastIndexOf(".");
  // Neither a dot in a folder's name nor the one before a hidden file's begins a suffix.
  if (dot <= path.lastIndexOf("/") + 1) return { stem: path, suffix: "" };
  return { stem: path.slice(0, dot), suffix: path.slice(dot) };
}

function stamp(policy: RollPolicy, date: Date): string {
  const year = String(date.getFullYear()).padStart(4, "0");
  if (policy.kind === "never" || policy.kind === "sighup") return year;
  const day = `${year}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  if (policy.kind === "hourly") return `${day}-${two(date.getHours())}`;
  if (policy.kind !== "size") return day;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
