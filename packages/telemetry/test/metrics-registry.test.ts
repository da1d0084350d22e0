import { ManualClock } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { MetricKindError, MetricsRegistry } from "../src/metrics-registry.ts";
import type { MetricsTree } from "../src/metrics-tree.ts";

/** Every metric by its JSON-like name: a counter's or gauge's value, a stat's count. */
function show(tree: MetricsTree): Record<string, number | undefined> {
  const shown: Record<string, number | undefined> = {};
  tree.forEach((name, metric) => {
    shown[JSON.stringify(name)] = metric.kind === "stat" ? metric.summary?.count : metric.value;
  });
  return shown;
}

describe("MetricsRegistry", () => {
  it("shows metrics in the order of their names, with names as lists", () => {
    const metrics = new MetricsRegistry();
    metrics.scope("rt", "http").scope("server", "127.0.0.1/4140").counter("requests").inc(3);
    metrics.counter("b").inc();
    metrics.gauge(() => 0.5, "a");
    expect(Object.entries(show(metrics))).toEqual([
      ['["a"]', 0.5],
      ['["b"]', 1],
      ['["rt","http","server","127.0.0.1/4140","requests"]', 3],
    ]);
  });

  it("keeps a node with a slash apart from two nodes", () => {
    const metrics = new MetricsRegistry();
    metrics.counter("a/b").inc(1);
    metrics.counter("a", "b").inc(2);
    expect(show(metrics)).toEqual({ '["a/b"]': 1, '["a","b"]': 2 });
  });

  it("lets a metric have metrics below it", () => {
    const metrics = new MetricsRegistry();
    const failures = metrics.scope("failures");
    failures.counter().inc(2);
    failures.counter("WEFT_X").inc(1);
    expect(show(metrics)).toEqual({ '["failures"]': 2, '["failures","WEFT_X"]': 1 });
  });

  it("gives the same counter and stat for the same name, however it is asked for", () => {
    const metrics = new MetricsRegistry();
    expect(metrics.counter("a", "b")).toBe(metrics.scope("a").counter("b"));
    expect(metrics.stat("a", "c")).toBe(metrics.scope("a").scope().stat("c"));
  });

  it("refuses a name that another kind of metric has, and says which", () => {
    const metrics = new MetricsRegistry();
    metrics.counter("a", "b");
    expect(() => metrics.stat("a", "b")).toThrow(MetricKindError);
    expect(() => metrics.gauge(() => 1, "a", "b")).toThrow("the metric a/b is a counter and cannot be a gauge as well");
  });

  it("never counts down", () => {
    const metrics = new MetricsRegistry();
    const counter = metrics.counter("c");
    counter.inc(2);
    counter.inc(-1);
    counter.inc(Number.NaN);
    expect(show(metrics)).toEqual({ '["c"]': 2 });
  });

  describe("gauges", () => {
    it("are read when somebody looks, and go with their remover", () => {
      const metrics = new MetricsRegistry();
      let value = 1;
      const remove = metrics.gauge(() => value, "g");
      expect(show(metrics)).toEqual({ '["g"]': 1 });
      value = 2;
      expect(show(metrics)).toEqual({ '["g"]': 2 });
      remove();
      expect(show(metrics)).toEqual({});
      expect(metrics.size).toBe(0);
    });

    it("of one name add up, and each goes with its own remover", () => {
      const metrics = new MetricsRegistry();
      const read = (): number => 2;
      const removeFirst = metrics.gauge(read, "g");
      const removeSecond = metrics.gauge(read, "g");
      metrics.gauge(() => 5, "g");
      expect(show(metrics)).toEqual({ '["g"]': 9 });
      removeFirst();
      removeFirst();
      expect(show(metrics)).toEqual({ '["g"]': 7 });
      removeSecond();
      expect(show(metrics)).toEqual({ '["g"]': 5 });
    });

    it("that throw hide no other metric", () => {
      const metrics = new MetricsRegistry();
      metrics.gauge(() => {
        throw new Error("no");
      }, "a");
      metrics.counter("b").inc();
      expect(show(metrics)).toEqual({ '["a"]': Number.NaN, '["b"]': 1 });
    });
  });

  describe("pruning", () => {
    it("takes the scope and what is below it out, and nothing else", () => {
      const metrics = new MetricsRegistry();
      metrics.counter("client", "a", "requests").inc();
      metrics.counter("client", "ab", "requests").inc();
      metrics.scope("client", "a").prune();
      expect(show(metrics)).toEqual({ '["client","ab","requests"]': 1 });
    });

    it("leaves what is still held harmless: counts and new metrics of a pruned scope are seen by nobody", () => {
      const metrics = new MetricsRegistry();
      const scope = metrics.scope("client", "a");
      const counter = scope.counter("requests");
      scope.prune();
      counter.inc();
      scope.stat("late").add(1);
      scope.scope("deeper").counter("later").inc();
      metrics.snapshot();
      expect(show(metrics)).toEqual({});
    });

    it("lets the parent make the scope afresh, from zero", () => {
      const metrics = new MetricsRegistry();
      const clients = metrics.scope("client");
      clients.scope("a").counter("requests").inc(7);
      clients.scope("a").prune();
      clients.scope("a").counter("requests").inc();
      expect(show(metrics)).toEqual({ '["client","a","requests"]': 1 });
    });

    it("gives back the room, whole, of 10 000 scopes that came and went", () => {
      const metrics = new MetricsRegistry();
      for (let i = 0; i < 10_000; i++) {
        const scope = metrics.scope("client", `c${i}`);
        scope.stat("s").add(1);
        scope.counter("requests").inc();
        scope.prune();
      }
      expect(metrics.size).toBe(1);
    });
  });

  describe("windows", () => {
    it("show nothing of a stat before the first is over, then the last one that is", async () => {
      const clock = new ManualClock();
      const metrics = new MetricsRegistry({ clock });
      const running = metrics.start();
      const stat = metrics.stat("s");
      stat.add(1);
      await clock.advance(59_999);
      expect(show(metrics)).toEqual({ '["s"]': undefined });
      await clock.advance(1);
      stat.add(2);
      stat.add(3);
      expect(show(metrics)).toEqual({ '["s"]': 1 });
      await clock.advance(60_000);
      expect(show(metrics)).toEqual({ '["s"]': 2 });
      await clock.advance(60_000);
      expect(show(metrics)).toEqual({ '["s"]': 0 });
      await running.close();
    });

    it("have the length that was given, and need a timer only between start and close", async () => {
      const clock = new ManualClock();
      const metrics = new MetricsRegistry({ clock, windowMs: 10 });
      metrics.stat("s").add(1);
      expect(clock.armed).toBe(0);
      const running = metrics.start();
      metrics.start();
      expect(clock.armed).toBe(1);
      await clock.advance(10);
      expect(show(metrics)).toEqual({ '["s"]': 1 });
      await running.close();
      expect(clock.armed).toBe(0);
    });
  });

  it("C26: holds no more names than its limit when 100 000 hosts come by, and counts what it refused", () => {
    const metrics = new MetricsRegistry({ maxNames: 1_000 });
    const services = metrics.scope("service");
    for (let i = 0; i < 100_000; i++) services.scope(`svc/host${i}.example`).counter("requests").inc();
    expect(metrics.size).toBeLessThanOrEqual(1_002);
    const shown = show(metrics);
    expect(shown['["telemetry","refused"]']).toBe(100_000 - 499);
    expect(Object.keys(shown).length).toBeLessThanOrEqual(502);
    services.prune();
    metrics.counter("again").inc();
    expect(show(metrics)['["again"]']).toBe(1);
  });

  it("C27: takes __proto__, constructor and toString for names like any other", () => {
    const metrics = new MetricsRegistry();
    for (const name of ["__proto__", "constructor", "toString"]) metrics.counter(name, "hasOwnProperty").inc();
    expect(Object.keys(show(metrics))).toHaveLength(3);
    expect(({} as Record<string, unknown>)["hasOwnProperty"]).toBe(Object.prototype.hasOwnProperty);
  });
});
