import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Child } from "./child.ts";
import { envoy } from "./envoy.ts";
import { haproxy, nginx, nginxConfig, weftmesh } from "./programs.ts";
import { home, type Peer, type Rig, started } from "./rig.ts";

/** Three ports of one nginx that answer 1 KiB at once, whatever they are asked. */
export async function startBackends(rig: Rig): Promise<Child> {
  const body = "x".repeat(1024);
  const servers = rig.upstreams.map(
    (port) => `server { listen 127.0.0.1:${port} backlog=4096; return 200 "${body}"; }`,
  );
  const conf = nginxConfig(rig, "backends", servers.join("\n"));
  return started(new Child("backends", "nginx", ["-e", "stderr", "-c", conf]), rig.upstreams[0] ?? 0);
}

/** How nginx speaks HTTP/1.1 to an upstream and keeps its connections. */
export const passAsHttp1 = `proxy_pass http://backends; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;`;

function nodePeer(kind: string): Peer {
  return {
    name: kind,
    async start(rig, port) {
      const dir = join(rig.dir, "peers");
      mkdirSync(dir, { recursive: true });
      for (const file of ["package.json", "node-proxies.mjs"]) {
        copyFileSync(join(home, "peers", file), join(dir, file));
      }
      if (!existsSync(join(dir, "node_modules"))) {
        try {
          execFileSync("npm", ["install", "--ignore-scripts", "--silent"], {
            cwd: dir,
            stdio: "ignore",
            timeout: 300_000,
          });
        } catch {
          return "the npm packages of the peers could not be installed";
        }
      }
      const args = [join(dir, "node-proxies.mjs"), kind, String(port), ...rig.upstreams.map(String)];
      return started(new Child(kind, process.execPath, args), port);
    },
  };
}

/** Every module that a config can take away: what is left is codecs, routing, balancer and pool. */
const bareStack = `  stack:
    server: [${removals("compression requestContext statusCodeStats clearForwarded forwarded timestampHeader maxCallDepth traceContext serverStats loadShedding deadline serverTimeout adaptiveConcurrency concurrencyLimit aggregateRequests")}]
    path: [${removals("dstService classifier via hopByHop successClass pathStats totalTimeout streamTimeout streamIdleTimeout hedge retries")}]
    bound: [${removals("dstClient")}]
    client: [${removals("accessLog clientCertHeader hostRewrite requeues nackAdmission traceHeaders statusCodeStats ejectionLimit endpointLabel requestAuthorizers perPathClientStats clientStats failureAccrual diagnosticTracer requestTimeout aggregateResponses contextHeaders failFast")}]
`;

function removals(roles: string): string {
  return roles
    .split(" ")
    .map((role) => `{ remove: ${role} }`)
    .join(", ");
}

export const oneProcess: Peer = weftmesh(() => ({ protocol: "http" }));
/** The same with worker processes. */
export function withWorkers(count: number): Peer {
  const args = ["--workers", String(count)];
  return weftmesh(() => ({ protocol: "http", args }), `weftmesh-workers-${count}`);
}
/** The same without its default stack: what the whole of it costs is the difference. */
const bare: Peer = weftmesh(() => ({ protocol: "http", router: bareStack }), "weftmesh-bare");

/** HTTP/1.1 on both sides, in plain text. */
export const http1Peers: readonly Peer[] = [
  nginx(() => ({ pass: passAsHttp1 })),
  oneProcess,
  withWorkers(2),
  bare,
  haproxy(() => ({})),
  envoy({ caller: "http1", backend: "http1" }),
  nodePeer("http-proxy"),
  nodePeer("http-proxy-keepalive"),
  nodePeer("fast-proxy"),
  nodePeer("fastify-http-proxy"),
  nodePeer("node-undici"),
];
