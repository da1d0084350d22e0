import { address, Path } from "@weftmesh/naming";
import { describeNamer } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { HostsConfig, hostsNamer } from "../src/index.ts";

const config = HostsConfig.parse({ services: { web: [{ host: "127.0.0.1", port: 8080 }] } });

describeNamer("com.example.hosts", () => ({
  namer: hostsNamer(config),
  idPrefix: Path.read("/#/com.example.hosts"),
  present: Path.read("/web"),
  addresses: [address("127.0.0.1", 8080)],
  absent: Path.read("/nobody"),
}));

describe("the config of com.example.hosts", () => {
  it("refuses a key that it does not know, and a port that there is not", () => {
    expect(() => HostsConfig.parse({ services: {}, service: {} })).toThrow(/service/);
    expect(() => HostsConfig.parse({ services: { web: [{ host: "a", port: 65_536 }] } })).toThrow(/port/);
  });
});
