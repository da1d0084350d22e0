import { execFileSync } from "node:child_process";
import { Child } from "./child.ts";
import { passAsHttp1 } from "./http1-peers.ts";
import { haproxy, nginx, nginxConfig, weftmesh } from "./programs.ts";
import { type Peer, type Rig, started, write } from "./rig.ts";

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
  const conf = nginxConfig(rig, "backends", nginxServes(rig) + servers.join("\n"));
  return started(new Child("backends", "nginx", ["-e", "stderr", "-c", conf]), rig.upstreams[0] ?? 0);
}

/** TLS 1.3 on both sides, the certificates of the backends checked. */
export const tlsPeers: readonly Peer[] = [
  nginx((rig) => ({
    http: nginxServes(rig),
    listen: "ssl",
    pass: `${passAsHttp1.replace("http://", "https://")} proxy_ssl_verify on; proxy_ssl_trusted_certificate ${rig.dir}/ca.pem; proxy_ssl_name web; proxy_ssl_server_name on; proxy_ssl_protocols TLSv1.3; proxy_ssl_conf_command Ciphersuites ${suite};`,
  })),
  weftmesh(({ dir }) => ({
    protocol: "http",
    server: `tls: { certPath: ${dir}/web.pem, keyPath: ${dir}/web.key, protocols: [TLSv1.3], ciphers: [${suite}] }`,
    router: `  client:\n    tls: { commonName: web, trustCertsBundle: ${dir}/ca.pem, protocols: [TLSv1.3] }\n`,
  })),
  haproxy(({ dir }) => ({
    bind: `ssl crt ${dir}/both.pem ciphersuites ${suite} ssl-min-ver TLSv1.3`,
    server: `ssl verify required ca-file ${dir}/ca.pem verifyhost web sni str(web) ciphersuites ${suite}`,
  })),
];
