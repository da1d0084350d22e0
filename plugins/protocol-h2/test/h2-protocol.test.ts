import { readConfig } from "@weftmesh/config";
import { ClockParam, Params, RngParam } from "@weftmesh/core";
import { newInterpreter } from "@weftmesh/naming";
import type { Router } from "@weftmesh/router";
import { LogLevels, MetricsRegistry, StatsParam } from "@weftmesh/telemetry";
import { ManualClock, seededRng } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { registry } from "./registry.ts";

function newRouter(text: string): Router {
  const [chosen] = readConfig(text, "weft.yaml", registry).config.routers;
  if (chosen === undefined) throw new Error("no router");
  return chosen.plugin.make(chosen.config, Params.empty).newRouter({
    label: chosen.label,
    params: Params.empty
      .with(ClockParam, new ManualClock())
      .with(RngParam, seededRng(1))
      .with(StatsParam, new MetricsRegistry()),
    interpreter: newInterpreter({}),
    plugins: registry,
    logger: new LogLevels({ write: () => {} }).logger("router"),
    edit: (stacks) => stacks,
  });
}

const plain = "routers:\n- protocol: h2\n  servers: [{port: 0}]\n";

describe("an h2 router", () => {
  it("lists its stacks with the parameters of the config", () => {
    const { stacks, protocol } = newRouter(
      `${plain}  service: {classificationTimeoutMs: 7, retryBufferSize: {requestBytes: 1}}\n  client: {hostConnectionPool: {maxSize: 3}, maxFrameBytes: 20000}\n`,
    );
    expect(protocol).toBe("h2");
    const [retries] = stacks.path.filter(({ role }) => role === "retries");
    expect(retries?.params["classificationTimeoutMs"]).toEqual({ value: 7, isDefault: false });
    expect(retries?.params["retryRequestBytes"]?.value).toBe(1);
    expect(retries?.params["retryResponseBytes"]).toEqual({ value: 16_383, isDefault: true });
    const [pool] = stacks.client.filter(({ role }) => role === "pool");
    expect(pool?.params["poolMaxSize"]?.value).toBe(3);
    expect(stacks.server.map(({ role }) => role)).toContain("requestStream");
  });

  it("names a request that goes nowhere as one of HTTP/2", async () => {
    const router = newRouter(plain);
    const identify = (target: string, ...headers: string[]) =>
      router.identify?.({ version: "1.1", method: "GET", target, headers });
    expect(await identify("/a?b", "Host", "web")).toMatchObject({ kind: "identified" });
    const found = (await identify("https://other/x")) as { readonly dst: { readonly show: string } };
    expect(found.dst.show).toBe("/svc/2/other/\\x2f\\x78");
  });
});
