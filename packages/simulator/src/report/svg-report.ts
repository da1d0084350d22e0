import type { Report } from "../run-scenario.ts";
import { element, number, textElement } from "./svg.ts";
import { panelWidth, svgPanel } from "./svg-panel.ts";

/** For a light ground and for a dark one; told apart also by those who see few colours, since the dashes differ too. */
const style = `
svg { --ground: #ffffff; --ink: #1f2328; --faint: #59636e; --line: #d8dee4; --mark: #fff1d6;
  --c0: #0969da; --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df; --c4: #bf3989; --c5: #0a7a83; --c6: #6e7781; --c7: #9a6700; }
@media (prefers-color-scheme: dark) { svg { --ground: #0d1117; --ink: #f0f6fc; --faint: #9198a1; --line: #2f353d;
  --mark: #3a2d12; --c0: #58a6ff; --c1: #ffa657; --c2: #56d364; --c3: #bc8cff; --c4: #ff7bc0; --c5: #39c5cf;
  --c6: #b1bac4; --c7: #e3b341; } }
text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--ink); }
.heading { font-size: 18px; font-weight: 600; } .title { font-size: 14px; font-weight: 600; }
.tick, .label, .note { fill: var(--faint); } .note { font-size: 11px; } .good { fill: var(--c2); } .bad { fill: var(--c1); }
.ground { fill: var(--ground); } .mark { fill: var(--mark); } .grid { stroke: var(--line); }
.axis { stroke: var(--faint); } .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.s0 { stroke: var(--c0); } .s1 { stroke: var(--c1); stroke-dasharray: 7 4; } .s2 { stroke: var(--c2); stroke-dasharray: 2 4; }
.s3 { stroke: var(--c3); stroke-dasharray: 10 4 2 4; } .s4 { stroke: var(--c4); } .s5 { stroke: var(--c5); stroke-dasharray: 7 4; }
.s6 { stroke: var(--c6); stroke-dasharray: 2 4; } .s7 { stroke: var(--c7); stroke-dasharray: 10 4 2 4; }
.b0 { fill: var(--c0); } .b1 { fill: var(--c1); } .b2 { fill: var(--c2); } .b3 { fill: var(--c3); }
.b4 { fill: var(--c4); } .b5 { fill: var(--c5); } .b6 { fill: var(--c6); } .b7 { fill: var(--c7); }
`;

const head = 64;
const claimHeight = 20;
const gap = 16;

/** The charts of a report, one below the other, with its claims: a whole SVG file, without scripts and fonts. */
export function svgReport(report: Report): string {
  const { scenario, seed, charts, claims } = report;
  let y = head;
  let body = textElement({ x: 24, y: 32 }, scenario.name, { class: "heading" });
  body += textElement({ x: 24, y: 52 }, `${scenario.summary}; seed ${seed}`, { class: "label" });
  for (const chart of charts) {
    const panel = svgPanel(chart);
    body += element("g", { transform: `translate(0 ${number(y)})` }, panel.svg);
    y += panel.height + gap;
  }
  for (const claim of claims) {
    y += claimHeight;
    const sign = claim.holds ? "holds:" : "does not hold:";
    const text = `${sign} ${claim.what}: ${claim.found} (${claim.expected})`;
    body += textElement({ x: 24, y }, text, { class: claim.holds ? "good" : "bad" });
  }
  const height = y + 28;
  const ground = element("rect", { width: panelWidth, height, class: "ground" });
  const size = { width: panelWidth, height, viewBox: `0 0 ${panelWidth} ${number(height)}` };
  const attributes = { xmlns: "http://www.w3.org/2000/svg", ...size, role: "img", "aria-label": scenario.summary };
  return `${element("svg", attributes, `<style>${style}</style>${ground}${body}`)}\n`;
}
