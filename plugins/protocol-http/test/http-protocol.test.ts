import { readConfig } from "@weftmesh/config";
import { ClockParam, Params, RngParam, systemClock } from "@weftmesh/core";
import { newInterpreter } from "@weftmesh/naming";
import type { Router, StackSet } from "@weftmesh/router";
import { LogLevels, MetricsRegistry, StatsParam } from "@weftmesh/telemetry";
import { ManualClock, seededRng } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { registry } from "./registry.ts";

function newRouter(
  text: string,
  given: { readonly metrics?: MetricsRegistry; readonly edit?: (stacks: StackSet) => StackSet; real?: boolean } = {},
): Router {
  const [chosen] = readConfig(text, "weft.yaml", registry).config.routers;
  if (chosen === undefined) throw new Error("no router");
  const metrics = given.metrics ?? new MetricsRegistry();
  return chosen.plugin.make(chosen.config, Params.empty).newRouter({
    label: chosen.label,
    params: Params.empty
      .with(ClockParam, given.real === true ? systemClock : new ManualClock())
      .with(RngParam, seededRng(1))
      .with(StatsParam, metrics),
    interpreter: newInterpreter({}),
    plugins: registry,
    logger: new LogLevels({ write: () => {} }).logger("router"),
    edit: given.edit ?? ((stacks) => stacks),
  });
}

const plain = "routers:\n- protocol: http\n  servers: [{port: 0}]\n";

describe("an http router", () => {
  it("lists its stacks with the parameters of the config, and says which are defaults", () => {
    const { stacks } = newRouter(`${plain}  client: {requestAttemptTimeoutMs: 77}\n`);
    const [row] = stacks.client.filter(({ role }) => role === "requestTimeout");
    expect(row?.params["requestAttemptTimeoutMs"]).toEqual({ value: 77, isDefault: false });
    const [depth] = newRouter(plain).stacks.server.filter(({ role }) => role === "maxCallDepth");
    expect(depth?.params["maxCallDepth"]?.value).toBe(1000);
  });

  it("takes the edits of the build before those of the config", () => {
    const text = `${plain}  stack: {server: [{remove: timestampHeader}]}\n`;
    const edit = (stacks: StackSet): StackSet => ({ ...stacks, server: stacks.server.remove("forwarded" as never) });
    const roles = newRouter(text, { edit }).stacks.server.map(({ role }) => role);
    expect(roles).not.toContain("forwarded");
    expect(roles).not.toContain("timestampHeader");
    expect(roles).toContain("maxCallDepth");
  });

  it("shows in a gauge that requests begin here, as long as it is there", async () => {
    const metrics = new MetricsRegistry();
    const router = newRouter(`${plain}  originator: true\n  label: edge\n`, { metrics });
    const originators = (): readonly string[] => {
      const found: string[] = [];
      metrics.forEach((name, metric) => {
        if (metric.kind === "gauge" && name.at(-1) === "originator") found.push(`${name.join("/")}=${metric.value}`);
      });
      return found;
    };
    expect(originators()).toEqual(["rt/edge/originator=1"]);
    await router.close(0);
    newRouter(plain, { metrics });
    expect(originators()).toEqual([]);
  });

  it("names a request that goes nowhere, by the authority of its target or else its Host", async () => {
    const router = newRouter(`${plain}  dstPrefix: /http\n`);
    const named = async (target: string, version: "1.0" | "1.1" = "1.1") => {
      const found = await router.identify?.({ version, method: "GET", target, headers: ["host", "h"] });
      return found?.kind === "identified" ? found.dst.elems : found?.reason;
    };
    expect(await named("/a?b")).toEqual(["http", "1.1", "h", "/a?b"]);
    expect(await named("/a", "1.0")).toEqual(["http", "1.0", "h", "/a"]);
    expect(await named("http://web:80/x/y?q")).toEqual(["http", "1.1", "web:80", "/x/y?q"]);
    expect(await named("http://web?q")).toEqual(["http", "1.1", "web", "/?q"]);
    const nobody = await router.identify?.({ version: "1.1", method: "GET", target: "/", headers: [] });
    expect(nobody).toEqual({ kind: "unidentified", reason: "no authority" });
  });

  it("I3: says which router and address it was that cannot listen, and leaves no port open", async () => {
    const first = newRouter(plain, { real: true });
    const [running] = await first.listen();
    const port = running?.address.port ?? 0;
    const second = newRouter(
      `routers:\n- protocol: http\n  label: two\n  servers: [{port: 0, ip: 127.0.0.9}, {port: ${port}}]\n`,
      {
        real: true,
      },
    );
    await expect(second.listen()).rejects.toMatchObject({
      code: "WEFT_LISTEN",
      message: expect.stringContaining(`router two cannot listen on 127.0.0.1:${port}`),
    });
    await second.close(0);
    await first.close(0);
  });
});
