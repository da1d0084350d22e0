import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Child } from "./child.ts";
import { has, nginxBase, type Peer, type Rig, root, started, write } from "./peers.ts";

/** One suite for all of them, and for every hop: what is compared is the proxies. */
const suite = "TLS_AES_128_GCM_SHA256";

/** A root, and a pair that it signed, made for the run. */
function makeCertificates(rig: Rig): void {
  const run = (...args: readonly string[]): void => {
    execFileSync("openssl", args, { cwd: rig.dir, stdio: "ignore" });
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  run("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Bench CA");
  run("req", ...key, "-keyout", "web.key", "-out", "web.csr", "-subj", "/CN=web");
  write(rig, "web.ext", "subjectAltName=DNS:web\n");
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "web.ext"];
  run("x509", "-req", "-in", "web.csr", ...signed, "-days", "2", "-out", "web.pem");
  execFileSync("sh", ["-c", "cat web.pem web.key > both.pem"], { cwd: rig.dir });
}

function nginxServes(rig: Rig): string {
  return `ssl_certificate ${rig.dir}/web.pem; ssl_certificate_key ${rig.dir}/web.key; ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites ${suite};`;
}

/** Three ports of one nginx that answer 1 KiB over TLS. */
export async function startTlsBackends(rig: Rig): Promise<Child> {
  makeCertificates(rig);
  const body = "x".repeat(1024);
  const servers = rig.upstreams.map(
    (port) => `server { listen 127.0.0.1:${port} ssl backlog=4096; return 200 "${body}"; }`,
  );
  const conf = nginxBase(rig, "backends", nginxServes(rig) + servers.join("\n"));
  return started(new Child("backends", "nginx", ["-e", "stderr", "-c", conf]), rig.upstreams[0] ?? 0);
}

const nginx: Peer = {
  name: "nginx",
  async start(rig, port) {
    if (!has("nginx")) return "nginx is not installed";
    const upstream = rig.upstreams.map((each) => `server 127.0.0.1:${each};`).join(" ");
    const proxied = `proxy_pass https://backends; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;`;
    const checked = `proxy_ssl_verify on; proxy_ssl_trusted_certificate ${rig.dir}/ca.pem; proxy_ssl_name web; proxy_ssl_server_name on; proxy_ssl_protocols TLSv1.3; proxy_ssl_conf_command Ciphersuites ${suite};`;
    const conf = nginxBase(
      rig,
      "nginx",
      `${nginxServes(rig)} upstream backends { ${upstream} keepalive 256; keepalive_requests 100000000; }
server { listen 127.0.0.1:${port} ssl backlog=4096; location / { ${proxied} ${checked} } }`,
    );
    return started(new Child("nginx", "nginx", ["-e", "stderr", "-c", conf]), port);
  },
};

const haproxy: Peer = {
  name: "haproxy",
  async start(rig, port) {
    if (!has("haproxy")) return "haproxy is not installed";
    const checked = `ssl verify required ca-file ${rig.dir}/ca.pem verifyhost web sni str(web) ciphersuites ${suite}`;
    const servers = rig.upstreams.map((each, i) => `  server s${i} 127.0.0.1:${each} ${checked}`).join("\n");
    const conf = write(
      rig,
      "haproxy.cfg",
      `global\n  nbthread 1\n  maxconn 4000\ndefaults\n  mode http\n  http-reuse always\n  timeout client 60s\n  timeout server 60s\n  timeout connect 5s\nfrontend f\n  bind 127.0.0.1:${port} backlog 4096 ssl crt ${rig.dir}/both.pem ciphersuites ${suite} ssl-min-ver TLSv1.3\n  default_backend b\nbackend b\n  balance roundrobin\n${servers}\n`,
    );
    return started(new Child("haproxy", "haproxy", ["-f", conf, "-db"]), port);
  },
};

/** Ours, as it is shipped. */
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
- protocol: http
  dtab: /svc => /#/io.l5d.fs
  servers:
  - port: ${port}
    tls: { certPath: ${rig.dir}/web.pem, keyPath: ${rig.dir}/web.key, protocols: [TLSv1.3], ciphers: [${suite}] }
  client:
    tls: { commonName: web, trustCertsBundle: ${rig.dir}/ca.pem, protocols: [TLSv1.3] }
usage: { enabled: false }
`,
    );
    return started(new Child("weftmesh", process.execPath, [main, config]), port);
  },
};

/** TLS 1.3 on both sides, the certificates of the backends checked. */
export const tlsPeers: readonly Peer[] = [nginx, weftmesh, haproxy];
