import { describe, expect, it } from "vitest";
import { listSettings, readConfig, toJson } from "../src/index.ts";
import { sampleRegistry } from "./sample-registry.ts";

describe("listSettings", () => {
  it("tells of every value whether it is a default or where it was written", () => {
    const read = readConfig(
      "admin:\n  port: 9991\nrouters:\n- protocol: http\n  servers:\n  - port: 4141\n  client:\n    hostConnectionPool: {maxSize: 3}\n",
      "c.yaml",
      sampleRegistry,
    );
    const settings = new Map(listSettings(read).map((each) => [each.keyPath, each]));
    expect(settings.get("admin.port")).toEqual({
      keyPath: "admin.port",
      value: 9991,
      origin: "c.yaml:2:3",
      description: "Port of the admin server",
    });
    expect(settings.get("admin.ip")).toMatchObject({ value: "127.0.0.1", origin: "default" });
    expect(settings.get("admin.security.uiEnabled")).toMatchObject({ value: true, origin: "default" });
    expect(settings.get("routers[0].servers[0].port")).toMatchObject({ value: 4141, origin: "c.yaml:6:5" });
    expect(settings.get("routers[0].client.hostConnectionPool.maxSize")?.origin).toBe("c.yaml:8:26");
    expect(settings.get("routers[0].client.hostConnectionPool.minSize")?.origin).toBe("default");
    expect(
      settings.get("routers[0].client.loadBalancer")?.value ??
        settings.get("routers[0].client.loadBalancer.kind")?.value,
    ).toEqual({ kind: "p2c" });
    expect(settings.get("routers[0].bindingCache.paths")?.value).toBe(1000);
    expect(settings.has("routers[0].client.tls")).toBe(false);
    expect(settings.has("admin")).toBe(false);
  });
});

describe("toJson", () => {
  it("prints what was given, with aliases and merge keys followed", () => {
    const yaml =
      "routers:\n- &r {protocol: http, label: a, servers: [{port: 1}]}\n- {<<: *r, label: b, servers: [{port: 2}]}\n";
    const read = readConfig(yaml, "c.yaml", sampleRegistry);
    expect(toJson(read)).toEqual({
      routers: [
        { protocol: "http", label: "a", servers: [{ port: 1 }] },
        { label: "b", servers: [{ port: 2 }], protocol: "http" },
      ],
    });
  });

  it("D5: masks secrets unless told not to", () => {
    const yaml =
      "routers: [{protocol: http, servers: [{}]}]\nnamers: [{kind: com.example.vault, experimental: true, token: sesame}]\n";
    const read = readConfig(yaml, "c.yaml", sampleRegistry);
    expect(toJson(read)).toMatchObject({ namers: [{ token: "***" }] });
    expect(toJson(read, { revealSecrets: true })).toMatchObject({ namers: [{ token: "sesame" }] });
  });
});
