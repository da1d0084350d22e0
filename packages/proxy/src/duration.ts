const unitMs: Readonly<Record<string, number>> = {
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** Reads a duration as Twitter's flags write it, such as `10.seconds` or `1.minute`. Undefined for anything else. */
export function readDurationMs(text: string): number | undefined {
  const found = /^(\d{1,9})\.?(millisecond|second|minute|hour|day)s?$/.exec(text);
  if (found === null) return undefined;
  const ms = Number(found[1]) * (unitMs[found[2] as string] ?? Number.NaN);
  return Number.isSafeInteger(ms) ? ms : undefined;
}
