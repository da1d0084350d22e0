import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { metricsJson } from "../src/metrics-json.ts";
import { MetricsRegistry } from "../src/metrics-registry.ts";

const name = fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 4 });

describe("metricsJson", () => {
  it("is JSON that says of every counter what it counted, whatever the names are", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.nat()), { maxLength: 20 }), (counts) => {
        const metrics = new MetricsRegistry();
        const sums = new Map<string, number>();
        for (const [each, count] of counts) {
          metrics.counter(...each).inc(count);
          const key = JSON.stringify(each);
          sums.set(key, (sums.get(key) ?? 0) + count);
        }
        const nested = JSON.parse(metricsJson(metrics, new URLSearchParams("tree=1")).body);
        JSON.parse(metricsJson(metrics, new URLSearchParams()).body);
        JSON.parse(metricsJson(metrics, new URLSearchParams("pretty=1")).body);
        for (const [key, sum] of sums) {
          let at = nested;
          for (const element of JSON.parse(key)) at = Object.getOwnPropertyDescriptor(at, element)?.value;
          // A child may be called "counter" as well, and JSON.parse keeps the last of two.
          if (typeof at.counter === "number") expect(at.counter).toBe(sum);
        }
      }),
    );
  });
});
