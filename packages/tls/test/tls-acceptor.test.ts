import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import type { PeerIdentity } from "@weftmesh/http";
import { eventually, ManualClock, MemoryStats } from "@weftmesh/testkit";
import { CertificateAuthority, type MadeCertificate } from "@weftmesh/testkit/certificates";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { serverContext } from "../src/server-context.ts";
import { TlsAcceptor } from "../src/tls-acceptor.ts";
import { Folder, Log } from "./files.ts";

let ca: CertificateAuthority;
let own: MadeCertificate;
let caller: MadeCertificate;

beforeAll(async () => {
  ca = await CertificateAuthority.create();
  own = await ca.issue({ dns: ["server"] });
  caller = await ca.issue({ dns: ["caller"], to: new Date(Date.now() + 60_000) });
});

const undo: (() => void)[] = [];
afterEach(() => {
  for (const each of undo.splice(0).reverse()) each();
});

interface Rig {
  readonly port: number;
  readonly clock: ManualClock;
  readonly stats: MemoryStats;
  readonly acceptor: TlsAcceptor;
  readonly secured: { readonly socket: TLSSocket; readonly peer: PeerIdentity | undefined }[];
}

interface RigOptions {
  readonly maxHandshakes?: number;
  readonly requireClientAuth?: boolean;
  readonly sessionSecret?: Uint8Array;
  readonly name?: string;
}

async function rig(options: RigOptions = {}): Promise<Rig> {
  const { requireClientAuth = false, sessionSecret, name = "test" } = options;
  const folder = new Folder();
  const clock = new ManualClock(0, Date.now());
  const stats = new MemoryStats();
  const settings = {
    certPath: folder.write("cert.pem", own.cert),
    keyPath: folder.write("key.pem", own.key),
    caCertPath: folder.write("ca.pem", ca.cert),
    requireClientAuth,
  };
  const context = serverContext(settings, { name, clock, stats, log: new Log(), sessionSecret });
  const alpn = ["http/1.1"];
  const acceptor = new TlsAcceptor({ context, alpn, clock, stats, ...options, requireClientAuth });
  const secured: Rig["secured"] = [];
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (accepted) => {
    acceptor.accept(accepted, { made: () => {}, secured: (socket, peer) => void secured.push({ socket, peer }) });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => {
    acceptor.close();
    for (const { socket } of secured) socket.destroy();
    server.close();
    folder.remove();
  });
  return { port: (server.address() as AddressInfo).port, clock, stats, acceptor, secured };
}

function tcp(port: number): Socket & { gone?: boolean } {
  const socket: Socket & { gone?: boolean } = connectTcp(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.on("close", () => {
    socket.gone = true;
  });
  undo.push(() => socket.destroy());
  return socket;
}

function tls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options }, () => resolve(socket));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed")));
    undo.push(() => socket.destroy());
  });
}

describe("the handshakes of a listener", () => {
  it("E16: end within their time, and are counted by why", async () => {
    const { port, clock, stats } = await rig();
    const mute = tcp(port);
    await eventually("it is there", () => stats.readGauge("handshakes_pending") === 1);
    await clock.advance(9_999);
    expect(mute.gone).toBeUndefined();
    await clock.advance(1);
    await eventually("it is closed", () => mute.gone === true);
    expect(stats.readCounter("handshake_failures")).toBe(1);
    expect(stats.readCounter("handshake_failures/timeout")).toBe(1);
    expect(stats.readGauge("handshakes_pending")).toBe(0);
    expect(clock.armed).toBe(0);
  });

  it("are so many at a time: the oldest that is not done makes room for who comes", async () => {
    const { port, stats, secured } = await rig({ maxHandshakes: 2 });
    const mutes = [tcp(port)];
    await eventually("one waits", () => stats.readGauge("handshakes_pending") === 1);
    mutes.push(tcp(port));
    await eventually("two wait", () => stats.readGauge("handshakes_pending") === 2);
    await tls(port);
    await eventually("the first is gone", () => mutes[0]?.gone === true);
    expect(mutes[1]?.gone).toBeUndefined();
    await eventually("the one who means well is let in", () => secured.length === 1);
    expect(stats.readCounter("handshake_failures/evicted")).toBe(1);
    expect(stats.readGauge("handshakes_pending")).toBe(1);
    expect(stats.readGauge("connections")).toBe(1);
  });

  it("end when the client leaves, by halves too, and when the listener closes", async () => {
    const { port, stats, acceptor, clock } = await rig();
    const [whole, half, staying] = [tcp(port), tcp(port), tcp(port)];
    await eventually("they wait", () => stats.readGauge("handshakes_pending") === 3);
    whole.destroy();
    half.end();
    await eventually("two are gone", () => stats.readGauge("handshakes_pending") === 1);
    expect(stats.readCounter("handshake_failures/closed")).toBe(2);
    acceptor.close();
    await eventually("the last is gone", () => staying.gone === true);
    expect(clock.armed).toBe(0);
    await expect(tls(port)).rejects.toThrow();
  });

  it("show who the client is, and no one where nobody was asked", async () => {
    const asking = await rig({ requireClientAuth: true });
    await tls(asking.port, { cert: caller.cert, key: caller.key });
    await eventually("it is let in", () => asking.secured.length === 1);
    expect(asking.secured[0]?.peer?.sha256).toBe(caller.sha256);
    const open = await rig();
    await tls(open.port, { cert: caller.cert, key: caller.key });
    await eventually("it is let in", () => open.secured.length === 1);
    expect(open.secured[0]?.peer).toBeUndefined();
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "E10: look at the dates of a certificate again when a session of %s is taken up",
    async (version) => {
      const { port, clock, stats, secured } = await rig({ requireClientAuth: true });
      const as = { cert: caller.cert, key: caller.key, minVersion: version, maxVersion: version };
      const first = await tls(port, as);
      const session = await new Promise<Buffer>((resolve) => {
        first.on("session", resolve);
        if (version === "TLSv1.2") resolve(first.getSession() as Buffer);
      });
      await tls(port, { ...as, session });
      await eventually("it is taken up", () => stats.readCounter("resumed") === 1);
      expect(secured.at(-1)?.peer?.sha256).toBe(caller.sha256);
      await clock.advance(61_000);
      const late = await tls(port, { ...as, session }).catch((error: Error) => error);
      if (!(late instanceof Error)) await new Promise((resolve) => late.once("close", resolve));
      expect(stats.readCounter("handshake_failures/expired")).toBe(1);
      expect(stats.readCounter("resumed")).toBe(1);
      expect(secured).toHaveLength(2);
    },
  );

  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "E10: take up a session of %s that another process began when both have the secret, by the same rules alone",
    async (version) => {
      const sessionSecret = Buffer.alloc(32, 7);
      const as = { cert: caller.cert, key: caller.key, minVersion: version, maxVersion: version };
      const begun = await rig({ requireClientAuth: true, sessionSecret });
      const first = await tls(begun.port, as);
      const session = await new Promise<Buffer>((resolve) => {
        first.on("session", resolve);
        if (version === "TLSv1.2") resolve(first.getSession() as Buffer);
      });
      const resumes = async (options: RigOptions): Promise<number> => {
        const { port, stats, secured } = await rig(options);
        await tls(port, { ...as, session });
        await eventually("it is let in", () => secured.length === 1);
        if (options.requireClientAuth === true) expect(secured[0]?.peer?.sha256).toBe(caller.sha256);
        return stats.readCounter("resumed");
      };
      expect(await resumes({ requireClientAuth: true, sessionSecret })).toBe(1);
      expect(await resumes({ requireClientAuth: true, sessionSecret, name: "other" })).toBe(0);
      expect(await resumes({ requireClientAuth: true, sessionSecret: Buffer.alloc(32, 8) })).toBe(0);
      expect(await resumes({ requireClientAuth: true })).toBe(0);
      expect(await resumes({ sessionSecret })).toBe(0);
    },
  );

  it("take nobody whose certificate cannot be checked here", async () => {
    const { port, acceptor, stats, secured } = await rig({ requireClientAuth: true });
    const identify = acceptor.identify.bind(acceptor);
    // A runtime that no longer says what came of the check.
    acceptor.identify = (socket) => {
      Object.defineProperty((socket as unknown as { ssl: object }).ssl, "verifyError", { value: undefined });
      return identify(socket);
    };
    await tls(port, { cert: caller.cert, key: caller.key }).catch(() => {});
    await eventually("it is refused", () => stats.readCounter("handshake_failures") === 1);
    expect(secured).toHaveLength(0);
  });
});
