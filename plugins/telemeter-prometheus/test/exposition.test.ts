import { MetricsRegistry } from "@weftmesh/telemetry";
import { describe, expect, it } from "vitest";
import { prometheusText } from "../src/exposition.ts";

const router = '{rt="incoming", ';

describe("prometheusText", () => {
  it("writes counters as whole numbers and gauges with a fraction, each with the prefix", () => {
    const metrics = new MetricsRegistry();
    metrics.counter("foo", "bar", "bas").inc(2);
    metrics.gauge(() => 1, "foo", "bar", "gauge");
    metrics.gauge(() => 0.5, "foo", "half");
    expect(prometheusText(metrics, "linkerd_")).toBe(
      "linkerd_foo:bar:bas 2\nlinkerd_foo:bar:gauge 1.0\nlinkerd_foo:half 0.5\n",
    );
    expect(prometheusText(new MetricsRegistry())).toBe("");
  });

  it("writes a stat's last window, and nothing before the first or for an empty one", () => {
    const metrics = new MetricsRegistry();
    const stat = metrics.stat("foo", "bas");
    stat.add(1);
    expect(prometheusText(metrics)).toBe("");
    stat.add(2);
    metrics.snapshot();
    expect(prometheusText(metrics, "l5d_")).toBe(
      [
        "l5d_foo:bas_count 2",
        "l5d_foo:bas_sum 3",
        "l5d_foo:bas_avg 1.5",
        'l5d_foo:bas{quantile="0"} 1',
        'l5d_foo:bas{quantile="0.5"} 1',
        'l5d_foo:bas{quantile="0.9"} 2',
        'l5d_foo:bas{quantile="0.95"} 2',
        'l5d_foo:bas{quantile="0.99"} 2',
        'l5d_foo:bas{quantile="0.999"} 2',
        'l5d_foo:bas{quantile="0.9999"} 2',
        'l5d_foo:bas{quantile="1"} 2',
        "",
      ].join("\n"),
    );
    metrics.snapshot();
    expect(prometheusText(metrics)).toBe("");
  });

  it("makes labels of the router, the server, the service and the client", () => {
    const metrics = new MetricsRegistry();
    const rt = metrics.scope("rt", "incoming");
    rt.counter("server", "127.0.0.1/4140", "requests").inc(42);
    rt.counter("service", "svc/foo", "requests").inc(3);
    rt.counter("client", "#/io.l5d.fs/web", "requests").inc(2);
    rt.counter("client", "#/io.l5d.fs/web", "service", "svc/foo", "requests").inc(1);
    rt.counter("client", "#/io.l5d.fs/web", "loadbalancer", "adds").inc(5);
    rt.counter("bindcache", "path", "misses").inc(6);
    expect(prometheusText(metrics)).toBe(
      [
        'rt:bindcache:path:misses{rt="incoming"} 6',
        `rt:client:loadbalancer:adds${router}client="#/io.l5d.fs/web"} 5`,
        `rt:client:requests${router}client="#/io.l5d.fs/web"} 2`,
        `rt:client:service:requests${router}client="#/io.l5d.fs/web", service="svc/foo"} 1`,
        `rt:server:requests${router}server="127.0.0.1/4140"} 42`,
        `rt:service:requests${router}service="svc/foo"} 3`,
        "",
      ].join("\n"),
    );
  });

  it("makes one label of a chain of failures, and calls what stands below exn exceptions", () => {
    for (const stack of ["server", "service", "client"]) {
      const metrics = new MetricsRegistry();
      const scope = metrics.scope("rt", "incoming", stack, "x");
      scope.counter("failures").inc(4);
      scope.counter("failures", "WEFT_A").inc(3);
      scope.counter("failures", "WEFT_A", "ECONNREFUSED").inc(1);
      scope.counter("exn", "TypeError").inc(2);
      expect(prometheusText(metrics)).toBe(
        [
          `rt:${stack}:exceptions${router}${stack}="x", exception="TypeError"} 2`,
          `rt:${stack}:failures${router}${stack}="x"} 4`,
          `rt:${stack}:failures${router}${stack}="x", exception="WEFT_A"} 3`,
          `rt:${stack}:failures${router}${stack}="x", exception="WEFT_A:ECONNREFUSED"} 1`,
          "",
        ].join("\n"),
      );
    }
  });

  it("makes a label of nothing else, though it be called alike", () => {
    const metrics = new MetricsRegistry();
    metrics.counter("rt", "foo", "other", "bar", "failures", "qux").inc();
    metrics.counter("namer", "service", "x", "failures", "y").inc();
    expect(prometheusText(metrics)).toBe('namer:service:x:failures:y 1\nrt:other:bar:failures:qux{rt="foo"} 1\n');
  });

  it("replaces a backslash, a quote and a line end in a label by two backslashes each", () => {
    const metrics = new MetricsRegistry();
    metrics.counter("rt", "incoming", "service", '\\x5bun"esc\nend', "requests").inc();
    expect(prometheusText(metrics)).toBe(`rt:service:requests${router}service="\\\\x5bun\\\\esc\\\\end"} 1\n`);
  });

  it("replaces what may not stand in a name, and lets none begin with a digit", () => {
    const metrics = new MetricsRegistry();
    metrics.counter("5xx", "a-b.c/d é").inc();
    expect(prometheusText(metrics)).toBe("_5xx:a_b_c_d__ 1\n");
    expect(prometheusText(metrics, "pre-fix.")).toBe("pre_fix_5xx:a_b_c_d__ 1\n");
  });

  it("writes what is no finite number as the format does", () => {
    const metrics = new MetricsRegistry();
    metrics.gauge(() => Number.NaN, "a");
    metrics.gauge(() => Number.POSITIVE_INFINITY, "b");
    metrics.gauge(() => Number.NEGATIVE_INFINITY, "c");
    expect(prometheusText(metrics)).toBe("a NaN\nb +Inf\nc -Inf\n");
  });
});
