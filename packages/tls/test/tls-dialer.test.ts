import type { AddressInfo } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { ManualClock, MemoryStats } from "@weftmesh/testkit";
import { CertificateAuthority, type MadeCertificate } from "@weftmesh/testkit/certificates";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { clientContext } from "../src/client-context.ts";
import { TlsDialer } from "../src/tls-dialer.ts";
import { Folder, Log } from "./files.ts";

let ca: CertificateAuthority;
let other: CertificateAuthority;
let pair: MadeCertificate;

beforeAll(async () => {
  ca = await CertificateAuthority.create();
  other = await CertificateAuthority.create("Other CA");
  pair = await ca.issue({ dns: ["backend"], to: new Date(Date.now() + 60_000) });
});

const undo: (() => void)[] = [];
afterEach(() => {
  for (const each of undo.splice(0).reverse()) each();
});

async function listen(version: "TLSv1.2" | "TLSv1.3"): Promise<number> {
  const server: Server = createServer({ ...pair, minVersion: version, maxVersion: version }, (socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.write("pong"));
    undo.push(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

function rig(commonName = "backend") {
  const folder = new Folder();
  const clock = new ManualClock(0, Date.now());
  const stats = new MemoryStats();
  const trustCertsBundle = folder.write("ca.pem", ca.cert);
  const settings = { enabled: true, disableValidation: false, trustCertsBundle };
  const context = clientContext(settings, { name: "test", clock, stats, log: new Log() });
  const dialer = new TlsDialer({ context, validate: true, commonName, alpn: ["http/1.1"], clock, stats });
  undo.push(() => folder.remove());
  return { folder, clock, stats, context, dialer };
}

/** Connects, checks, and has a word with the server, so that its tickets have come. */
function visit(dialer: TlsDialer, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let socket: TLSSocket;
    try {
      socket = dialer.connect({ port, host: "127.0.0.1" });
    } catch (error) {
      reject(error);
      return;
    }
    undo.push(() => socket.destroy());
    socket.on("error", reject);
    socket.on("secureConnect", () => {
      try {
        dialer.check(socket);
      } catch (error) {
        socket.destroy();
        reject(error);
        return;
      }
      const reused = socket.isSessionReused();
      socket.once("data", () => {
        socket.destroy();
        resolve(reused);
      });
      socket.write("ping");
    });
  });
}

describe.each(["TLSv1.2", "TLSv1.3"] as const)("a session of %s", (version) => {
  it("is taken up again, with the certificate that it began with", async () => {
    const port = await listen(version);
    const { dialer } = rig();
    expect([await visit(dialer, port), await visit(dialer, port), await visit(dialer, port)]).toEqual([
      false,
      true,
      // A ticket of 1.3 is used once, and so is the only one that 1.2 gave.
      expect.any(Boolean),
    ]);
  });

  it("E10: is not let in when its certificate has expired meanwhile", async () => {
    const port = await listen(version);
    const { dialer, clock } = rig();
    await visit(dialer, port);
    await clock.advance(61_000);
    await expect(visit(dialer, port)).rejects.toMatchObject({ code: "WEFT_TLS_HANDSHAKE", reason: "expired" });
  });

  it("E10: is forgotten when whom to trust has changed", async () => {
    const port = await listen(version);
    const { dialer, folder, context } = rig();
    await visit(dialer, port);
    folder.write("ca.pem", other.cert);
    await context.look();
    await expect(visit(dialer, port)).rejects.toThrow(/unable to (verify|get)|self.signed/i);
  });

  it("E3: is not begun with a server of another name", async () => {
    const port = await listen(version);
    const { dialer } = rig("frontend");
    for (let i = 0; i < 2; i++) await expect(visit(dialer, port)).rejects.toMatchObject({ reason: "wrong_name" });
  });
});
