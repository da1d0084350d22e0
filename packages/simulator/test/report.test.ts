import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  backends,
  constantArrivals,
  constantLatency,
  during,
  erring,
  jsonReport,
  newPaint,
  type Report,
  runScenario,
  type Scenario,
  svgReport,
  type TrafficExperiment,
  textReport,
} from "../src/index.ts";
import { linearAxis, logAxis, showTick } from "../src/report/axis.ts";
import { sparkline } from "../src/report/sparkline.ts";
import { element, escapeXml } from "../src/report/svg.ts";
import { svgPanel } from "../src/report/svg-panel.ts";
import { showNumber, table } from "../src/report/table.ts";
import { overBalancer } from "./stacks.ts";

function experiment(name: string): TrafficExperiment {
  return {
    kind: "traffic",
    name,
    durationMs: 4000,
    successWithinMs: 100,
    tiers: [
      { name: "web", backends: backends(2, { latency: constantLatency(10), faults: [during(1000, 2000, erring())] }) },
    ],
    load: { to: "web", arrivals: constantArrivals(50), through: overBalancer(), keepsTimes: true },
    marks: [{ fromMs: 1000, toMs: 2000, label: "fails & < more >" }],
  };
}

const scenario: Scenario = {
  name: "example",
  summary: 'one & "two"',
  about: "A sentence that is told to whoever reads the results.",
  experiments: [
    experiment("first"),
    experiment("second <b>"),
    {
      kind: "measured",
      name: "counted",
      measure: ({ rng }) => ({
        figures: { things: 12_345, chance: rng.next() },
        machine: { "time, ms": Math.random() },
      }),
    },
  ],
  columns: [{ title: "per server", of: (run) => run.requests / 2 }],
  claims: (results) => [
    {
      what: "it answers",
      found: `${results.run("first").success}`,
      expected: "0.75",
      holds: results.run("first").success === 0.75,
    },
    { what: "it flies", found: "no", expected: "yes", holds: false },
  ],
};

const plain = newPaint({ isTerminal: false, env: {} });
const report = (seed = 1): Promise<Report> => runScenario(scenario, { seed });

describe("a report", () => {
  it("as text tells the figures of each experiment, why requests failed, and which claims hold", async () => {
    const text = textReport(await report(), plain);
    const [title, about, , head, first, second] = text.split("\n");
    expect(title).toBe('example: one & "two" (seed 1)');
    expect(about).toBe("A sentence that is told to whoever reads the results.");
    expect(head).toMatch(
      /^experiment +requests +within 100 ms +p50 +p95 +p99 +p99\.9 +max ms +retries +per server +success over time, 0 to 100 %$/,
    );
    expect(first).toMatch(/^first +200 +75\.000 % +10\.0 +10\.0 +10\.0 +10\.0 +10\.0 +0 +100 +█▁██$/);
    expect(second).toMatch(/^second <b> +200/);
    expect(text).toMatch(/failed by +503 +in flight\nfirst +50 +0\n/);
    expect(text).toMatch(/counted +things +12,345\n/);
    expect(text).toMatch(/counted +time, ms \(this machine\)/);
    expect(text).toMatch(/holds +it answers +0\.75 +0\.75\nFAILS +it flies +no +yes\n$/);
  });

  it("has colours where there are some to be had, and the same words", async () => {
    const done = await report();
    const coloured = textReport(done, newPaint({ isTerminal: true, env: {} }));
    expect(coloured).toContain("\u001b[32mholds\u001b[39m");
    expect(coloured).toContain("\u001b[31mFAILS\u001b[39m");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
    expect(coloured.replace(/\u001b\[\d+m/g, "").replace(/ +$/gm, "")).toContain("it answers");
  });

  it("as JSON is the same to the last byte for the same seed, and holds nothing of this machine or of no number", async () => {
    const [once, again, other] = await Promise.all([report(), report(), report(2)]);
    expect(jsonReport(again)).toBe(jsonReport(once));
    expect(jsonReport(other)).not.toBe(jsonReport(once));
    const read = JSON.parse(jsonReport(once)) as { holds: boolean; seed: number; results: Record<string, unknown>[] };
    expect(read).toMatchObject({ scenario: "example", seed: 1, holds: false });
    expect(read.results.map(({ name }) => name)).toEqual(["first", "second <b>", "counted"]);
    expect(read.results[2]).not.toHaveProperty("machine");
    expect(read.results[0]).not.toHaveProperty("times");
    expect(once.results.run("first").times?.requestsMs).toHaveLength(200);
    expect(jsonReport(once)).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("finds its experiments by name, and says so when there is none", async () => {
    const { results } = await report();
    expect(results.measured("counted").figures["things"]).toBe(12_345);
    expect(() => results.run("third")).toThrow("there is no experiment with traffic named third");
    expect(() => results.measured("first")).toThrow("there is no measured experiment named first");
  });
});

describe("the SVG", () => {
  it("is well formed, says what its axes are, follows light and dark, and needs nothing from elsewhere", async () => {
    const svg = svgReport(await report());
    expect(unbalanced(svg)).toEqual([]);
    for (const part of [
      "time, s",
      "of all requests",
      "Latency, 99th percentile",
      "Calls per server of web",
      "prefers-color-scheme: dark",
    ]) {
      expect(svg).toContain(part);
    }
    expect(svg).toContain("second &lt;b&gt;");
    expect(svg).toContain("one &amp; &quot;two&quot;");
    expect(svg).toContain("does not hold: it flies: no (yes)");
    expect(svg).not.toMatch(/<script|href=|url\(|NaN|Infinity|undefined/);
    expect(svgReport(await report())).toBe(svg);
  });

  it("draws what was measured: every point within the plot, in the order of time, with gaps for what is no number", () => {
    const values = fc.array(fc.oneof(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.constant(Number.NaN)), {
      minLength: 1,
      maxLength: 40,
    });
    const unit = fc.constantFrom("percent", "ms", "count");
    fc.assert(
      fc.property(values, unit, fc.boolean(), (each, of, log) => {
        const scaled = of === "percent" ? each.map((value) => value / 1e6) : each;
        const { svg, height } = svgPanel({
          kind: "lines",
          title: "t",
          yLabel: "y",
          unit: of,
          bucketMs: 1000,
          log,
          series: [{ name: "s", values: scaled }],
        });
        expect(svg).not.toMatch(/NaN|Infinity/);
        expect(unbalanced(`<g>${svg}</g>`)).toEqual([]);
        const path = /<path d="([^"]*)" class="line s0"><title>/.exec(svg)?.[1] ?? "";
        const points = [...path.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map(
          ([, x, y]) => [Number(x), Number(y)] as const,
        );
        expect(points).toHaveLength(scaled.filter((value) => !Number.isNaN(value)).length);
        for (const [i, [x, y]] of points.entries()) {
          expect(x).toBeGreaterThan(points[i - 1]?.[0] ?? 76);
          expect(x).toBeLessThanOrEqual(936);
          expect(y).toBeGreaterThanOrEqual(63.9);
          expect(y).toBeLessThanOrEqual(height);
        }
      }),
    );
  });

  it("escapes whatever a name may hold", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const safe = escapeXml(text);
        expect(safe.replace(/&(amp|lt|gt|quot);/g, "")).not.toMatch(/[<>&"]/);
        expect(unbalanced(element("text", { "aria-label": text }, safe))).toEqual([]);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no place for them
        expect(safe).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
      }),
    );
    expect(escapeXml('a<b>&"c"')).toBe("a&lt;b&gt;&amp;&quot;c&quot;");
  });
});

describe("axes", () => {
  it("have round ticks in order, from at most the least to at least the most, and few of them", () => {
    const value = fc.double({ min: 1e-6, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(value, value, fc.boolean(), (a, b, log) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        const axis = log ? logAxis(low, high) : linearAxis(low, high);
        const { ticks } = axis;
        expect(ticks[0]).toBeLessThanOrEqual(low * (1 + 1e-9));
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(high * (1 - 1e-6));
        expect(ticks).toEqual([...new Set(ticks)].sort((x, y) => x - y));
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(log ? 50 : 12);
        expect(axis.at(ticks[0] as number)).toBeCloseTo(0, 9);
        expect(axis.at(ticks.at(-1) as number)).toBeCloseTo(1, 9);
        expect(axis.at(high)).toBeGreaterThanOrEqual(axis.at(low));
      }),
    );
  });

  it("show their numbers short", () => {
    expect([0.995, 1].map((value) => showTick(value, "percent"))).toEqual(["99.5 %", "100 %"]);
    expect([0, 2.5, 5000, 20_000, 3_000_000].map((value) => showTick(value, "count"))).toEqual([
      "0",
      "2.5",
      "5000",
      "20 k",
      "3 M",
    ]);
    expect(linearAxis(0, 95).ticks).toEqual([0, 20, 40, 60, 80, 100]);
    expect(logAxis(12, 1900).ticks).toEqual([10, 20, 50, 100, 200, 500, 1000, 2000]);
  });
});

describe("tables and bars", () => {
  it("put numbers right and text left", () => {
    expect(
      table(
        ["name", "n", "share"],
        [
          ["a", 5, "1 %"],
          ["bcdef", 12_345, "100.5 %"],
        ],
      ),
    ).toBe("name        n    share\na           5      1 %\nbcdef  12,345  100.5 %\n");
    expect(table(["a"], [])).toBe("a\n");
    expect([0, 7, 1234.5678, 123_456.7, 0.00001234, Number.NaN].map(showNumber)).toEqual([
      "0",
      "7",
      "1235",
      "123,457",
      "1.2e-5",
      "NaN",
    ]);
  });

  it("show the least of what a bar covers", () => {
    expect(sparkline([0, 0.5, 1], 10)).toBe("▁▅█");
    expect(sparkline([1, 1, 0.2, 1, 1, 1], 3)).toBe("█▂█");
    expect(sparkline([Number.NaN, 1], 2)).toBe(" █");
  });
});

describe("colours", () => {
  it.each([
    [{ isTerminal: true, env: {} }, true],
    [{ isTerminal: false, env: {} }, false],
    [{ isTerminal: true, env: { NO_COLOR: "1" } }, false],
    [{ isTerminal: false, env: { FORCE_COLOR: "1" } }, true],
    [{ isTerminal: true, env: { FORCE_COLOR: "0" } }, false],
    [{ isTerminal: true, env: { TERM: "dumb" } }, false],
    [{ isTerminal: true, env: { NO_COLOR: "1", FORCE_COLOR: "1" } }, false],
  ])("for %j: %s", (surroundings, coloured) => {
    expect(newPaint(surroundings).bold("x") !== "x").toBe(coloured);
  });
});

/** Elements that do not end where they should: a reading of XML that knows just what is written here. */
function unbalanced(xml: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  const body = xml.replace(/<style>[^<]*<\/style>/, "");
  for (const [, end, name, rest] of body.matchAll(/<(\/?)([a-zA-Z]+)((?:\s+[\w-]+="[^"<]*")*\s*\/?)>/g)) {
    if (end === "/") {
      if (open.pop() !== name) wrong.push(`</${name}>`);
    } else if (rest?.endsWith("/") !== true) open.push(name as string);
  }
  const leftover = body.replace(/<(\/?)([a-zA-Z]+)((?:\s+[\w-]+="[^"<]*")*\s*\/?)>/g, "");
  if (/[<>]/.test(leftover)) wrong.push(leftover);
  return [...wrong, ...open];
}
