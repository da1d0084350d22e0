const msPerUnit: ReadonlyMap<string, number> = new Map([
  ["nanosecond", 1e-6],
  ["ns", 1e-6],
  ["microsecond", 1e-3],
  ["us", 1e-3],
  ["millisecond", 1],
  ["ms", 1],
  ["second", 1_000],
  ["s", 1_000],
  ["minute", 60_000],
  ["m", 60_000],
  ["hour", 3_600_000],
  ["h", 3_600_000],
  ["day", 86_400_000],
  ["d", 86_400_000],
]);

/**
 * Reads a duration as Twitter's libraries write it: `10.seconds`, `1.minute+30.seconds`, `500.ms`; in ms.
 *
 * Shape: undefined for what is none, and for one that is longer than a year.
 */
export function readTwitterDuration(text: string): number | undefined {
  let ms = 0;
  for (const part of text.trim().split("+")) {
    const found = /^\s*(\d{1,15})\s*\.?\s*([a-z]{1,12})\s*$/i.exec(part);
    const unit = found?.[2]?.toLowerCase();
    const each = unit === undefined ? undefined : (msPerUnit.get(unit) ?? msPerUnit.get(unit.replace(/s$/, "")));
    if (found === null || each === undefined) return undefined;
    ms += Number(found[1]) * each;
  }
  return ms <= 366 * 86_400_000 ? ms : undefined;
}
