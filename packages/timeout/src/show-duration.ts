const units = [
  ["days", 86_400_000],
  ["hours", 3_600_000],
  ["minutes", 60_000],
  ["seconds", 1000],
  ["milliseconds", 1],
] as const;

/** A span as Finagle writes it, such as `1.seconds+500.milliseconds`; part of a ms counts as one. */
export function showDuration(ms: number): string {
  if (!Number.isFinite(ms)) return ms > 0 ? "Duration.Top" : ms < 0 ? "Duration.Bottom" : "Duration.Undefined";
  let left = Math.ceil(Math.abs(ms));
  const parts: string[] = [];
  for (const [unit, unitMs] of units) {
    const count = Math.floor(left / unitMs);
    if (count === 0) continue;
    left -= count * unitMs;
    parts.push(`${count}.${unit}`);
  }
  if (parts.length === 0) return "0.milliseconds";
  return ms < 0 ? `-${parts.join("-")}` : parts.join("+");
}
