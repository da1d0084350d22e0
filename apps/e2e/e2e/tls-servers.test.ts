import { chmodSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { CertificateAuthority, type MadeCertificate } from "@weftmesh/testkit/certificates";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { openFiles } from "../src/listening-ports.ts";
import { Program } from "../src/process.ts";
import { proxyArgs, RunningProxy, TempDir } from "../src/proxy.ts";
import { ask, sendRaw, type Target } from "../src/raw-http.ts";
import { askTls, clientHello, inRecords, sessionOf, shake } from "../src/tls.ts";

const dir = new TempDir();
const hourMs = 3_600_000;
let backend: Backend;
let proxy: RunningProxy;
let ca: CertificateAuthority;
let caller: MadeCertificate;
let expired: MadeCertificate;
let early: MadeCertificate;
let stranger: MadeCertificate;
let filesAtRest: number;

const server = "rt/secure/server/127.0.0.2/0/tls/";
const mutual = "rt/mutual/server/127.0.0.3/0/tls/";

function writePair(name: string, pair: MadeCertificate): string {
  dir.write(`${name}.pem`, pair.cert);
  const key = dir.write(`${name}.key`, pair.key);
  chmodSync(key, 0o600);
  return `certPath: ${dir.path}/${name}.pem, keyPath: ${dir.path}/${name}.key`;
}

beforeAll(async () => {
  backend = await Backend.start();
  ca = await CertificateAuthority.create();
  const other = await CertificateAuthority.create("Other CA");
  const below = await ca.intermediate("Below");
  dir.write("ca.pem", ca.cert);
  dir.write("below.pem", below.cert);
  const own = writePair("own", await below.issue({ dns: ["linkerd"] }));
  const rsa = writePair("rsa", await ca.issue({ dns: ["linkerd"], key: "RSA-2048" }));
  const open = writePair("open", await ca.issue({ dns: ["linkerd"] }));
  chmodSync(`${dir.path}/open.key`, 0o644);
  caller = await ca.issue({
    // The order of RFC 2253 is the other way round.
    subject: "CN=upstream, C=US",
    names: [
      { type: "url", value: "https://buoyant.io" },
      { type: "dns", value: "upstream" },
      { type: "ip", value: "127.0.0.1" },
      { type: "dns", value: "linkerd" },
    ],
  });
  expired = await ca.issue({
    dns: ["late"],
    from: new Date(Date.now() - 9 * hourMs),
    to: new Date(Date.now() - hourMs),
  });
  early = await ca.issue({
    dns: ["early"],
    from: new Date(Date.now() + hourMs),
    to: new Date(Date.now() + 9 * hourMs),
  });
  stranger = await other.issue({ dns: ["upstream"] });
  // Each has an address of its own, so that every port may be 0.
  let at = 1;
  const router = (label: string, tls: string, more = "") => `
- protocol: http
  label: ${label}
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers: [{ ip: 127.0.0.${++at}, port: 0, tls: { ${tls} } }]
${more}`;
  const asking = `caCertPath: ${dir.path}/ca.pem, requireClientAuth: true`;
  proxy = await RunningProxy.start(`
admin: { port: 0 }
routers:${router("secure", `${own}, intermediateCertsPath: ${dir.path}/below.pem`, "  client: { forwardClientCert: true }\n")}
${router("mutual", `${own}, ${asking}`, "  client: { forwardClientCert: true }\n")}
${router("twin", `${own}, ${asking}`)}
${router("quiet", `${own}, ${asking}`)}
${router("one", `${rsa}, protocols: [TLSv1.2], ciphers: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]`)}
${router("defaults", rsa)}
${router("open", open)}
- protocol: http
  label: plain
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers: [{ port: 0 }]
  client: { forwardClientCert: true }
`);
  expect((await askTls(proxy.at("secure"), { ca: ca.cert })).status).toBe(200);
  filesAtRest = openFiles(proxy.program.pid);
}, 60_000);

afterEach(async () => {
  expect(proxy.program.running).toBe(true);
  expect((await askTls(proxy.at("secure"), { ca: ca.cert })).status).toBe(200);
});

afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
  dir.remove();
});

/** What the last request brought to the backend. */
function forwarded(): unknown {
  return backend.received.at(-1)?.headers["x-forwarded-client-cert"];
}

/** One request on a connection that is given up then, and whether it took up a session of before. */
async function talk(label: string, options: ConnectionOptions): Promise<{ socket: TLSSocket; reused: boolean }> {
  const socket = await shake(proxy.at(label), options);
  socket.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
  await new Promise((resolve) => socket.once("data", resolve));
  const reused = socket.isSessionReused();
  socket.destroy();
  return { socket, reused };
}

/** All that comes on a TCP connection until it is closed. */
function rawly(
  to: Target,
  write: (send: (bytes: Uint8Array) => boolean, isOpen: () => boolean) => void,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connectTcp(to.port, to.ip, () =>
      write(
        (bytes) => socket.write(bytes),
        () => !socket.closed,
      ),
    );
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
    });
    socket.on("close", () => resolve(Buffer.concat(chunks)));
  });
}

describe("a TLS listener", () => {
  it("terminates TLS in front of a plain backend, with the chain that its client needs", async () => {
    const answer = await askTls(proxy.at("secure"), { ca: ca.cert, servername: "linkerd" });
    expect([answer.status, answer.body]).toEqual([200, "ok"]);
    expect(backend.received.at(-1)?.headers["l5d-dst-client"]).toBe(`/$/inet/127.1/${backend.port}`);
  });

  it("speaks the one version and the one cipher that it is told to", async () => {
    const socket = await shake(proxy.at("one"), { ca: ca.cert });
    expect([socket.getProtocol(), socket.getCipher().name]).toEqual(["TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"]);
    socket.destroy();
    expect((await askTls(proxy.at("one"), { ca: ca.cert })).status).toBe(200);
    await expect(shake(proxy.at("one"), { minVersion: "TLSv1.3" })).rejects.toThrow(/alert protocol version/);
    await expect(
      shake(proxy.at("one"), { ciphers: "ECDHE-RSA-AES256-GCM-SHA384", maxVersion: "TLSv1.2" }),
    ).rejects.toThrow(/handshake failure/);
  });

  it("counts its handshakes and connections, and says when its certificate expires", async () => {
    const socket = await shake(proxy.at("secure"));
    await proxy.metricsWhen((metrics) => (metrics[`${server}connections`] ?? 0) >= 1);
    socket.destroy();
    const metrics = await proxy.metricsWhen((each) => each[`${server}connections`] === 0);
    expect(metrics[`${server}handshakes`]).toBeGreaterThan(0);
    const left = metrics[`${server}certificate_expiry_seconds`] ?? 0;
    expect(left).toBeGreaterThan(86_000);
    expect(left).toBeLessThanOrEqual(86_400);
    expect(metrics[`${server}handshakes_pending`]).toBe(0);
  });

  it("E7: takes no client without a certificate where it requires one", async () => {
    const alert = /certificate required|closed/;
    await expect(askTls(proxy.at("mutual"))).rejects.toThrow(alert);
    await expect(askTls(proxy.at("mutual"), { maxVersion: "TLSv1.2" })).rejects.toThrow();
    await proxy.metricsWhen((metrics) => (metrics[`${mutual}handshake_failures/no_certificate`] ?? 0) >= 2);
    expect((await askTls(proxy.at("mutual"), { cert: caller.cert, key: caller.key })).status).toBe(200);
  });

  it.each([
    ["E1", "an expired", "expired", () => expired],
    ["E2", "an early", "not_yet_valid", () => early],
    ["E4", "a stranger's", "untrusted", () => stranger],
  ])("%s: takes no client with %s certificate, counted as %s", async (_, __, reason, pair) => {
    const { cert, key } = pair();
    const before = backend.received.length;
    await expect(askTls(proxy.at("mutual"), { cert, key })).rejects.toThrow(/closed|ECONNRESET|hang up/);
    await expect(askTls(proxy.at("mutual"), { cert, key, maxVersion: "TLSv1.2" })).rejects.toThrow();
    await proxy.metricsWhen((metrics) => (metrics[`${mutual}handshake_failures/${reason}`] ?? 0) >= 2);
    expect(backend.received.length).toBe(before);
  });

  it("E8: refuses to renegotiate", async () => {
    const socket = await shake(proxy.at("secure"), { maxVersion: "TLSv1.2" });
    const refused = new Promise<Error>((resolve) => socket.once("error", resolve));
    socket.renegotiate({}, () => {});
    expect((await refused).message).toMatch(/no renegotiation|closed|ECONNRESET/i);
    socket.destroy();
  });

  it("E9: refuses a client that speaks h2 alone, with the alert for it, and speaks h1 with one that speaks both", async () => {
    await expect(shake(proxy.at("secure"), { ALPNProtocols: ["h2"] })).rejects.toThrow(/no application protocol/);
    const socket = await shake(proxy.at("secure"), { ALPNProtocols: ["h2", "http/1.1"] });
    expect(socket.alpnProtocol).toBe("http/1.1");
    socket.destroy();
    await proxy.metricsWhen((metrics) => (metrics[`${server}handshake_failures/alpn`] ?? 0) >= 1);
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "E10: takes up a session of %s of its own, with the identity of its client, and none of another listener",
    async (version) => {
      const as = { cert: caller.cert, key: caller.key, minVersion: version, maxVersion: version };
      const first = await talk("mutual", as);
      const given = sessionOf(first.socket);
      expect(given).toBeDefined();
      const resumed = async (label: string): Promise<boolean> =>
        (await talk(label, { ...as, session: given as Buffer })).reused;
      backend.received.length = 0;
      expect(await resumed("mutual")).toBe(true);
      expect(forwarded()).toContain(`Hash=${caller.sha256}`);
      expect(await resumed("twin")).toBe(false);
      // One that began where nobody asked who it was is worth nothing where somebody does.
      const anonymous = await talk("secure", { minVersion: version, maxVersion: version });
      const foreign = sessionOf(anonymous.socket) as Buffer;
      expect(foreign).toBeDefined();
      await expect(
        askTls(proxy.at("mutual"), { session: foreign, minVersion: version, maxVersion: version }),
      ).rejects.toThrow();
    },
  );

  it("E14: minds no server name: none, an address, 10 KB of it, bytes that are none", async () => {
    expect((await askTls(proxy.at("secure"))).status).toBe(200);
    for (const name of ["127.0.0.1", "x".repeat(10_240), "\u0000\u0001\u00ff", ""]) {
      const heard = await rawly(proxy.at("secure"), (send) => {
        send(inRecords(clientHello(name), 16_000));
        // Whatever it answers, nothing more is coming.
        setTimeout(() => send(Buffer.from([21, 3, 3, 0, 2, 2, 80])), 200);
      });
      expect([21, 22, undefined]).toContain(heard[0]);
    }
  });

  it("E15: speaks no version before 1.2, and no suite without forward secrecy or authenticated encryption", async () => {
    const weak = { ciphers: "ALL:COMPLEMENTOFALL:@SECLEVEL=0" };
    for (const version of ["TLSv1", "TLSv1.1"] as const) {
      const old = { ...weak, minVersion: version, maxVersion: version };
      await expect(shake(proxy.at("secure"), old)).rejects.toThrow(/protocol version|closed/);
    }
    const strong = ["ECDSA", "RSA"].flatMap((by) =>
      ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"].map((cipher) => `ECDHE-${by}-${cipher}`),
    );
    const all = "ALL:COMPLEMENTOFALL";
    const others = strong.map((name) => `:!${name}`).join("");
    for (const label of ["secure", "defaults"]) {
      const weakest = { ciphers: `${all}${others}:@SECLEVEL=0`, maxVersion: "TLSv1.2" } as const;
      await expect(shake(proxy.at(label), weakest)).rejects.toThrow(/handshake failure/);
      const socket = await shake(proxy.at(label), { ciphers: `${all}:@SECLEVEL=0`, maxVersion: "TLSv1.2" });
      expect(strong).toContain(socket.getCipher().name);
      socket.destroy();
    }
    // It is the server whose order counts.
    const both = {
      ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
      maxVersion: "TLSv1.2",
    } as const;
    const socket = await shake(proxy.at("secure"), both);
    expect(socket.getCipher().name).toBe("ECDHE-ECDSA-AES128-GCM-SHA256");
    socket.destroy();
  }, 60_000);

  it("E16: closes a handshake that comes byte by byte, or never ends, within its time, and serves others meanwhile", async () => {
    const began = performance.now();
    const hello = inRecords(clientHello("linkerd"), 1);
    const dribbled = rawly(proxy.at("secure"), (send, isOpen) => {
      let at = 0;
      const next = (): void => {
        if (!isOpen()) return;
        if (at < hello.length) send(hello.subarray(at, at + 6));
        at += 6;
        setTimeout(next, 150);
      };
      next();
    });
    const mute = rawly(proxy.at("secure"), () => {});
    const half = rawly(proxy.at("mutual"), (send) => void send(hello.subarray(0, 40)));
    await proxy.metricsWhen((metrics) => (metrics[`${server}handshakes_pending`] ?? 0) >= 2);
    expect((await askTls(proxy.at("secure"))).status).toBe(200);
    await Promise.all([dribbled, mute, half]);
    expect(performance.now() - began).toBeLessThan(13_000);
    const metrics = await proxy.metricsWhen((each) => each[`${server}handshakes_pending`] === 0);
    expect(metrics[`${server}handshake_failures/timeout`]).toBeGreaterThanOrEqual(2);
    // Split, and not slow, it is a handshake like any other.
    const quick = await rawly(proxy.at("secure"), (send) => {
      send(hello);
      setTimeout(() => send(Buffer.from([21, 3, 3, 0, 2, 2, 80])), 300);
    });
    expect(quick[0]).toBe(22);
  }, 30_000);

  it("E17: says nothing of itself to plain HTTP on a port of TLS, nor to TLS on a plain one", async () => {
    const answer = await sendRaw(proxy.at("secure"), "GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    expect(answer).not.toMatch(/HTTP|weft|l5d|node/i);
    expect(answer.length).toBeLessThan(64);
    await proxy.metricsWhen((metrics) => (metrics[`${server}handshake_failures/not_tls`] ?? 0) >= 1);
    await expect(shake(proxy.at("plain"))).rejects.toThrow();
    const reverse = await sendRaw(proxy.at("plain"), inRecords(clientHello("web"), 16_000).toString("latin1"));
    expect(reverse).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(reverse).not.toMatch(/l5d-err|weft|node/i);
    expect((await ask({ to: proxy.at("plain") })).status).toBe(200);
  });

  it("E18: warns of a key that others may read", () => {
    const { output } = proxy.program;
    expect(output).toMatch(/W .*router open, .*keyPath: the private key .*open\.key is open to everybody .*mode 644/);
    expect(output).not.toMatch(/own\.key is open/);
  });

  it("E19: tells a backend of a certificate that was checked, and of nothing else", async () => {
    const claim = 'x-forwarded-client-cert: Hash=17;SAN=https://buoyant.io;Subject="CN=root"\r\n';
    const head = `GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n${claim}${claim}`;
    const shown = `Hash=${caller.sha256};SAN=https://buoyant.io;DNS=upstream;DNS=linkerd;Subject="C=US,CN=upstream"`;
    const as = { cert: caller.cert, key: caller.key };
    expect((await askTls(proxy.at("mutual"), as, head)).status).toBe(200);
    expect(forwarded()).toBe(shown);
    // Asked for no certificate: nothing was checked, so nothing is told.
    expect((await askTls(proxy.at("secure"), as, head)).status).toBe(200);
    expect(forwarded()).toBeUndefined();
    // Checked, and not to be told.
    expect((await askTls(proxy.at("quiet"), as, head)).status).toBe(200);
    expect(forwarded()).toBeUndefined();
    const headers = { "x-forwarded-client-cert": ["Hash=17", "Hash=18"] };
    expect((await ask({ to: proxy.at("plain"), headers })).status).toBe(200);
    expect(forwarded()).toBeUndefined();
  });

  it("leaves nothing behind: no descriptor, no handshake, no connection", async () => {
    backend.server.closeAllConnections();
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

describe("TLS on the admin port", () => {
  it("serves what it serves, and closes plain HTTP", async () => {
    const own = `certPath: ${dir.path}/own.pem, keyPath: ${dir.path}/own.key`;
    const program = new Program(process.execPath, [...proxyArgs, "-"], {
      stdin: `
admin: { port: 0, tls: { ${own}, intermediateCertsPath: ${dir.path}/below.pem } }
routers:
- protocol: http
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers: [{ port: 0 }]
`,
    });
    try {
      const [, port] = await program.prints(/serving http admin on \/127\.0\.0\.1:(\d+)\n/);
      await program.prints(/: initialized\n/);
      const to = { ip: "127.0.0.1", port: Number(port) };
      const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n`;
      const answer = await askTls(to, { ca: ca.cert, servername: "linkerd" }, get("/admin/ping"));
      expect([answer.status, answer.body]).toEqual([200, "pong"]);
      expect(await sendRaw(to, `${get("/admin/ping")}\r\n`)).not.toMatch(/pong|HTTP/);
      const metrics = await askTls(to, { ca: ca.cert }, get("/admin/metrics.json"));
      expect(metrics.body).toMatch(/"admin\/tls\/handshake_failures\/not_tls":1/);
      expect((await askTls(to, { ca: ca.cert }, get("/config.json"))).body).not.toMatch(/PRIVATE KEY/);
    } finally {
      expect(await program.stop()).toBe(0);
    }
  });
});

describe("files that cannot be used", () => {
  const server = (tls: string) => `
admin: { port: 0 }
routers:
- protocol: http
  servers:
  - port: 0
    tls: { ${tls} }
`;
  const client = (tls: string) => `
admin: { port: 0 }
routers:
- protocol: http
  servers: [{ port: 0 }]
  client:
    tls: { ${tls} }
`;
  it.each([
    [
      "a certificate that is not there",
      () => server("certPath: /nowhere/a.pem, keyPath: /nowhere/a.key"),
      /-:7:\d+: routers\[0\]\.servers\[0\]\.tls\.certPath: router http, certPath: \/nowhere\/a\.pem does not exist/,
    ],
    [
      "a key of another certificate",
      () => server(`certPath: ${dir.path}/own.pem, keyPath: ${dir.path}/rsa.key`),
      /tls\.keyPath: router http, keyPath: .*rsa\.key is not the key of the certificate in .*own\.pem/,
    ],
    [
      "roots that are none",
      () => client(`commonName: web, trustCertsBundle: ${dir.path}/own.key`),
      /-:7:\d+: routers\[0\]\.client\.tls\.trustCertsBundle: .*own\.key has no PEM certificate/,
    ],
    [
      "a certificate to be shown whose key is not there",
      () => client(`commonName: web, clientAuth: { certPath: ${dir.path}/own.pem, keyPath: /nowhere/own.key }`),
      /client\.tls\.clientAuth\.keyPath: .*own\.key does not exist/,
    ],
    [
      "a cipher that protects nothing",
      () => server(`certPath: ${dir.path}/own.pem, keyPath: ${dir.path}/own.key, ciphers: [TLS_RSA_WITH_RC4_128_MD5]`),
      /tls\.ciphers: .*TLS_RSA_WITH_RC4_128_MD5 protects nothing/,
    ],
    [
      "an admin certificate that is not there",
      () =>
        `admin: { port: 0, tls: { certPath: /nowhere/a.pem, keyPath: b } }\nrouters: [{ protocol: http, servers: [{ port: 0 }] }]`,
      /-:1:\d+: admin\.tls\.certPath: admin, certPath: \/nowhere\/a\.pem does not exist/,
    ],
  ])("%s is refused with its line, and no port is bound", async (_, config, says) => {
    const program = new Program(process.execPath, [...proxyArgs, "-"], { stdin: config() });
    expect(await program.exited).toBe(1);
    expect(program.output).toMatch(says);
    expect(program.output).not.toMatch(/serving/);
  });
});
