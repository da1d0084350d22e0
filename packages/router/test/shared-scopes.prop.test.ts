import { MetricsRegistry } from "@weftmesh/telemetry";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SharedScopes } from "../src/shared-scopes.ts";

const step = fc.record({ name: fc.constantFrom("svc/a", "svc/b", "svc/c"), take: fc.boolean() });

describe("the scopes of stacks that come and go", () => {
  it("C26: are in the tree exactly while a stack of their name is, with all that was counted since the first", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const metrics = new MetricsRegistry();
        const scopes = new SharedScopes(metrics.scope("rt", "http"), "service");
        const users = new Map<string, number>();
        const counted = new Map<string, number>();
        for (const { name, take } of steps) {
          const before = users.get(name) ?? 0;
          if (take) {
            scopes.take(name).counter("requests").inc();
            users.set(name, before + 1);
            counted.set(name, (before === 0 ? 0 : (counted.get(name) ?? 0)) + 1);
          } else if (before > 0) {
            scopes.release(name);
            users.set(name, before - 1);
          }
        }
        const found = new Map<string, number>();
        metrics.forEach((name, metric) => {
          if (metric.kind === "counter") found.set(name.slice(3, -1).join("/"), metric.value);
        });
        const expected = [...counted].filter(([name]) => (users.get(name) ?? 0) > 0);
        expect([...found].sort()).toEqual(expected.sort());
        expect(scopes.size).toBe(expected.length);
      }),
    );
  });
});
