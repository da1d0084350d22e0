import { join } from "node:path";
import { Child } from "./child.ts";
import { envoy } from "./envoy.ts";
import type { H2Request } from "./h2load.ts";
import { passAsHttp1 } from "./http1-peers.ts";
import { haproxy, nginx, weftmesh } from "./programs.ts";
import { has, home, type Peer, type Rig, type Sides, started, write } from "./rig.ts";

/** What a browser or a client of an API says of itself. */
export const clientHeaders: readonly string[] = [
  "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  "accept: application/json, text/plain, */*",
  "accept-language: en-US,en;q=0.5",
  "accept-encoding: gzip, deflate, br",
  "x-request-id: 7f5a7c1e-0a1b-4a53-9f0e-2f0c6f6f2b11",
  "cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
];
export const smallGet: H2Request = { headers: [":authority: web", ...clientHeaders] };

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

/** In plain text it tells the versions of its callers apart by their first bytes. */
function nghttpx({ backend }: Sides): Peer {
  return {
    name: "nghttpx",
    async start(rig, port) {
      if (!has("nghttpx")) return "nghttpx (Debian: nghttp2-proxy) is not installed";
      const proto = backend === "http2" ? ";;proto=h2" : "";
      const backends = rig.upstreams.map((each) => `--backend=127.0.0.1,${each}${proto}`);
      const conf = write(rig, "nghttpx.conf", "");
      const own = [`--conf=${conf}`, "--workers=1", "--single-process", "--accesslog-file=/dev/null"];
      const child = new Child("nghttpx", "nghttpx", [...own, `--frontend=127.0.0.1,${port};no-tls`, ...backends]);
      return started(child, port);
    },
  };
}

const nodeHttp2: Peer = {
  name: "node-http2",
  start(rig, port) {
    const args = [join(home, "peers/node-http2-proxy.mjs"), String(port), ...rig.upstreams.map(String)];
    return started(new Child("node-http2", process.execPath, args), port);
  },
};

/** Those that speak HTTP/2 on one side or on both, in plain text with prior knowledge. */
export function h2Peers(sides: Sides): readonly Peer[] {
  const [atCaller, atBackend] = [sides.caller === "http2", sides.backend === "http2"];
  const proto = { bind: atCaller ? "proto h2" : "", server: atBackend ? "proto h2" : "" };
  const both = [
    haproxy(() => proto, "haproxy", "safe"),
    weftmesh(() => ({
      protocol: atCaller ? "h2" : "http",
      router: atCaller === atBackend ? "" : `  client: { protocol: ${atBackend ? "h2" : "http1"} }\n`,
    })),
    haproxy(() => proto, "haproxy-reuse-always", "always"),
    nginx(() => ({
      http: atCaller ? "http2_max_requests 100000000; http2_max_concurrent_streams 1000;" : "",
      listen: atCaller ? "http2" : "",
      pass: atBackend ? "grpc_pass grpc://backends;" : passAsHttp1,
    })),
    envoy(sides),
    nghttpx(sides),
  ];
  return atCaller && atBackend ? [...both, nodeHttp2] : both;
}
