import { readFileSync } from "node:fs";
import type { AnyPlugin } from "@weftmesh/config";
import { definePlugin, NoKeys, routerSchema } from "@weftmesh/config";
import { role, StackRoleError } from "@weftmesh/core";
import { Path } from "@weftmesh/naming";
import { type Router, type RouterRuntime, StackEditError } from "@weftmesh/router";
import { describe, expect, it } from "vitest";
import { createProxy } from "../src/create-proxy.ts";
import { version } from "../src/version.ts";

/** A protocol whose routers only note what becomes of them. */
function fakeProtocol(events: string[], failOn?: string): AnyPlugin {
  return definePlugin({
    type: "protocol",
    kind: "fake",
    schema: (plugins) => routerSchema(plugins, { defaultPort: 0, router: {}, server: {}, client: {}, service: {} }),
    make: () => ({
      newRouter: ({ label }: RouterRuntime): Router => {
        if (failOn === "edit")
          throw new StackEditError(label, "client", 0, "remove", new StackRoleError(role("x"), []));
        return {
          label,
          protocol: "fake",
          stacks: { server: [], path: [], bound: [], client: [] },
          servers: [],
          dstPrefix: Path.of("svc"),
          listen: async () => {
            events.push(`listen ${label}`);
            if (failOn === label) throw new Error("in use");
            return [{ address: { host: "127.0.0.1", port: 1 }, close: async () => {} }];
          },
          snapshot: () => ({ paths: [], trees: [], bounds: [], clients: [], waitingCalls: 0 }),
          close: async (graceMs) => void events.push(`close ${label} ${graceMs}`),
        };
      },
    }),
  });
}

function telemeter(events: string[]): AnyPlugin {
  return definePlugin({
    type: "telemeter",
    kind: "fake",
    schema: NoKeys,
    make: () => ({
      run: () => {
        events.push("run telemeter");
        return { close: async () => void events.push("close telemeter") };
      },
    }),
  });
}

const config = (routers: string): string =>
  `{"admin": {"port": 0, "shutdownGraceMs": 77}, "telemetry": [{"kind": "fake"}], "routers": [${routers}]}`;
const server = '"servers": [{"port": 0}]';
const two = `{"protocol": "fake", "label": "a", ${server}}, {"protocol": "fake", "label": "b", "servers": [{"port": 0, "ip": "127.0.0.2"}]}`;

describe("createProxy", () => {
  it("starts admin, telemeters and routers in this order, and closes routers, telemeters and admin", async () => {
    const events: string[] = [];
    const lines: string[] = [];
    const proxy = await createProxy({
      config: config(two),
      plugins: [fakeProtocol(events), telemeter(events)],
      log: (line) => {
        events.push(...(line.includes("http admin") ? ["admin"] : []));
        lines.push(line.replace(/^.*: /, "").trimEnd());
      },
    });
    expect(events).toEqual([]);
    const ended = proxy.run();
    await proxy.start();
    expect(events).toEqual(["admin", "run telemeter", "listen a", "listen b"]);
    expect(proxy.addresses?.servers).toEqual([
      { label: "a", address: { host: "127.0.0.1", port: 1 } },
      { label: "b", address: { host: "127.0.0.1", port: 1 } },
    ]);
    expect(lines.slice(-3)).toEqual(["serving a on /127.0.0.1:1", "serving b on /127.0.0.1:1", "initialized"]);
    events.length = 0;
    await proxy.close();
    await ended;
    expect(events).toEqual(["close a 77", "close b 77", "close telemeter"]);
    await expect(fetch(`http://127.0.0.1:${proxy.addresses?.admin.port}/admin/ping`)).rejects.toThrow();
  });

  it("I2: closes what it had started when a router cannot listen, and fails with that", async () => {
    const events: string[] = [];
    const proxy = await createProxy({
      config: config(two),
      plugins: [fakeProtocol(events, "b"), telemeter(events)],
      log: () => {},
    });
    await expect(proxy.run()).rejects.toThrow("in use");
    expect(events).toEqual(["run telemeter", "listen a", "listen b", "close a 0", "close b 0", "close telemeter"]);
  });

  it("closed while it starts, lets the start end and leaves nothing open", async () => {
    const events: string[] = [];
    const proxy = await createProxy({
      config: config(two),
      plugins: [fakeProtocol(events), telemeter(events)],
      log: () => {},
    });
    const ended = proxy.run();
    await proxy.close();
    await ended;
    expect(events.slice(-3)).toEqual(["close a 77", "close b 77", "close telemeter"]);
    await expect(fetch(`http://127.0.0.1:${proxy.addresses?.admin.port}/admin/ping`)).rejects.toThrow();
  });

  it("I1: builds nothing of a config with mistakes, and names them all", async () => {
    const events: string[] = [];
    const wrong = createProxy({
      config: '{"routers": [{"protocol": "fake", "servres": []}], "admin": {"port": "x"}}',
      configName: "l5d.json",
      plugins: [fakeProtocol(events)],
    });
    await expect(wrong).rejects.toMatchObject({ code: "WEFT_CONFIG_INVALID" });
    await expect(wrong).rejects.toThrow(/l5d\.json:1:\d+: routers\[0\]\.servres: unknown key.*did you mean servers\?/);
    await expect(wrong).rejects.toThrow(/l5d\.json:1:\d+: admin\.port: /);
  });

  it("gives a stack edit that cannot be made the line of the config", async () => {
    const text = `{"routers": [{"protocol": "fake", ${server},\n"stack": {"client": [\n{"remove": "x"}]}}]}`;
    const wrong = createProxy({ config: text, configName: "c", plugins: [fakeProtocol([], "edit")] });
    await expect(wrong).rejects.toMatchObject({ code: "WEFT_CONFIG_INVALID" });
    await expect(wrong).rejects.toThrow(
      /^c:3:12: routers\[0\]\.stack\.client\[0\]\.remove: router fake, client stack:/,
    );
  });

  it("answers on the admin server with the config and the stacks", async () => {
    const proxy = await createProxy({
      config: config(`{"protocol": "fake", ${server}}`),
      plugins: [fakeProtocol([]), telemeter([])],
      log: () => {},
    });
    const { admin } = await proxy.start();
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${admin.port}${path}`)).json();
    expect(await get("/config.json")).toMatchObject({ telemetry: [{ kind: "fake" }] });
    expect(await get("/admin/stacks.json")).toMatchObject({ fake: { protocol: "fake" } });
    expect(await get("/bound-names.json")).toEqual([]);
    const explained = await fetch(
      `http://127.0.0.1:${admin.port}/delegator.json?namespace=fake&dtab=&path=/$/inet/127.1/80`,
    );
    expect(await explained.json()).toMatchObject({ type: "leaf", bound: { id: "/$/inet/127.1/80" } });
    await proxy.close(0);
  });
});

it("says the version of its package", () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  expect(version).toBe(manifest.version);
});
