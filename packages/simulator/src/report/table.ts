/** A cell: numbers stand right, text left. */
export type Cell = string | number;

export interface TableOptions {
  readonly heading?: (text: string) => string;
  readonly indent?: number;
}

/** Rows in columns as wide as they must be, with two spaces between. */
export function table(
  titles: readonly string[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions = {},
): string {
  const { heading = (text: string) => text, indent = 0 } = options;
  const texts = rows.map((row) => titles.map((_, i) => showCell(row[i] ?? "")));
  const widths = titles.map((title, i) =>
    texts.reduce((max, row) => Math.max(max, lengthOf(row[i] ?? "")), title.length),
  );
  const right = titles.map((_, i) => rows.length > 0 && rows.every((row) => isNumeric(row[i] ?? "")));
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, i) => {
      const space = " ".repeat(Math.max((widths[i] as number) - lengthOf(cell), 0));
      return right[i] === true ? space + cell : cell + space;
    });
    return (" ".repeat(indent) + padded.join("  ")).trimEnd();
  };
  return `${[heading(line(titles)), ...texts.map(line)].join("\n")}\n`;
}

/** A number with as many digits as are of use: four at least, and all of a whole one. */
export function showNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) || Math.abs(value) >= 10_000) return groupDigits(Math.round(value));
  const shown = Number(value.toPrecision(4));
  return Math.abs(shown) >= 1e-4 || shown === 0 ? String(shown) : shown.toExponential(1);
}

function groupDigits(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

function showCell(cell: Cell): string {
  return typeof cell === "number" ? showNumber(cell) : cell;
}

function isNumeric(cell: Cell): boolean {
  return typeof cell === "number" || cell === "" || /^[<>]?=? ?-?[\d.,]+(e[+-]\d+)?( ?(%|ms|s))?$/.test(cell);
}

function lengthOf(text: string): number {
  return [...text].length;
}
