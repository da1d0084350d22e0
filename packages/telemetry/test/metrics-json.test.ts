import { describe, expect, it } from "vitest";
import { metricsJson } from "../src/metrics-json.ts";
import { MetricsRegistry } from "../src/metrics-registry.ts";

function body(metrics: MetricsRegistry, query = ""): string {
  return metricsJson(metrics, new URLSearchParams(query)).body;
}

function sample(): MetricsRegistry {
  const metrics = new MetricsRegistry();
  metrics.counter("foo", "bar", "bas").inc();
  metrics.counter("foo", "bar", "bass").inc();
  metrics.counter("x", "y", "z").inc();
  return metrics;
}

describe("metricsJson", () => {
  it("is one flat object of counters, up to the moment", () => {
    const metrics = new MetricsRegistry();
    const counter = metrics.counter("rt", "http", "server", "127.0.0.1/4140", "requests");
    expect(body(metrics)).toBe('{"rt/http/server/127.0.0.1/4140/requests":0}');
    counter.inc(12);
    expect(body(metrics)).toBe('{"rt/http/server/127.0.0.1/4140/requests":12}');
  });

  it("shows gauges with a fraction, and quotes what is no number", () => {
    const metrics = new MetricsRegistry();
    metrics.gauge(() => 1, "a");
    metrics.gauge(() => 0.25, "b");
    metrics.gauge(() => Number.NaN, "c");
    expect(body(metrics)).toBe('{"a":1.0,"b":0.25,"c":"NaN"}');
  });

  it("shows nothing of a stat before the first window is over, then its figures", () => {
    const metrics = new MetricsRegistry();
    const stat = metrics.stat("foo", "bas");
    stat.add(1);
    expect(body(metrics)).toBe("{}");
    metrics.snapshot();
    const figures = ["count", "max", "min", "p50", "p90", "p95", "p99", "p9990", "p9999", "sum"];
    const shown = figures.map((each) => `"foo/bas.${each}":1`).join(",");
    expect(body(metrics)).toBe(`{${shown},"foo/bas.avg":1.0}`);
    metrics.snapshot();
    expect(body(metrics)).toBe('{"foo/bas.count":0}');
  });

  it("nests on tree=1, a metric's own figures beside its children", () => {
    const metrics = new MetricsRegistry();
    metrics.counter("foo", "failures").inc(2);
    metrics.counter("foo", "failures", "WEFT_X").inc();
    metrics.gauge(() => 3, "foo", "pending");
    metrics.stat("foo", "ms");
    expect(body(metrics, "tree=1")).toBe(
      '{"foo":{"failures":{"counter":2,"WEFT_X":{"counter":1}},"ms":{},"pending":{"gauge":3.0}}}',
    );
    metrics.stat("foo", "ms").add(4);
    metrics.snapshot();
    expect(body(metrics, "tree=true&q=foo/ms")).toBe(
      '{"stat.count":1,"stat.max":4,"stat.min":4,"stat.p50":4,"stat.p90":4,"stat.p95":4,"stat.p99":4,' +
        '"stat.p9990":4,"stat.p9999":4,"stat.sum":4,"stat.avg":4.0}',
    );
  });

  it("picks a subtree by q, flat and nested", () => {
    expect(body(sample(), "q=foo/bar")).toBe('{"bas":1,"bass":1}');
    expect(body(sample(), "q=foo/bar&tree=1")).toBe('{"bas":{"counter":1},"bass":{"counter":1}}');
    expect(body(sample(), "q=foo/")).toBe('{"bar/bas":1,"bar/bass":1}');
    expect(body(sample(), "q=/")).toBe(body(sample()));
  });

  it("answers 404 for a subtree that is not there, with the query as text", () => {
    const asked = (q: string): unknown => metricsJson(sample(), new URLSearchParams({ q }));
    expect(asked("foo/ba")).toEqual({ status: 404, body: '{"error": "No such subtree: foo/ba"}' });
    expect(asked("")).toEqual({ status: 404, body: '{"error": "No such subtree: "}' });
    expect(asked('"</script>')).toEqual({ status: 404, body: '{"error": "No such subtree: \\"</script>"}' });
    expect(asked("__proto__")).toMatchObject({ status: 404 });
  });

  it("sorts by whole names and indents on pretty=true", () => {
    const metrics = new MetricsRegistry();
    metrics.counter("a", "z").inc();
    metrics.counter("a.b").inc();
    expect(body(metrics, "pretty=true")).toBe('{\n  "a.b" : 1,\n  "a/z" : 1\n}');
    expect(body(new MetricsRegistry(), "pretty=true")).toBe("{ }");
  });

  it("C27: shows __proto__ as a name, flat and nested", () => {
    const metrics = new MetricsRegistry();
    metrics.counter("__proto__", "x").inc();
    expect(body(metrics)).toBe('{"__proto__/x":1}');
    expect(body(metrics, "tree=1")).toBe('{"__proto__":{"x":{"counter":1}}}');
  });
});
