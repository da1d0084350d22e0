const bars = "▁▂▃▄▅▆▇█";

/** Values from 0 to 1 as a line of bars, `width` of them at most; a bar stands for the least of what it covers. */
export function sparkline(values: readonly number[], width: number): string {
  const count = Math.min(width, values.length);
  let line = "";
  for (let i = 0; i < count; i++) {
    const from = Math.floor((i * values.length) / count);
    const to = Math.floor(((i + 1) * values.length) / count);
    let least = Number.POSITIVE_INFINITY;
    for (let at = from; at < to; at++) {
      const value = values[at] as number;
      if (value < least) least = value;
    }
    if (!Number.isFinite(least)) line += " ";
    else line += bars[Math.min(Math.floor(Math.min(Math.max(least, 0), 1) * bars.length), bars.length - 1)];
  }
  return line;
}
