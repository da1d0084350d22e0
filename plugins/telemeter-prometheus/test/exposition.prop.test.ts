import { MetricsRegistry } from "@weftmesh/telemetry";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prometheusText } from "../src/exposition.ts";
import { parseExposition } from "./exposition-parser.ts";

const word = fc.oneof(
  fc.constantFrom("rt", "service", "client", "server", "failures", "exn", "exceptions", "", "__proto__", "5xx"),
  fc.constantFrom('"', "\\", "a\nb", '\\"', "n", "{", ","),
  fc.string({ unit: "binary", maxLength: 8 }),
);
const name = fc.oneof(
  fc.array(word, { minLength: 1, maxLength: 6 }),
  fc.array(word, { maxLength: 4 }).map((rest) => ["rt", "r", ...rest]),
);

describe("prometheusText", () => {
  it("is valid line by line whatever scopes are called, one line for each counter, and none is lost", () => {
    fc.assert(
      fc.property(fc.uniqueArray(name, { selector: (each) => JSON.stringify(each), maxLength: 15 }), (names) => {
        const metrics = new MetricsRegistry();
        for (const each of names) metrics.counter(...each).inc(3);
        // A metric whose whole name is empty has no line: there is nothing to call it.
        const shown = names.filter((each) => each.length > 1 || each[0] !== "");
        const samples = parseExposition(prometheusText(metrics));
        expect(samples).toHaveLength(shown.length);
        for (const { value } of samples) expect(value).toBe(3);
      }),
    );
  });

  it("is valid for gauges and stats of any number", () => {
    const number = fc.oneof(
      fc.double(),
      fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e21, 5e-324),
    );
    const numbers = fc.array(number, { maxLength: 10 });
    fc.assert(
      fc.property(number, numbers, (gauge, values) => {
        const metrics = new MetricsRegistry();
        metrics.gauge(() => gauge, "g");
        const stat = metrics.stat("s");
        for (const value of values) stat.add(value);
        metrics.snapshot();
        const samples = parseExposition(prometheusText(metrics));
        expect(samples[0]).toEqual({ name: "g", labels: [], value: gauge === 0 ? expect.closeTo(0) : gauge });
      }),
    );
  });
});
