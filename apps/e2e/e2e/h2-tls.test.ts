import { connect as tlsConnect } from "node:tls";
import { CertificateAuthority } from "@weftmesh/testkit/certificates";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { H2Backend, H2Client } from "../src/h2.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { TlsBackend } from "../src/tls.ts";

const dir = new TempDir();
let ca: CertificateAuthority;
let plain: H2Backend;
let secure: H2Backend;
let mutual: H2Backend;
let old: TlsBackend;
let proxy: RunningProxy;
let mine: { readonly cert: string; readonly key: string };
const clients: H2Client[] = [];

async function client(label: string, options: object = {}): Promise<H2Client> {
  const made = await H2Client.connect(
    proxy.at(label),
    { ca: ca.cert, servername: "proxy.example.org", ...options },
    "https",
  );
  clients.push(made);
  return made;
}

function answer(stream: import("node:http2").ServerHttp2Stream): void {
  stream.respond({ ":status": 200 });
  stream.end("ok");
}

beforeAll(async () => {
  ca = await CertificateAuthority.create();
  dir.write("ca.pem", ca.cert);
  const own = await ca.issue({ dns: ["proxy.example.org"] });
  dir.write("proxy.pem", own.cert);
  dir.write("proxy.key", own.key);
  mine = await ca.issue({ subject: "CN=caller, C=US", dns: ["caller"] });
  dir.write("mine.pem", mine.cert);
  dir.write("mine.key", mine.key);
  const there = await ca.issue({ dns: ["web.example.org"] });
  plain = await H2Backend.start(answer);
  secure = await H2Backend.start(answer, {}, { cert: there.cert, key: there.key });
  mutual = await H2Backend.start(
    answer,
    {},
    {
      cert: there.cert,
      key: there.key,
      ca: ca.cert,
      requestCert: true,
      rejectUnauthorized: true,
    },
  );
  old = await TlsBackend.start(there);
  const tls = `certPath: ${dir.path}/proxy.pem, keyPath: ${dir.path}/proxy.key`;
  const to = (backend: { readonly port: number }) => `/svc/* => /$/inet/127.1/${backend.port}`;
  const trust = `commonName: web.example.org, trustCertsBundle: ${dir.path}/ca.pem`;
  proxy = await RunningProxy.start(`admin: { port: 0 }
routers:
- protocol: h2
  label: server
  dtab: ${to(plain)}
  client: { forwardClientCert: true }
  servers: [{ port: 0, tls: { ${tls}, caCertPath: ${dir.path}/ca.pem, requireClientAuth: true } }]
- protocol: h2
  label: both
  dtab: ${to(secure)}
  client: { tls: { ${trust} } }
  servers: [{ port: 0, ip: 127.0.0.2, tls: { ${tls} } }]
- protocol: h2
  label: shows
  dtab: ${to(mutual)}
  client: { tls: { ${trust}, clientAuth: { certPath: ${dir.path}/mine.pem, keyPath: ${dir.path}/mine.key } } }
  servers: [{ port: 0, ip: 127.0.0.3 }]
- protocol: h2
  label: wrong
  dtab: ${to(secure)}
  client: { tls: { commonName: other.example.org, trustCertsBundle: ${dir.path}/ca.pem } }
  servers: [{ port: 0, ip: 127.0.0.4 }]
- protocol: h2
  label: old
  dtab: ${to(old)}
  client: { tls: { ${trust} } }
  servers: [{ port: 0, ip: 127.0.0.5 }]
- protocol: h2
  label: forwarded
  dtab: ${to(plain)}
  servers:
  - port: 0
    ip: 127.0.0.6
    tls: { ${tls} }
    addForwardedHeader: { by: { kind: "ip:port" }, for: { kind: ip } }
`);
});

afterAll(async () => {
  for (const each of clients) each.close();
  await proxy?.stop();
  for (const each of [plain, secure, mutual, old]) await each?.stop();
  dir.remove();
});

describe("TlsEndToEndTest", () => {
  it("client/server works with TLS", async () => {
    const one = await client("both");
    expect([one.session.alpnProtocol, one.session.encrypted]).toEqual(["h2", true]);
    expect((await one.ask()).body.toString()).toBe("ok");
    expect(secure.sessions[0]?.alpnProtocol).toBe("h2");
  });

  it("shows its certificate to a backend that asks for one", async () => {
    const one = await H2Client.connect(proxy.at("shows"));
    clients.push(one);
    expect((await one.ask()).body.toString()).toBe("ok");
  });

  it("is answered 502 for a backend of another name, and for one that speaks no HTTP/2", async () => {
    for (const label of ["wrong", "old"]) {
      const one = await H2Client.connect(proxy.at(label));
      clients.push(one);
      const { status, headers } = await one.ask();
      expect([label, status]).toEqual([label, 502]);
      expect(headers["l5d-err"]).toContain("Unable+to+establish+connection");
    }
  });

  it("offers a client nothing but h2", async () => {
    const { ip, port } = proxy.at("both");
    const outcome = await new Promise<string>((resolve) => {
      const socket = tlsConnect({
        host: ip,
        port,
        ca: ca.cert,
        servername: "proxy.example.org",
        ALPNProtocols: ["http/1.1"],
      });
      socket.once("secureConnect", () => resolve(`agreed on ${socket.alpnProtocol}`));
      socket.once("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)));
    });
    expect(outcome).toMatch(/ALERT_NO_APPLICATION_PROTOCOL|ECONNRESET/);
  });
});

describe("ForwardClientCertTest", () => {
  it("forward client certificate", async () => {
    const before = plain.received.length;
    expect((await (await client("server", { cert: mine.cert, key: mine.key })).ask()).status).toBe(200);
    expect(plain.received[before]?.["x-forwarded-client-cert"]).toMatch(
      /^Hash=[0-9A-F]{64};DNS=caller;Subject="C=US,CN=caller"$|^Hash=[0-9A-F]{64};DNS=caller;Subject="CN=caller,C=US"$/,
    );
  });

  it("forward client certificate with existing x-forwarded-client-cert header", async () => {
    const before = plain.received.length;
    const one = await client("server", { cert: mine.cert, key: mine.key });
    expect((await one.ask({ "x-forwarded-client-cert": "Hash=spoofed" })).status).toBe(200);
    const found = plain.received[before]?.["x-forwarded-client-cert"];
    expect([found?.includes("spoofed"), found?.includes("DNS=caller")]).toEqual([false, true]);
  });
});

it("the Forwarded header of h2 says authority where that of http says host", async () => {
  const before = plain.received.length;
  const { ip, port } = proxy.at("forwarded");
  expect((await (await client("forwarded")).ask({ ":authority": "web:80" })).status).toBe(200);
  expect(plain.received[before]?.["forwarded"]).toBe(`by="${ip}:${port}";for=127.0.0.1;authority="web:80";proto=https`);
});
