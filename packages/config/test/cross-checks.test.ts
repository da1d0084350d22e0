import { describe, expect, it } from "vitest";
import { ConfigError, readConfig, readPluginNames } from "../src/index.ts";
import { sampleRegistry } from "./sample-registry.ts";

function lines(text: string): string[] {
  try {
    readConfig(text, "x", sampleRegistry);
    return [];
  } catch (error) {
    if (error instanceof ConfigError)
      return error.issues.map(({ rule, line, column, keyPath }) => `${rule} ${line}:${column} ${keyPath}`);
    throw error;
  }
}

describe("the rules between keys", () => {
  it("at least one router", () => {
    expect(lines("admin: {}\n")).toEqual(["noRoutersSpecified 1:1 routers"]);
    expect(lines("admin: {}\nrouters: []\n")).toEqual(["noRoutersSpecified 2:1 routers"]);
    expect(() => readConfig("admin: {}\n", "x", sampleRegistry)).toThrow(
      "At least one router must be specified in the configuration.",
    );
  });

  it("at least one server for each router", () => {
    expect(lines("routers:\n- protocol: http\n")).toEqual(["noServersSpecified 2:3 routers[0].servers"]);
    expect(lines("routers:\n- protocol: http\n  servers: []\n")).toEqual(["noServersSpecified 3:3 routers[0].servers"]);
  });

  it("labels that differ, also from the default, which is the protocol", () => {
    const two = (a: string, b: string) =>
      `routers:\n- {protocol: http, ${a}servers: [{port: 1}]}\n- {protocol: http, ${b}servers: [{port: 2}]}\n`;
    expect(lines(two("", ""))).toEqual(["conflictingLabels 3:14 routers[1].protocol"]);
    expect(lines(two("", "label: http, "))).toEqual(["conflictingLabels 3:27 routers[1].label"]);
    expect(lines(two("label: 80, ", "label: '80', "))).toEqual(["conflictingLabels 3:27 routers[1].label"]);
    expect(lines(two("label: a, ", ""))).toEqual([]);
    expect(() => readConfig(two("", ""), "x", sampleRegistry)).toThrow("Multiple routers with the label http");
  });

  it("addresses that differ, with defaults and with the admin server", () => {
    const servers = (list: string, rest = "") => `${rest}routers:\n- protocol: http\n  servers: ${list}\n`;
    expect(lines(servers("[{port: 1}, {port: 1}]"))).toEqual(["conflictingPorts 3:31 routers[0].servers[1].port"]);
    expect(lines(servers("[{}, {port: 4140, ip: 127.0.0.1}]"))).toEqual([
      "conflictingPorts 3:24 routers[0].servers[1].port",
    ]);
    expect(lines(servers("[{}, {}]"))).toEqual(["conflictingPorts 3:17 routers[0].servers[1].port"]);
    expect(lines(servers("[{port: 0}, {port: 0}]"))).toHaveLength(1);
    expect(lines(servers("[{port: 1}, {port: 1, ip: 0.0.0.0}]"))).toEqual([]);
    expect(lines(servers("[{port: 1, ip: '::1'}, {port: 1, ip: '0:0::0:1'}]"))).toHaveLength(1);
    expect(lines(servers("[{port: 9990}]"))).toEqual(["conflictingPorts 3:20 routers[0].servers[0].port"]);
    expect(lines(servers("[{port: 5}]", "admin: {port: 5}\n"))).toHaveLength(1);
    expect(lines(servers("[{port: 5}]", "admin: {httpIdentifierPort: 5}\n"))).toHaveLength(1);
    expect(lines(servers("[{port: 4}]", "admin: {port: 7, httpIdentifierPort: 7}\n"))).toHaveLength(1);
    expect(lines(servers("[{port: 0}]", "admin: {port: 0}\n"))).toEqual([]);
    expect(() => readConfig(servers("[{port: 1}, {port: 1}]"), "x", sampleRegistry)).toThrow(
      /Server conflict on port 1/,
    );
  });

  it("no length to stream from where nothing is streamed", () => {
    const text =
      "routers:\n- protocol: http\n  servers: [{}]\n  streamingEnabled: false\n  streamAfterContentLengthKB: 5\n";
    expect(lines(text)).toContain("conflictingStreamingOptions 5:3 routers[0].streamAfterContentLengthKB");
  });

  it("are checked also when something else is wrong", () => {
    expect(lines("bogus: 1\nrouters: [{protocol: http}]\n")).toEqual([
      "unknownKey 1:1 bogus",
      "noServersSpecified 2:11 routers[0].servers",
    ]);
  });

  it("leave alone what is no config at all", () => {
    for (const text of [
      "[1]",
      "routers: 3\n",
      "routers: [3]\n",
      "routers: [{protocol: http, servers: 3}]\n",
      "routers: [{protocol: http, servers: [3]}]\n",
    ]) {
      expect(lines(text)).not.toEqual([]);
    }
  });
});

describe("readPluginNames", () => {
  it("gives the packages before anything else is checked", () => {
    expect(readPluginNames('plugins: ["@acme/a", ./b.js]\nbogus: 1\n', "x")).toEqual(["@acme/a", "./b.js"]);
    expect(readPluginNames("routers: []\n", "x")).toEqual([]);
    expect(readPluginNames("plugins: 3\n", "x")).toEqual([]);
    expect(() => readPluginNames("a: [", "x")).toThrow(ConfigError);
  });
});
