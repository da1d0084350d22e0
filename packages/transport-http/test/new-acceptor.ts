import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@weftmesh/core";
import { nullStats } from "@weftmesh/telemetry";
import { CertificateAuthority } from "@weftmesh/testkit/certificates";
import { serverContext, TlsAcceptor } from "@weftmesh/tls";

/** Handshakes in which the client chooses between both versions, with a certificate of its own. */
export async function newAcceptor(): Promise<TlsAcceptor> {
  const { cert, key } = await (await CertificateAuthority.create()).issue({ dns: ["web"] });
  const dir = mkdtempSync(join(tmpdir(), "weft-http-"));
  const [certPath, keyPath] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  writeFileSync(certPath, cert);
  writeFileSync(keyPath, key, { mode: 0o600 });
  const log = { info: () => {}, warning: () => {}, error: () => {} };
  const around = { name: "test", clock: systemClock, stats: nullStats, log };
  const context = serverContext({ certPath, keyPath, requireClientAuth: false }, around);
  rmSync(dir, { recursive: true });
  const alpn = ["h2", "http/1.1"];
  return new TlsAcceptor({ context, requireClientAuth: false, alpn, clock: systemClock, stats: nullStats });
}
