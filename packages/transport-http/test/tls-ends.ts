import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@weftmesh/core";
import { nullStats } from "@weftmesh/telemetry";
import { CertificateAuthority } from "@weftmesh/testkit/certificates";
import { clientContext, type LiveContext, serverContext, TlsAcceptor, TlsDialer } from "@weftmesh/tls";

const silent = { info: () => {}, warning: () => {}, error: () => {} };

/** Both ends of TLS between a server and its clients, with certificates that last as long as the test. */
export class TlsEnds {
  readonly server: LiveContext;
  readonly client: LiveContext;

  private constructor(server: LiveContext, client: LiveContext) {
    this.server = server;
    this.client = client;
  }

  static async create(): Promise<TlsEnds> {
    const dir = mkdtempSync(join(tmpdir(), "weft-tls-"));
    const ca = await CertificateAuthority.create();
    const pair = await ca.issue({ dns: ["backend"] });
    const write = (name: string, text: string): string => {
      writeFileSync(join(dir, name), text, { mode: 0o600 });
      return join(dir, name);
    };
    const around = { name: "test", clock: systemClock, stats: nullStats, log: silent };
    const certPath = write("cert.pem", pair.cert);
    const keyPath = write("key.pem", pair.key);
    const server = serverContext({ certPath, keyPath, requireClientAuth: false }, around);
    const settings = { enabled: true, disableValidation: false, trustCertsBundle: write("ca.pem", ca.cert) };
    const client = clientContext(settings, around);
    rmSync(dir, { recursive: true });
    return new TlsEnds(server, client);
  }

  acceptor(): TlsAcceptor {
    return new TlsAcceptor({
      context: this.server,
      requireClientAuth: false,
      alpn: ["h2", "http/1.1"],
      clock: systemClock,
      stats: nullStats,
    });
  }

  dialer(commonName = "backend", handshakeTimeoutMs = 10_000): TlsDialer {
    return new TlsDialer({
      context: this.client,
      validate: true,
      commonName,
      alpn: ["h2", "http/1.1"],
      clock: systemClock,
      handshakeTimeoutMs,
      stats: nullStats,
    });
  }
}
