const units: readonly (readonly [string, number])[] = [
  ["days", 86_400_000],
  ["hours", 3_600_000],
  ["minutes", 60_000],
  ["seconds", 1000],
  ["milliseconds", 1],
];

/** A duration as Finagle prints it, from whole milliseconds: `10.seconds`, `1.minutes+500.milliseconds`. */
export function durationText(ms: number): string {
  const parts: string[] = [];
  let left = Math.round(ms);
  for (const [name, size] of units) {
    const count = Math.floor(left / size);
    if (count > 0) parts.push(`${count}.${name}`);
    left -= count * size;
  }
  return parts.length === 0 ? "0.seconds" : parts.join("+");
}
