import { Params } from "@weftmesh/core";
import { MetricsRegistry } from "@weftmesh/telemetry";
import { Gauge, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { PromRegistryParam, prometheusTelemeter } from "../src/plugin.ts";
import { PrometheusTelemeter } from "../src/prometheus-telemeter.ts";
import { parseExposition } from "./exposition-parser.ts";

function sample(): MetricsRegistry {
  const metrics = new MetricsRegistry();
  metrics.counter("rt", "http", "service", "svc/web", "requests").inc(2);
  return metrics;
}

describe("io.l5d.prometheus", () => {
  const schema = prometheusTelemeter.schema as z.ZodType;

  it("has Linkerd's defaults, and refuses other keys", () => {
    expect(prometheusTelemeter.kind).toBe("io.l5d.prometheus");
    expect(schema.parse({})).toEqual({ path: "/admin/metrics/prometheus", prefix: "" });
    expect(schema.safeParse({ pfx: "x" }).success).toBe(false);
    expect(schema.safeParse({ path: "metrics" }).success).toBe(false);
  });

  it("serves the tree and the process's own figures at its path, as text", async () => {
    const telemeter = prometheusTelemeter.make({ path: "/metrics", prefix: "l5d_" }, Params.empty);
    const running = telemeter.run({ metrics: sample() });
    const [handler] = telemeter.adminHandlers ?? [];
    expect(handler).toMatchObject({ path: "/metrics", contentType: "text/plain; version=0.0.4; charset=utf-8" });
    const text = await handler?.render(new URLSearchParams());
    expect(text?.split("\n")[0]).toBe('l5d_rt:service:requests{rt="http", service="svc/web"} 2');
    const names = parseExposition(text ?? "").map(({ name }) => name);
    expect(names).toContain("process_resident_memory_bytes");
    expect(names).toContain("nodejs_eventloop_lag_seconds");
    await running.close();
    expect(await handler?.render(new URLSearchParams())).not.toContain("rt:service");
  });

  it("puts no HELP and no TYPE before the series of the tree", async () => {
    const telemeter = new PrometheusTelemeter();
    telemeter.run({ metrics: sample() });
    const lines = (await telemeter.text()).split("\n");
    expect(lines.filter((line) => line.startsWith("#") && line.includes("rt:"))).toEqual([]);
  });

  describe("with a registry of the embedding program", () => {
    function embedded(): { readonly registry: Registry; readonly telemeter: PrometheusTelemeter } {
      const registry = new Registry();
      new Gauge({ name: "app_temperature", help: "degrees", registers: [registry] }).set(21);
      const params = Params.empty.with(PromRegistryParam, registry);
      const telemeter = prometheusTelemeter.make({ path: "/metrics", prefix: "" }, params) as PrometheusTelemeter;
      return { registry, telemeter };
    }

    it("adds the tree to that registry, valid and under its own names", async () => {
      const { registry, telemeter } = embedded();
      telemeter.run({ metrics: sample() });
      const samples = parseExposition(await registry.metrics());
      expect(samples).toContainEqual({
        name: "rt:service:requests",
        labels: [
          ["rt", "http"],
          ["service", "svc/web"],
        ],
        value: 2,
      });
      expect(samples.map(({ name }) => name)).toContain("app_temperature");
    });

    it("shows the program's metrics on the page once, and not those of the process", async () => {
      const { telemeter } = embedded();
      telemeter.run({ metrics: sample() });
      const names = parseExposition(await telemeter.text()).map(({ name }) => name);
      expect(names).toEqual(["rt:service:requests", "app_temperature"]);
    });

    it("leaves the registry when it is closed", async () => {
      const { registry, telemeter } = embedded();
      await telemeter.run({ metrics: sample() }).close();
      expect(registry.getMetricsAsArray().map(({ name }) => name)).toEqual(["app_temperature"]);
    });
  });
});
