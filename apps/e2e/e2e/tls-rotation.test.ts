import type { X509Certificate } from "node:crypto";
import { chmodSync, mkdirSync, renameSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { CertificateAuthority, type MadeCertificate } from "@weftmesh/testkit/certificates";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Backend } from "../src/backend.ts";
import { freePort } from "../src/free-port.ts";
import { Program } from "../src/process.ts";
import { proxyArgs, RunningProxy, TempDir } from "../src/proxy.ts";
import { ask, type Target } from "../src/raw-http.ts";
import { askTls, shake, TlsBackend } from "../src/tls.ts";

const dir = new TempDir();
/** Requests per second while certificates change; the full size is 500. */
const perSecond = Number(process.env["WEFT_E2E_TLS_RPS"] ?? 300);
let ca: CertificateAuthority;
let other: CertificateAuthority;
let backend: Backend;
let secure: TlsBackend;
let proxy: RunningProxy;

const front = "rt/front/server/127.0.0.2/0/tls/";
const asking = "rt/asking/server/127.0.0.3/0/tls/";
const out = "rt/out/client_tls/";

function path(name: string): string {
  return `${dir.path}/${name}`;
}

function writePair(folder: string, pair: MadeCertificate): void {
  writeFileSync(`${folder}/tls.crt`, pair.cert);
  writeFileSync(`${folder}/tls.key`, pair.key);
  chmodSync(`${folder}/tls.key`, 0o600);
}

/** The certificate that a new connection sees. */
async function shown(to: Target): Promise<string> {
  const socket = await shake(to);
  const { fingerprint256 } = socket.getPeerX509Certificate() as X509Certificate;
  socket.destroy();
  return fingerprint256.replaceAll(":", "");
}

/** Ms until new connections see a certificate. */
async function untilShown(to: Target, pair: MadeCertificate): Promise<number> {
  const began = performance.now();
  while ((await shown(to)) !== pair.sha256) {
    if (performance.now() - began > 10_000) throw new Error("the new certificate is not served");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return performance.now() - began;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

beforeAll(async () => {
  ca = await CertificateAuthority.create();
  other = await CertificateAuthority.create("Other CA");
  mkdirSync(path("v1"));
  mkdirSync(path("v2"));
  symlinkSync("v1", path("live"));
  writePair(path("v1"), await ca.issue({ dns: ["one"] }));
  mkdirSync(path("steady"));
  writePair(path("steady"), await ca.issue({ dns: ["steady"] }));
  dir.write("ca.pem", ca.cert);
  dir.write("callers.pem", ca.cert);
  backend = await Backend.start();
  secure = await TlsBackend.start(await other.issue({ dns: ["backend"] }), "secure", {
    ca: [ca.cert, other.cert],
    requestCert: true,
    rejectUnauthorized: true,
  });
  mkdirSync(path("mine"));
  writePair(path("mine"), await ca.issue({ dns: ["first"] }));
  dir.write("trusted.pem", ca.cert);
  const steady = `certPath: ${path("steady")}/tls.crt, keyPath: ${path("steady")}/tls.key`;
  proxy = await RunningProxy.start(`
admin: { port: 0 }
routers:
- protocol: http
  label: front
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers:
  - { ip: 127.0.0.2, port: 0, tls: { certPath: ${path("live")}/tls.crt, keyPath: ${path("live")}/tls.key } }
- protocol: http
  label: asking
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers:
  - { ip: 127.0.0.3, port: 0, tls: { ${steady}, caCertPath: ${path("callers.pem")}, requireClientAuth: true } }
  client: { forwardClientCert: true }
- protocol: http
  label: out
  dtab: /svc/* => /$/inet/127.1/${secure.port}
  servers: [{ port: 0 }]
  client:
    failureAccrual: { kind: none }
    tls:
      commonName: backend
      trustCertsBundle: ${path("trusted.pem")}
      clientAuth: { certPath: ${path("mine")}/tls.crt, keyPath: ${path("mine")}/tls.key }
`);
}, 60_000);

afterEach(() => {
  expect(proxy.program.running).toBe(true);
});

afterAll(async () => {
  await proxy?.stop();
  await secure?.stop();
  await backend?.stop();
  dir.remove();
});

/** Requests at a fixed rate, one in ten on a connection of its own. Resolves with all that was not answered by 200. */
async function load(to: Target, forMs: number): Promise<{ sent: number; failed: readonly string[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64, rejectUnauthorized: false });
  const failed: string[] = [];
  const all: Promise<void>[] = [];
  const began = performance.now();
  const total = Math.round((perSecond * forMs) / 1000);
  while (all.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - began) * perSecond) / 1000) + 1);
    while (all.length < due) {
      const own = all.length % 10 === 0;
      all.push(
        new Promise((resolve) => {
          const req = request(
            {
              host: to.ip,
              port: to.port,
              headers: { host: "web" },
              agent: own ? new Agent({ maxCachedSessions: 0, rejectUnauthorized: false }) : agent,
            },
            (res) => {
              res.resume();
              res.on("end", () => {
                if (res.statusCode !== 200) failed.push(String(res.statusCode));
                resolve();
              });
            },
          );
          req.on("error", (error) => {
            failed.push(error.message);
            resolve();
          });
          req.end();
        }),
      );
    }
    await sleep(4);
  }
  await Promise.all(all);
  agent.destroy();
  return { sent: total, failed };
}

describe("certificates that change on disk", () => {
  it("E11: are served within 2 s, with no failure of any request, however they are replaced", async () => {
    const to = proxy.at("front");
    const before = (await proxy.metrics())[`${front}reloads`] ?? 0;
    const load$ = load(to, 7_000);
    await sleep(500);
    const tookMs: number[] = [];
    // In place: for a moment the certificate is new and its key is old.
    const second = await ca.issue({ dns: ["two"] });
    writePair(path("v1"), second);
    tookMs.push(await untilShown(to, second));
    await sleep(300);
    // By renaming, one file after the other.
    const third = await ca.issue({ dns: ["three"], key: "RSA-2048" });
    mkdirSync(path("new"));
    writePair(path("new"), third);
    renameSync(path("new/tls.key"), path("v1/tls.key"));
    renameSync(path("new/tls.crt"), path("v1/tls.crt"));
    tookMs.push(await untilShown(to, third));
    await sleep(300);
    // Both at once, by a symbolic link, as Kubernetes does it.
    const fourth = await ca.issue({ dns: ["four"] });
    writePair(path("v2"), fourth);
    symlinkSync("v2", path("next"));
    renameSync(path("next"), path("live"));
    tookMs.push(await untilShown(to, fourth));
    const { sent, failed } = await load$;
    console.log(`E11: ${sent} requests at ${perSecond} rps, new certificates after ${tookMs.map(Math.round)} ms`);
    expect(failed).toEqual([]);
    for (const ms of tookMs) expect(ms).toBeLessThan(2_000);
    const metrics = await proxy.metrics();
    expect((metrics[`${front}reloads`] ?? 0) - before).toBe(3);
  }, 30_000);

  it("E12: stay as they were while what is on disk is no pair, with a counter and a line of the log", async () => {
    const to = proxy.at("front");
    const before = (await proxy.metrics())[`${front}reload_failures`] ?? 0;
    const old = await shown(to);
    const next = await ca.issue({ dns: ["next"] });
    const folder = path("v2");
    const states: readonly (readonly [RegExp, () => void])[] = [
      [/keyPath: .* is not the key of the certificate/, () => writeFileSync(`${folder}/tls.crt`, next.cert)],
      [/certPath: .* ends within a PEM block/, () => truncateSync(`${folder}/tls.crt`, next.cert.length >> 1)],
      [/certPath: .* has no PEM certificate/, () => writeFileSync(`${folder}/tls.crt`, "")],
      [/certPath: .* does not exist/, () => renameSync(`${folder}/tls.crt`, `${folder}/gone`)],
      [
        /certPath: .* cannot be read|has a certificate .* that cannot be read/,
        () => writeFileSync(`${folder}/tls.crt`, garbled(next.cert)),
      ],
    ];
    let failures = before;
    for (const [says, make] of states) {
      make();
      const metrics = await proxy.metricsWhen((each) => (each[`${front}reload_failures`] ?? 0) > failures);
      failures = metrics[`${front}reload_failures`] ?? 0;
      expect(proxy.program.output).toMatch(new RegExp(`E .*what is in use stays: ${says.source}`));
      expect(await shown(to)).toBe(old);
      expect((await askTls(to)).status).toBe(200);
    }
    const expired = await ca.issue({
      dns: ["late"],
      from: new Date(Date.now() - 9e6),
      to: new Date(Date.now() - 1000),
    });
    writePair(folder, expired);
    await proxy.metricsWhen((each) => (each[`${front}reload_failures`] ?? 0) > failures);
    expect(await shown(to)).toBe(old);
    expect(proxy.program.output).toMatch(/is not valid now, and the certificate in use still is/);
    writePair(folder, next);
    await untilShown(to, next);
  }, 40_000);

  it("E13: a bundle of roots may be swapped, with both in it for a while", async () => {
    const to = proxy.at("asking");
    const old = await ca.issue({ dns: ["old-caller"] });
    const young = await other.issue({ dns: ["young-caller"] });
    const tries = async (pair: MadeCertificate): Promise<boolean> =>
      askTls(to, { cert: pair.cert, key: pair.key }).then(
        (answer) => answer.status === 200,
        () => false,
      );
    expect([await tries(old), await tries(young)]).toEqual([true, false]);
    // One that is kept, and a session of it that could be taken up later.
    const kept = await shake(to, { cert: old.cert, key: old.key, maxVersion: "TLSv1.2" });
    const session = kept.getSession() as Buffer;
    let reloads = (await proxy.metrics())[`${asking}reloads`] ?? 0;
    const swap = async (bundle: string): Promise<void> => {
      dir.write("callers.pem", bundle);
      reloads++;
      await proxy.metricsWhen((each) => each[`${asking}reloads`] === reloads);
    };
    await swap(ca.cert + other.cert);
    expect([await tries(old), await tries(young)]).toEqual([true, true]);
    await swap(other.cert);
    expect([await tries(old), await tries(young)]).toEqual([false, true]);
    // E10: a session from the time of the old root is not let in.
    await expect(askTls(to, { cert: old.cert, key: old.key, session, maxVersion: "TLSv1.2" })).rejects.toThrow();
    kept.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    expect(String(await new Promise((resolve) => kept.once("data", resolve)))).toMatch(/^HTTP\/1\.1 200/);
    kept.destroy();
  }, 30_000);

  it("E11, E13: the roots and the certificate of a client change without a restart: 502 before, 200 after", async () => {
    const to = proxy.at("out");
    const before = await ask({ to });
    expect([before.status, String(before.headers["l5d-err"])]).toEqual([502, expect.stringMatching(/No\+TLS/)]);
    dir.write("trusted.pem", other.cert);
    const end = Date.now() + 10_000;
    while ((await ask({ to })).status !== 200 && Date.now() < end) await sleep(50);
    expect((await ask({ to })).body).toBe("secure");
    const reloads = (await proxy.metrics())[`${out}reloads`] ?? 0;
    expect(reloads).toBe(1);
    const second = await other.issue({ dns: ["second"] });
    let showed = "";
    secure.server.on("secureConnection", (socket) => {
      showed = socket.getPeerX509Certificate()?.fingerprint256.replaceAll(":", "") ?? showed;
    });
    writePair(path("mine"), second);
    await proxy.metricsWhen((each) => (each[`${out}reloads`] ?? 0) === 2);
    secure.server.closeAllConnections();
    while (showed !== second.sha256 && Date.now() < end + 5_000) {
      expect((await ask({ to })).status).toBe(200);
      await sleep(20);
    }
    expect(showed).toBe(second.sha256);
  }, 30_000);
});

describe("a reload of a router with TLS", () => {
  const config = (port: number, adminPort: number, tls: string): string => `
admin: { ip: 127.0.0.1, port: ${adminPort} }
routers:
- protocol: http
  label: again
  dtab: /svc/* => /$/inet/127.1/${backend.port}
  servers: [{ port: ${port}${tls} }]
`;

  it("fails no request, keeps connections that are let in by the same rules, and ends the others", async () => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const to = { ip: "127.0.0.1", port };
    const pair = (name: string): string => `certPath: ${path(name)}/tls.crt, keyPath: ${path(name)}/tls.key`;
    const file = dir.write("again.yaml", config(port, adminPort, `, tls: { ${pair("steady")} }`));
    const program = new Program(process.execPath, [...proxyArgs, file]);
    const reload = async (tls: string): Promise<void> => {
      const times = program.output.split("the config was read again").length;
      dir.write("again.yaml", config(port, adminPort, tls));
      program.child.kill("SIGHUP");
      const end = Date.now() + 10_000;
      while (program.output.split("the config was read again").length === times) {
        if (Date.now() > end) throw new Error(program.output);
        await sleep(20);
      }
      expect(program.output).not.toMatch(/the old one stays/);
    };
    try {
      await program.prints(/: initialized\n/);
      const kept = await shake(to);
      const asks = async (): Promise<string> => {
        kept.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
        return String(await new Promise((resolve) => kept.once("data", resolve)));
      };
      expect(await asks()).toMatch(/^HTTP\/1\.1 200/);
      // Another certificate, the same rules for clients.
      const load$ = load(to, 2_500);
      await sleep(600);
      await reload(`, tls: { ${pair("live")} }`);
      await sleep(600);
      await reload(`, tls: { ${pair("steady")} }`);
      expect((await load$).failed).toEqual([]);
      expect(await asks()).toMatch(/^HTTP\/1\.1 200/);
      // Now a certificate is asked for: whoever came without one must come again with one.
      const gone = new Promise((resolve) => kept.once("close", resolve));
      await reload(`, tls: { ${pair("steady")}, caCertPath: ${path("ca.pem")}, requireClientAuth: true }`);
      await gone;
      await expect(askTls(to)).rejects.toThrow();
      const caller = await ca.issue({ dns: ["caller"] });
      expect((await askTls(to, { cert: caller.cert, key: caller.key })).status).toBe(200);
      // And from TLS to none: what was TLS ends, what comes is plain.
      await reload("");
      expect((await ask({ to })).status).toBe(200);
      await expect(shake(to)).rejects.toThrow();
    } finally {
      expect(await program.stop()).toBe(0);
    }
  }, 40_000);
});

/** Whole blocks with bytes in them that are no certificate. */
function garbled(pem: string): string {
  const lines = pem.split("\n");
  return [lines[0], ...lines.slice(1, -2).map((line) => line.split("").reverse().join("")), ...lines.slice(-2)].join(
    "\n",
  );
}
