import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MetricsRegistry } from "../src/metrics-registry.ts";

const element = fc.constantFrom("a", "b", "a/b", "", "__proto__", "é");
const name = fc.array(element, { minLength: 1, maxLength: 4 });

type Step =
  | { readonly op: "inc"; readonly name: readonly string[]; readonly by: number }
  | { readonly op: "prune"; readonly name: readonly string[] }
  | { readonly op: "look" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant("inc" as const), name, by: fc.integer({ min: -2, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("prune" as const), name }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("look" as const) }) },
);

function isBelow(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((each, i) => path[i] === each);
}

describe("MetricsRegistry", () => {
  it("agrees with a plain map from names to sums, whatever is counted and pruned", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const metrics = new MetricsRegistry();
        const model = new Map<string, { readonly name: readonly string[]; value: number }>();
        const look = (): void => {
          const seen = new Map<string, number>();
          const order: string[][] = [];
          metrics.forEach((path, metric) => {
            if (metric.kind === "counter") seen.set(JSON.stringify(path), metric.value);
            order.push([...path]);
          });
          expect(seen).toEqual(new Map([...model].map(([key, { value }]) => [key, value])));
          expect(order).toEqual([...order].sort(compareNames));
        };
        for (const each of steps) {
          if (each.op === "look") look();
          else if (each.op === "inc") {
            metrics.counter(...each.name).inc(each.by);
            const key = JSON.stringify(each.name);
            const known = model.get(key) ?? { name: each.name, value: 0 };
            known.value += Math.max(each.by, 0);
            model.set(key, known);
          } else {
            metrics.scope(...each.name).prune();
            for (const [key, known] of model) if (isBelow(known.name, each.name)) model.delete(key);
          }
        }
        look();
      }),
    );
  });
});

function compareNames(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i] as string, b[i] as string];
    if (x !== y) return x < y ? -1 : 1;
  }
  return a.length - b.length;
}
