import { createServer, type Server, type Socket } from "node:net";
import { CertificateAuthority, type CertificateOptions, type MadeCertificate } from "@weftmesh/testkit/certificates";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { openFiles } from "../src/listening-ports.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { type Answer, ask } from "../src/raw-http.ts";
import { TlsBackend, tlsOver } from "../src/tls.ts";

const dir = new TempDir();
/** One file for each name of the router: the port of its backend. */
const disco = new TempDir();
const tlsBackends = new Map<string, TlsBackend>();
const rawServers: Server[] = [];
const sockets = new Set<Socket>();
let plain: Backend;
let proxy: RunningProxy;
let ca: CertificateAuthority;
let filesAtRest: number;

const hourMs = 3_600_000;
const past = { from: new Date(Date.now() - 48 * hourMs), to: new Date(Date.now() - hourMs) };
const future = { from: new Date(Date.now() + hourMs), to: new Date(Date.now() + 48 * hourMs) };
const spiffeId = "spiffe://example.org/ns/shop/sa/web";

function register(name: string, port: number): void {
  disco.write(name, `127.0.0.1 ${port}\n`);
}

async function backend(name: string, pair: MadeCertificate, options = {}): Promise<void> {
  const started = await TlsBackend.start(pair, name, options);
  tlsBackends.set(name, started);
  register(name, started.port);
}

async function issued(name: string, options: CertificateOptions = {}, by = ca): Promise<void> {
  await backend(name, await by.issue({ dns: [`${name}.example.org`], ...options }));
}

/** A server that is told byte for byte what to do. */
async function raw(name: string, onConnection: (socket: Socket) => void): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  rawServers.push(server);
  register(name, (server.address() as { port: number }).port);
}

function get(name: string, method = "GET"): Promise<Answer> {
  return ask({ to: proxy.at(), host: name, method });
}

/** What `l5d-err` says, which is encoded like a form. */
function errorOf(answer: Answer): string {
  return decodeURIComponent(String(answer.headers["l5d-err"]).replaceAll("+", " "));
}

const scope = (name: string) => `rt/http/client/#/io.l5d.fs/${name}/tls/`;

/** 502 for the one, with the reason, counted by it; 200 for another beside it. */
async function refuses(name: string, reason: string, says: RegExp): Promise<void> {
  const [answer, beside] = await Promise.all([get(name), get("bill")]);
  expect([name, answer.status, errorOf(answer)]).toEqual([name, 502, expect.stringMatching(says)]);
  expect([beside.status, beside.body]).toEqual([200, "bill"]);
  const counted = `${scope(name)}handshake_failures/${reason}`;
  await proxy.metricsWhen((metrics) => (metrics[counted] ?? 0) > 0);
}

beforeAll(async () => {
  plain = await Backend.start((_req, res) => res.end("plain"));
  ca = await CertificateAuthority.create();
  const other = await CertificateAuthority.create("Other CA");
  const below = await ca.intermediate("Below");
  dir.write("ca.pem", ca.cert);
  const mine = await ca.issue({ subject: "CN=linkerd, C=US", dns: ["linkerd"] });
  dir.write("mine.pem", mine.cert);
  dir.write("mine.key", mine.key);

  for (const name of ["bill", "ted", "excellent", "listed"]) await issued(name);
  await issued("rsa", { key: "RSA-2048" });
  await issued("insecure", { dns: ["elsewhere"] }, other);
  for (const name of ["plain", "plain-port"]) register(name, plain.port);
  await issued("wrong", { dns: ["other.example.org"] });
  await issued("wrong-san", { subject: "CN=wrong-san.example.org", dns: ["other.example.org"] });
  await issued("common", { subject: "CN=common.example.org", dns: [] });
  await issued("expired", past);
  await issued("early", future);
  await issued("unknown", {}, other);
  const chained = await below.issue({ dns: ["chain.example.org"] });
  await backend("chain", { ...chained, cert: chained.cert + below.cert });
  await issued("broken-chain", {}, below);
  await issued("wild", { dns: ["*.example.org"] });
  await issued("partial", { dns: ["par*.example.org"] });
  await issued("deep", { dns: ["*.org"] });
  await issued("two.labels", { dns: ["*.example.org"] });
  await issued("by-ip", { subject: "CN=x", dns: [], ips: ["127.0.0.1"] });
  await issued("by-other-ip", { subject: "CN=127.0.0.1", dns: [], ips: ["127.0.0.2"] });
  const asking = { ca: ca.cert, requestCert: true, rejectUnauthorized: true };
  const pairFor = (name: string) => ca.issue({ dns: [`${name}.example.org`] });
  await backend("mutual", await pairFor("mutual"), asking);
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const name = `unshown-${version.at(-1)}`;
    await backend(name, await pairFor(name), { ...asking, minVersion: version, maxVersion: version });
  }
  const ids: Readonly<Record<string, readonly string[]>> = {
    "id-good": [spiffeId],
    "id-other": ["spiffe://example.org/ns/shop/sa/cart"],
    "id-two": [spiffeId, "spiffe://example.org/ns/shop/sa/cart"],
    "id-domain": ["spiffe://example.com/ns/shop/sa/web"],
    "id-slash": [`${spiffeId}/`],
    "id-percent": ["spiffe://example.org/ns/shop/sa/w%65b"],
    "id-case": ["spiffe://EXAMPLE.org/ns/shop/sa/web"],
  };
  for (const [name, uris] of Object.entries(ids)) await issued(name, { subject: "CN=web", dns: [], uris });
  await backend("old", await pairFor("old"), {
    minVersion: "TLSv1",
    maxVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  await backend("static-rsa", await ca.issue({ dns: ["static-rsa.example.org"], key: "RSA-2048" }), {
    maxVersion: "TLSv1.2",
    ciphers: "AES128-SHA",
  });
  await backend("only12", await pairFor("only12"), {
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.2",
    ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256",
  });
  await backend("h2only", await pairFor("h2only"), { ALPNProtocols: ["h2"] });
  await raw("slammed", (socket) => socket.destroy());
  const open = await ca.issue({ dns: ["clean.example.org", "cut.example.org", "half.example.org"] });
  for (const name of ["clean", "cut"]) {
    await raw(name, (socket) => {
      const secure = tlsOver(socket, open);
      secure.once("data", () => {
        secure.write("HTTP/1.1 200 OK\r\n\r\nall of it", () => {
          // Closed below TLS, as anybody on the way could do it.
          if (name === "clean") secure.end(() => socket.end());
          else socket.end();
        });
      });
    });
  }
  await raw("half", (socket) => {
    const secure = tlsOver(socket, open);
    secure.once("data", () => secure.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nall", () => socket.end()));
  });

  proxy = await RunningProxy.start(`
admin: { port: 0 }
namers: [{ kind: io.l5d.fs, rootDir: ${disco.path} }]
routers:
- protocol: http
  dtab: /svc => /#/io.l5d.fs
  servers: [{ port: 0 }]
  client:
    kind: io.l5d.static
    configs:
    - prefix: "/#/io.l5d.fs/{host}"
      failureAccrual: { kind: none }
      tls: { commonName: "{host}.example.org", trustCertsBundle: ${dir.path}/ca.pem }
    - prefix: /#/io.l5d.fs/plain
      tls: { enabled: false }
    - prefix: /#/io.l5d.fs/insecure
      tls: { disableValidation: true }
    - prefix: /#/io.l5d.fs/listed
      tls: { commonName: listed.example.org, trustCerts: [${dir.path}/ca.pem] }
    - prefix: /#/io.l5d.fs/excellent
      tls: { commonName: excellent.example.org, trustCertsBundle: ${dir.path}/ca.pem, protocols: [TLSv1.2] }
    - prefix: /#/io.l5d.fs/mutual
      tls:
        commonName: mutual.example.org
        trustCertsBundle: ${dir.path}/ca.pem
        clientAuth: { certPath: ${dir.path}/mine.pem, keyPath: ${dir.path}/mine.key }
    - prefix: /#/io.l5d.fs/by-ip
      tls: { commonName: 127.0.0.1, trustCertsBundle: ${dir.path}/ca.pem }
    - prefix: /#/io.l5d.fs/by-other-ip
      tls: { commonName: 127.0.0.1, trustCertsBundle: ${dir.path}/ca.pem }
${Object.keys(ids)
  .map(
    (name) => `    - prefix: /#/io.l5d.fs/${name}
      tls: { commonName: "${spiffeId}", trustCertsBundle: ${dir.path}/ca.pem }
`,
  )
  .join("")}`);
  expect((await get("bill")).status).toBe(200);
  filesAtRest = openFiles(proxy.program.pid);
}, 60_000);

afterEach(() => {
  expect(proxy.program.running).toBe(true);
});

afterAll(async () => {
  await proxy?.stop();
  for (const socket of sockets) socket.destroy();
  for (const server of rawServers) server.close();
  await Promise.all([...tlsBackends.values()].map((each) => each.stop()));
  await plain?.stop();
  disco.remove();
  dir.remove();
});

describe("TLS to backends", () => {
  it("takes the name from what the prefix captured, for several backends, beside plain ones", async () => {
    for (const name of ["bill", "ted", "excellent", "rsa"]) {
      const answer = await get(name);
      expect([name, answer.status, answer.body]).toEqual([name, 200, name]);
    }
    expect((await get("plain")).body).toBe("plain");
    expect(tlsBackends.get("bill")?.received[0]?.headers["host"]).toBe("bill");
  });

  it("trusts a bundle, a deprecated list of files, a chain with what stands between", async () => {
    for (const name of ["listed", "chain"]) expect([name, (await get(name)).status]).toEqual([name, 200]);
    expect(proxy.program.output).toContain("trustCerts is deprecated");
    await refuses("broken-chain", "untrusted", /no root that is trusted/);
  });

  it("checks nothing with disableValidation: true, and says so loudly", async () => {
    expect((await get("insecure")).body).toBe("insecure");
    expect(proxy.program.output).toMatch(/W .*NO CERTIFICATE IS CHECKED \(disableValidation: true\)/);
  });

  it("shows its certificate where clientAuth says so", async () => {
    expect((await get("mutual")).body).toBe("mutual");
  });

  it("E7: is refused where it shows none, with TLS 1.2 and with 1.3, where the refusal comes late", async () => {
    // The alert of TLS 1.2 for it is the one for nearly everything.
    await refuses("unshown-2", "protocol", /No TLS: it found nothing in common, or refuses us/);
    // With 1.3 the refusal comes behind the request, and the reset behind it may take its word away. Without the word
    // nobody can know that the request was not read, and a POST is not to be sent again.
    const heard: string[] = [];
    for (let i = 0; i < 50 && heard.length < 2; i++) {
      const answer = await get("unshown-3", "POST");
      const why = errorOf(answer);
      const isKnown = /No TLS: it asks for a certificate, and was shown none/.test(why);
      expect(answer.status).toBe(502);
      if (!isKnown) expect(answer.headers["l5d-retryable"]).toBeUndefined();
      expect(why).toMatch(/No TLS: it asks for a certificate|closed the connection before it answered/);
      if (isKnown) heard.push(why);
    }
    expect(heard).toHaveLength(2);
    await proxy.metricsWhen((metrics) => (metrics[`${scope("unshown-3")}handshake_failures/refused`] ?? 0) >= 2);
  });

  it.each([
    ["E1", "expired", "expired", /its certificate, or one above it, has expired/],
    ["E2", "early", "not_yet_valid", /is not valid yet/],
    ["E3", "wrong", "wrong_name", /its certificate is not for wrong\.example\.org/],
    ["E3", "wrong-san", "wrong_name", /its certificate is not for wrong-san\.example\.org/],
    ["E3", "by-other-ip", "wrong_name", /its certificate is not for 127\.0\.0\.1/],
    ["E4", "unknown", "untrusted", /No TLS/],
    ["E5", "id-other", "wrong_name", /is not for spiffe:/],
    ["E5", "id-two", "wrong_name", /is not for spiffe:/],
    ["E5", "id-domain", "wrong_name", /is not for spiffe:/],
    ["E5", "id-slash", "wrong_name", /is not for spiffe:/],
    ["E5", "id-percent", "wrong_name", /is not for spiffe:/],
    ["E5", "id-case", "wrong_name", /is not for spiffe:/],
    ["E6", "partial", "wrong_name", /is not for partial\.example\.org/],
    ["E6", "deep", "wrong_name", /is not for deep\.example\.org/],
    ["E6", "two.labels", "wrong_name", /is not for two\.labels\.example\.org/],
    ["E9", "h2only", "alpn", /no protocol that both ends speak/],
    ["E15", "old", "protocol", /No TLS/],
    ["E15", "static-rsa", "protocol", /No TLS/],
    ["E17", "plain-port", "not_tls", /it does not speak TLS here/],
    ["E16", "slammed", "closed", /it closed the connection within the handshake/],
  ])("%s: a backend that is %s is answered with 502, counted as %s", async (_, name, reason, says) => {
    await refuses(name, reason, says);
  });

  it("E3, E6: takes a common name where there are no others, an address, one label for a star, a SPIFFE id", async () => {
    for (const name of ["common", "by-ip", "wild", "id-good", "only12"]) {
      const answer = await get(name);
      expect([name, answer.status, answer.body]).toEqual([name, 200, name]);
    }
  });

  it("E14: refuses a captured name that is none, and sends it to nobody", async () => {
    const long = "x".repeat(300);
    for (const name of [long, "a..b", "-a"]) {
      disco.write(name.slice(0, 200), `127.0.0.1 ${tlsBackends.get("bill")?.port}\n`);
    }
    for (const name of ["a..b", "-a", long.slice(0, 200)]) {
      const answer = await get(name);
      expect([name, answer.status, errorOf(answer)]).toEqual([
        name,
        502,
        expect.stringMatching(/is no name that a certificate could have/),
      ]);
    }
  });

  it("E20: a body without a length that ends below TLS is broken off, and one that TLS ends is whole", async () => {
    const answer = await get("clean");
    expect([answer.status, answer.body]).toEqual([200, "all of it"]);
    for (let i = 0; i < 5; i++) await expect(get("cut")).rejects.toThrow(/aborted|ECONNRESET|hang up/);
    // A body whose length is known needs no such word.
    expect((await get("half")).body).toBe("all");
  });

  it("takes a session up again only where it would be let in anew", async () => {
    const bill = tlsBackends.get("bill");
    const before = bill?.handshakes ?? 0;
    for (let i = 0; i < 3; i++) {
      bill?.server.closeAllConnections();
      await proxy.metricsWhen((metrics) => metrics[`${scope("bill")}connections`] === 0);
      expect((await get("bill")).status).toBe(200);
    }
    expect((bill?.handshakes ?? 0) - before).toBe(3);
    await proxy.metricsWhen((metrics) => (metrics[`${scope("bill")}resumed`] ?? 0) >= 2);
  });

  it("leaves nothing behind: no descriptor, no handshake", async () => {
    for (const each of tlsBackends.values()) each.server.closeAllConnections();
    for (const socket of sockets) socket.destroy();
    plain.server.closeAllConnections();
    await proxy.metricsWhen((metrics) =>
      Object.entries(metrics).every(
        ([name, value]) => !/tls\/(connections|handshakes_pending)$/.test(name) || value === 0,
      ),
    );
    const end = Date.now() + 10_000;
    while (openFiles(proxy.program.pid) > filesAtRest && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(openFiles(proxy.program.pid)).toBeLessThanOrEqual(filesAtRest);
  });
});
