import { existsSync } from "node:fs";
import { join } from "node:path";
import { Child } from "./child.ts";
import { has, home, type Peer, type Rig, started, write } from "./rig.ts";

/** A config of nginx: one worker, no log of requests, and connections that are not closed for their age. */
export function nginxConfig(rig: Rig, name: string, http: string): string {
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

/** What a scenario says in the config of nginx. */
export interface NginxParts {
  /** Beside what is said of every server. */
  readonly http?: string;
  /** Of its port, such as `ssl`. */
  readonly listen?: string;
  /** How a request gets to the upstream called `backends`. */
  readonly pass: string;
}

export function nginx(partsOf: (rig: Rig) => NginxParts): Peer {
  return {
    name: "nginx",
    async start(rig, port) {
      if (!has("nginx")) return "nginx is not installed";
      const { http = "", listen = "", pass } = partsOf(rig);
      const upstream = rig.upstreams.map((each) => `server 127.0.0.1:${each};`).join(" ");
      const conf = nginxConfig(
        rig,
        "nginx",
        `${http} upstream backends { ${upstream} keepalive 256; keepalive_requests 100000000; }
server { listen 127.0.0.1:${port} ${listen} backlog=4096; location / { ${pass} } }`,
      );
      return started(new Child("nginx", "nginx", ["-e", "stderr", "-c", conf]), port);
    },
  };
}

/** What a scenario says in the config of HAProxy: behind its own address, and behind that of each backend. */
export interface HaproxyParts {
  readonly bind?: string;
  readonly server?: string;
}

/** Clients share what connections there are, unless `reuse` says what HAProxy does by default: `safe`. */
export function haproxy(
  partsOf: (rig: Rig) => HaproxyParts,
  name = "haproxy",
  reuse: "safe" | "always" = "always",
): Peer {
  return {
    name,
    async start(rig, port) {
      if (!has("haproxy")) return "haproxy is not installed";
      const { bind = "", server = "" } = partsOf(rig);
      const servers = rig.upstreams.map((each, i) => `  server s${i} 127.0.0.1:${each} ${server}`).join("\n");
      const conf = write(
        rig,
        `${name}.cfg`,
        `global\n  nbthread 1\n  maxconn 4000\ndefaults\n  mode http\n  http-reuse ${reuse}\n  timeout client 60s\n  timeout server 60s\n  timeout connect 5s\nfrontend f\n  bind 127.0.0.1:${port} backlog 4096 ${bind}\n  default_backend b\nbackend b\n  balance roundrobin\n${servers}\n`,
      );
      return started(new Child(name, "haproxy", ["-f", conf, "-db"]), port);
    },
  };
}

/** What a scenario says in a config of ours, beside one port and one file of addresses. */
export interface WeftmeshParts {
  readonly protocol: "http" | "h2";
  /** More keys of the server, in flow style. */
  readonly server?: string;
  /** More keys of the router, as lines of its own depth. */
  readonly router?: string;
  readonly args?: readonly string[];
}

/** Ours, as it is shipped: the built default distribution with a config that a Linkerd user would write. */
export function weftmesh(partsOf: (rig: Rig) => WeftmeshParts, name = "weftmesh"): Peer {
  return {
    name,
    async start(rig, port) {
      const main = join(home, "../proxy/dist/main.js");
      if (!existsSync(main)) return "apps/proxy is not built: npm run build";
      const { protocol, server, router = "", args = [] } = partsOf(rig);
      write(rig, "disco/web", rig.upstreams.map((each) => `127.0.0.1 ${each}`).join("\n"));
      const config = write(
        rig,
        `${name}.yaml`,
        `admin: { port: ${port + 1} }
namers: [{ kind: io.l5d.fs, rootDir: ${rig.dir}/disco }]
routers:
- protocol: ${protocol}
  dtab: /svc => /#/io.l5d.fs
  servers: [{ port: ${port}${server === undefined ? "" : `, ${server}`} }]
${router}usage: { enabled: false }
`,
      );
      return started(new Child(name, process.execPath, [main, ...args, config]), port);
    },
  };
}
