import { MetricsRegistry, type MetricsTree, metricsJson } from "@weftmesh/telemetry";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MergedMetrics } from "../src/merged-metrics.ts";
import { MetricsReporter } from "../src/metrics-report.ts";

interface Event {
  readonly worker: number;
  readonly what: "count" | "add" | "window" | "report";
  readonly name: number;
  readonly value: number;
}

const arbEvent: fc.Arbitrary<Event> = fc.record({
  worker: fc.nat(3),
  what: fc.constantFrom("count", "count", "add", "add", "window", "report"),
  name: fc.nat(3),
  value: fc.nat(5000),
});

const names: readonly (readonly string[])[] = [["a"], ["a", "b"], ["rt", "http", "requests"], ["z/y"]];
const show = (tree: MetricsTree): unknown => JSON.parse(metricsJson(tree, new URLSearchParams()).body);

function act(registry: MetricsRegistry, { what, name, value }: Event): void {
  if (what === "count") registry.counter("counter", ...(names[name] as string[])).inc(value);
  if (what === "add") registry.stat("stat", ...(names[name] as string[])).add(value);
}

/** As they go from one process to another. */
const sent = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

describe("merged metrics", () => {
  it("say how long a certificate lasts by the one that lasts the shortest, however many have it", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1_000, max: 1_000_000 }), { minLength: 1, maxLength: 5 }), (lefts) => {
        const registries = lefts.map((left) => {
          const registry = new MetricsRegistry();
          registry.gauge(() => left, "tls", "certificate_expiry_seconds");
          return registry;
        });
        const [own, ...workers] = registries;
        const merged = new MergedMetrics(own as MetricsRegistry);
        for (const [i, each] of workers.entries()) merged.apply(i, sent(new MetricsReporter(each).report()));
        expect(show(merged)).toEqual({ "tls/certificate_expiry_seconds": Math.min(...lefts) });
      }),
    );
  });

  it("are those of one process that had counted all of it, whatever the order of the reports", () => {
    fc.assert(
      fc.property(
        fc.array(arbEvent, { maxLength: 60 }),
        fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
        (events, order) => {
          const one = new MetricsRegistry();
          const own = new MetricsRegistry();
          const workers = [0, 1, 2].map(() => new MetricsRegistry());
          const all = [own, ...workers];
          const reporters = workers.map((each) => new MetricsReporter(each));
          const merged = new MergedMetrics(own);
          const report = (i: number): void => {
            if (i > 0) merged.apply(i, sent((reporters[i - 1] as MetricsReporter).report()));
          };
          for (const event of events) {
            act(one, event);
            act(all[event.worker] as MetricsRegistry, event);
            if (event.what === "window") for (const each of [one, ...all]) each.snapshot();
            if (event.what === "report") report(event.worker);
          }
          for (const i of order) report(i);
          expect(show(merged)).toEqual(show(one));
        },
      ),
    );
  });

  it("keep what workers that ended had counted: no sum falls until its name is gone everywhere", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ value: fc.nat(100), ends: fc.boolean() }), { maxLength: 40 }), (steps) => {
        const merged = new MergedMetrics(new MetricsRegistry());
        let [id, sum] = [1, 0];
        let registry = new MetricsRegistry();
        let reporter = new MetricsReporter(registry);
        for (const { value, ends } of steps) {
          registry.counter("requests").inc(value);
          sum += value;
          merged.apply(id, reporter.report());
          if (ends) {
            merged.end(id++);
            registry = new MetricsRegistry();
            reporter = new MetricsReporter(registry);
          }
          let seen = 0;
          merged.forEach((_name, metric) => {
            seen = metric.kind === "counter" ? metric.value : Number.NaN;
          });
          expect(seen).toBe(sum);
        }
      }),
    );
  });

  it("add gauges up, and let go of those of a worker that ended", () => {
    const merged = new MergedMetrics(new MetricsRegistry());
    for (const id of [1, 2]) {
      const registry = new MetricsRegistry();
      registry.gauge(() => id * 10, "connections");
      registry.counter("requests").inc();
      merged.apply(id, sent(new MetricsReporter(registry).report()));
    }
    expect(show(merged)).toEqual({ connections: 30, requests: 2 });
    merged.end(2);
    expect(show(merged)).toEqual({ connections: 10, requests: 2 });
  });

  it("show the worst of a gauge whose sum says nothing, and no gauge of the supervisor's own idle stacks", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 5 }), (values) => {
        const own = new MetricsRegistry();
        for (const name of ["limit", "certificate_expiry_seconds"]) own.gauge(() => 1000, "rt", name);
        own.gauge(() => 5, "workers", "ready");
        const merged = new MergedMetrics(own, ["rt"]);
        for (const [i, value] of values.entries()) {
          const registry = new MetricsRegistry();
          for (const name of ["limit", "certificate_expiry_seconds", "memory_ratio"])
            registry.gauge(() => value, "rt", name);
          merged.apply(i, sent(new MetricsReporter(registry).report()));
        }
        expect(show(merged)).toEqual({
          "rt/limit": values.reduce((sum, each) => sum + each, 0),
          "rt/certificate_expiry_seconds": Math.min(...values),
          "rt/memory_ratio": Math.max(...values),
          "workers/ready": 5,
        });
      }),
    );
  });

  it("lose a name when the last worker that has it takes it out of its tree", () => {
    const merged = new MergedMetrics(new MetricsRegistry());
    const workers = [1, 2, 3].map((id) => {
      const registry = new MetricsRegistry();
      registry.scope("service", "web").counter("requests").inc(id);
      const reporter = new MetricsReporter(registry);
      merged.apply(id, reporter.report());
      return { id, registry, reporter };
    });
    merged.end(3);
    const [first, second] = workers as [(typeof workers)[0], (typeof workers)[0]];
    first.registry.scope("service", "web").prune();
    merged.apply(1, first.reporter.report());
    expect(show(merged)).toEqual({ "service/web/requests": 5 });
    second.registry.scope("service", "web").prune();
    merged.apply(2, second.reporter.report());
    expect(show(merged)).toEqual({});
  });

  it("leave out scopes that are not to be reported, and send only what has changed", () => {
    const registry = new MetricsRegistry();
    registry.counter("config", "reloads").inc();
    const counter = registry.counter("requests");
    const reporter = new MetricsReporter(registry, ["config"]);
    expect(reporter.report()).toEqual({ names: [[1, "counter", ["requests"]]], values: [1, 0], stats: [], gone: [] });
    expect(reporter.report()).toEqual({ names: [], values: [], stats: [], gone: [] });
    counter.inc(2);
    expect(reporter.report().values).toEqual([1, 2]);
  });
});
