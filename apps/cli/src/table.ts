import stringWidth from "string-width";
import { colours } from "./colours.ts";
import { printable } from "./printable.ts";

/** Rows under a head, each column as wide as its widest cell; the last one is not filled up. */
export function table(head: readonly string[], texts: readonly (readonly string[])[], indent = 0): string {
  const rows = texts.map((row) => row.map(printable));
  const widths = head.map((name, i) => Math.max(stringWidth(name), ...rows.map((row) => stringWidth(row[i] ?? ""))));
  const line = (cells: readonly string[], style: (text: string) => string = (text) => text): string => {
    const shown = cells.map((cell, i) => {
      const fill = i === cells.length - 1 ? "" : " ".repeat(Math.max(0, (widths[i] ?? 0) - stringWidth(cell)));
      return style(cell) + fill;
    });
    return `${" ".repeat(indent)}${shown.join("  ")}`.trimEnd();
  };
  return `${[line(head, (text) => colours.dim(text)), ...rows.map((row) => line(row))].join("\n")}\n`;
}
