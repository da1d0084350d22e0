import type { BarChart, Chart, LineChart } from "../chart.ts";
import { type Axis, linearAxis, logAxis, showTick } from "./axis.ts";
import { element, escapeXml, number, textElement } from "./svg.ts";

export const panelWidth = 960;
/** Colours and dashes there are; further lines begin again. */
export const lineStyles = 8;
const plot = { left: 76, right: 24, top: 64, height: 210 };
const bottom = 52;
const plotWidth = panelWidth - plot.left - plot.right;
const charWidth = 6.6;

/** One chart as a group of its own, and how high it is. */
export function svgPanel(chart: Chart): { readonly height: number; readonly svg: string } {
  const legend = legendRows(chart.series.map(({ name }) => name));
  const top = plot.top + (legend.rows - 1) * 20;
  const inner = chart.kind === "lines" ? linePlot(chart, top) : barPlot(chart, top);
  const title = textElement({ x: plot.left, y: 22 }, chart.title, { class: "title" });
  return { height: top + plot.height + bottom, svg: title + legend.svg + inner };
}

function legendRows(names: readonly string[]): { readonly rows: number; readonly svg: string } {
  let x = plot.left;
  let row = 0;
  let svg = "";
  names.forEach((name, i) => {
    const width = 34 + name.length * charWidth + 18;
    if (x > plot.left && x + width > panelWidth - plot.right) {
      x = plot.left;
      row++;
    }
    const y = 44 + row * 20;
    svg += element("path", { d: `M${number(x)} ${y - 4}h26`, class: `line s${i % lineStyles}` });
    svg += textElement({ x: x + 34, y }, name, { class: "label" });
    x += width;
  });
  return { rows: row + 1, svg };
}

function linePlot(chart: LineChart, top: number): string {
  const finite = chart.series.flatMap(({ values }) => values.filter(Number.isFinite));
  const most = chart.max ?? finite.reduce((max, value) => Math.max(max, value), 0);
  const spans = chart.series.reduce((max, { values }) => Math.max(max, values.length), 1);
  const least = finite.reduce((min, value) => Math.min(min, value), Number.POSITIVE_INFINITY);
  const isLog = chart.log === true && least > 1e-6 && most / least > 10;
  // Shares near 100 % would all be one line at the top.
  const from = chart.min ?? (chart.unit === "percent" && least > 0.5 ? Math.min(least, 0.99) : 0);
  const y = isLog ? logAxis(least, Math.max(most, least)) : linearAxis(from, Math.max(most, from));
  const seconds = (spans * chart.bucketMs) / 1000;
  const x = linearAxis(0, seconds, 10);
  const px = (s: number): number => plot.left + (s / seconds) * plotWidth;
  const py = (value: number): number => top + plot.height * (1 - y.at(value));
  let svg = "";
  for (const mark of chart.marks ?? []) {
    const start = px(Math.min(mark.fromMs / 1000, seconds));
    const end = px(Math.min(mark.toMs / 1000, seconds));
    svg += element("rect", { x: start, y: top, width: Math.max(end - start, 1), height: plot.height, class: "mark" });
    svg += textElement({ x: start + 5, y: top + plot.height - 6 }, mark.label, { class: "note" });
  }
  svg += frame(chart, y, top, "time, s");
  for (const tick of x.ticks) {
    if (tick > seconds + 1e-9) continue;
    svg += textElement({ x: px(tick), y: top + plot.height + 18 }, String(tick), {
      class: "tick",
      "text-anchor": "middle",
    });
  }
  chart.series.forEach(({ values, name }, i) => {
    const d = pathOf(values, (at) => px(((at + 0.5) * chart.bucketMs) / 1000), py);
    if (d !== "") svg += element("path", { d, class: `line s${i % lineStyles}` }, `<title>${escapeXml(name)}</title>`);
  });
  return svg;
}

function pathOf(values: readonly number[], px: (at: number) => number, py: (value: number) => number): string {
  let d = "";
  let drawing = false;
  values.forEach((value, i) => {
    if (!Number.isFinite(value)) {
      drawing = false;
      return;
    }
    // A point with no neighbour would not be seen without a line to itself.
    const alone = !drawing && !Number.isFinite(values[i + 1] ?? Number.NaN);
    d += `${drawing ? "L" : "M"}${number(px(i))} ${number(py(value))}${alone ? "h0.01" : ""}`;
    drawing = true;
  });
  return d;
}

function barPlot(chart: BarChart, top: number): string {
  const most = chart.series.reduce((max, { values }) => values.reduce((m, value) => Math.max(m, value), max), 0);
  const y = linearAxis(0, Math.max(most, Number.MIN_VALUE));
  let svg = frame(chart, y, top, chart.xLabel);
  const groupWidth = plotWidth / Math.max(chart.groups.length, 1);
  const barWidth = (groupWidth * 0.8) / Math.max(chart.series.length, 1);
  // Names that would run into each other are thinned out.
  const longest = chart.groups.reduce((max, name) => Math.max(max, name.length), 1);
  const every = Math.max(Math.ceil((longest * charWidth + 8) / groupWidth), 1);
  chart.groups.forEach((group, g) => {
    const left = plot.left + g * groupWidth + groupWidth * 0.1;
    chart.series.forEach(({ values, name }, i) => {
      const value = values[g] ?? 0;
      const height = plot.height * y.at(value);
      const title = `<title>${escapeXml(`${name}, ${group}: ${showTick(value, chart.unit)}`)}</title>`;
      const at = { x: left + i * barWidth, y: top + plot.height - height, width: Math.max(barWidth - 1, 0.5), height };
      svg += element("rect", { ...at, class: `bar b${i % lineStyles}` }, title);
    });
    if (g % every !== 0) return;
    const at = { x: left + groupWidth * 0.4, y: top + plot.height + 18 };
    svg += textElement(at, group, { class: "tick", "text-anchor": "middle" });
  });
  return svg;
}

/** Lines across, their numbers, and what both axes are. */
function frame(chart: Chart, y: Axis, top: number, xLabel: string): string {
  const floor = top + plot.height;
  let svg = "";
  for (const tick of y.ticks) {
    const at = floor - plot.height * y.at(tick);
    svg += element("path", { d: `M${plot.left} ${number(at)}h${plotWidth}`, class: "grid" });
    const label = showTick(tick, chart.unit);
    svg += textElement({ x: plot.left - 8, y: at + 4 }, label, { class: "tick", "text-anchor": "end" });
  }
  svg += element("path", { d: `M${plot.left} ${floor}h${plotWidth}`, class: "axis" });
  svg += textElement({ x: plot.left + plotWidth / 2, y: floor + 40 }, xLabel, {
    class: "label",
    "text-anchor": "middle",
  });
  const turned = `translate(16 ${number(top + plot.height / 2)}) rotate(-90)`;
  svg += textElement({ x: 0, y: 0 }, chart.yLabel, { class: "label", "text-anchor": "middle", transform: turned });
  return svg;
}
