/** One proxy in one scenario, over all rounds. */
export interface Row {
  readonly name: string;
  /** CPU us per request of each round. */
  readonly cpuUs: readonly number[];
  readonly requestsPerSecond: readonly number[];
  readonly errors: number;
  readonly rssIdleMb: number;
  readonly rssLoadMb: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Median over rounds of the ratio within the round: rounds drift together, so their ratios do not. */
export function ratio(row: Row, base: Row): number {
  return median(row.cpuUs.map((us, round) => us / (base.cpuUs[round] ?? Number.NaN)));
}

const columnsFor = (base: Row): string[] => [
  "proxy",
  "CPU us",
  "best",
  `x ${base.name}`,
  "req/s",
  "p50 us",
  "p99 us",
  "RSS idle",
  "RSS load",
  "errors",
];

/** A table in Markdown. */
export function table(rows: readonly Row[], base: Row): string {
  const lines = rows.map((row) => [
    row.name,
    median(row.cpuUs).toFixed(1),
    Math.min(...row.cpuUs).toFixed(1),
    ratio(row, base).toFixed(2),
    median(row.requestsPerSecond).toFixed(0),
    row.p50Us.toFixed(0),
    row.p99Us.toFixed(0),
    `${row.rssIdleMb.toFixed(1)} MB`,
    `${row.rssLoadMb.toFixed(1)} MB`,
    String(row.errors),
  ]);
  const columns = columnsFor(base);
  const widths = columns.map((name, i) => Math.max(name.length, ...lines.map((line) => line[i]?.length ?? 0)));
  const show = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [show(columns), show(widths.map((width) => "-".repeat(width))), ...lines.map(show)].join("\n");
}

/** A bar for each proxy: its CPU per request as a multiple of the base's. */
export function chart(title: string, rows: readonly Row[], base: Row): string {
  const bars = rows.map((row) => ({ name: row.name, value: ratio(row, base) }));
  const most = Math.max(...bars.map((bar) => bar.value), 1);
  const height = bars.length * 28 + 50;
  const shapes = bars.map((bar, i) => {
    const y = 40 + i * 28;
    const width = Math.max(1, (bar.value / most) * 440);
    const colour = bar.name === "weftmesh" ? "#0f766e" : "#94a3b8";
    return `<text x="130" y="${y + 14}" text-anchor="end">${bar.name}</text><rect x="140" y="${y}" width="${width.toFixed(1)}" height="18" fill="${colour}"/><text x="${(146 + width).toFixed(1)}" y="${y + 14}">${bar.value.toFixed(2)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="680" height="${height}" font-family="sans-serif" font-size="13"><rect width="680" height="${height}" fill="#fff"/><text x="10" y="22" font-size="15">${title}</text>${shapes.join("")}</svg>\n`;
}
