import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Child } from "./child.ts";
import type { H2Request } from "./h2load.ts";
import { has, nginxBase, type Peer, type Rig, root, started, write } from "./peers.ts";

const nodeProxy: string = join(dirname(fileURLToPath(import.meta.url)), "../peers/node-http2-proxy.mjs");

/** What a browser or a client of an API says of itself. */
export const smallGet: H2Request = {
  headers: [
    ":authority: web",
    "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "accept: application/json, text/plain, */*",
    "accept-language: en-US,en;q=0.5",
    "accept-encoding: gzip, deflate, br",
    "x-request-id: 7f5a7c1e-0a1b-4a53-9f0e-2f0c6f6f2b11",
    "cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
  ],
};

/** A call of gRPC with a message of 64 bytes. */
export function unaryCall(rig: Rig): H2Request {
  const message = Buffer.concat([Buffer.from([0, 0, 0, 0, 64]), Buffer.alloc(64, 7)]);
  return {
    headers: [
      ":authority: web",
      "content-type: application/grpc",
      "te: trailers",
      "user-agent: grpc-go/1.60.0",
      "grpc-timeout: 5S",
      "x-request-id: 7f5a7c1e-0a1b-4a53-9f0e-2f0c6f6f2b11",
    ],
    bodyFile: write(rig, "message", message.toString("latin1")),
  };
}

/** Three servers that answer 1 KiB, with trailers where `trailers` says so. */
export async function startH2Backends(rig: Rig, trailers: boolean): Promise<Child> {
  if (!has("nghttpd")) throw new Error("nghttpd (Debian: nghttp2-server) is not installed");
  write(rig, "served/bench", "x".repeat(1024));
  const extra = trailers ? "--trailer='grpc-status: 0'" : "";
  const each = rig.upstreams.map(
    (port) => `nghttpd --no-tls --address=127.0.0.1 -d ${rig.dir}/served ${extra} ${port} &`,
  );
  const child = new Child("backends", "bash", ["-c", `trap 'kill $(jobs -p)' TERM; ${each.join(" ")} wait; wait`]);
  return started(child, rig.upstreams[2] ?? 0);
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
server { listen 127.0.0.1:${port} http2 backlog=4096; http2_max_requests 100000000; http2_max_concurrent_streams 1000; location / { grpc_pass grpc://backends; } }`,
    );
    return started(new Child("nginx", "nginx", ["-e", "stderr", "-c", conf]), port);
  },
};

/** With `http-reuse` as it is by default, and where clients share what connections there are. */
const haproxy = (name: string, reuse: "safe" | "always"): Peer => ({
  name,
  async start(rig, port) {
    if (!has("haproxy")) return "haproxy is not installed";
    const servers = rig.upstreams.map((each, i) => `  server s${i} 127.0.0.1:${each} proto h2`).join("\n");
    const conf = write(
      rig,
      `${name}.cfg`,
      `global\n  nbthread 1\n  maxconn 4000\ndefaults\n  mode http\n  http-reuse ${reuse}\n  timeout client 60s\n  timeout server 60s\n  timeout connect 5s\nfrontend f\n  bind 127.0.0.1:${port} backlog 4096 proto h2\n  default_backend b\nbackend b\n  balance roundrobin\n${servers}\n`,
    );
    return started(new Child(name, "haproxy", ["-f", conf, "-db"]), port);
  },
});

const nghttpx: Peer = {
  name: "nghttpx",
  async start(rig, port) {
    if (!has("nghttpx")) return "nghttpx (Debian: nghttp2-proxy) is not installed";
    const backends = rig.upstreams.map((each) => `--backend=127.0.0.1,${each};;proto=h2`);
    const conf = write(rig, "nghttpx.conf", "");
    const own = [`--conf=${conf}`, "--workers=1", "--single-process", "--accesslog-file=/dev/null"];
    const child = new Child("nghttpx", "nghttpx", [...own, `--frontend=127.0.0.1,${port};no-tls`, ...backends]);
    return started(child, port);
  },
};

const nodeHttp2: Peer = {
  name: "node-http2",
  start(rig, port) {
    const args = [nodeProxy, String(port), ...rig.upstreams.map(String)];
    return started(new Child("node-http2", process.execPath, args), port);
  },
};

/** Ours, as it is shipped, with the config that a Linkerd user would write. */
const weftmesh: Peer = {
  name: "weftmesh",
  async start(rig, port) {
    const main = join(root, "apps/proxy/dist/main.js");
    if (!existsSync(main)) return "apps/proxy is not built: npm run build";
    write(rig, "disco/web", rig.upstreams.map((each) => `127.0.0.1 ${each}`).join("\n"));
    const config = write(
      rig,
      "weftmesh.yaml",
      `admin: { port: ${port + 1} }
namers: [{ kind: io.l5d.fs, rootDir: ${rig.dir}/disco }]
routers:
- protocol: h2
  dtab: /svc => /#/io.l5d.fs
  servers: [{ port: ${port} }]
usage: { enabled: false }
`,
    );
    return started(new Child("weftmesh", process.execPath, [main, config]), port);
  },
};

/** HTTP/2 on both sides, in plain text with prior knowledge. */
export const h2Peers: readonly Peer[] = [
  haproxy("haproxy", "safe"),
  weftmesh,
  haproxy("haproxy-reuse-always", "always"),
  nginx,
  nghttpx,
  nodeHttp2,
];
