import { connect as tlsConnect } from "node:tls";
import { systemClock } from "@weftmesh/core";
import type { Connection } from "@weftmesh/http";
import { Listeners } from "@weftmesh/listeners";
import { eventually, ManualClock, RawClient } from "@weftmesh/testkit";
import { CertificateAuthority } from "@weftmesh/testkit/certificates";
import { serverContext, TlsAcceptor } from "@weftmesh/tls";
import { afterEach, describe, expect, it } from "vitest";
import {
  type ConnectionOwner,
  checkInterval,
  type FrameWire,
  listenOnWires,
  type ServedConnection,
  type Serving,
  type WireReader,
  type WireServer,
  type WireServerOptions,
} from "../src/index.ts";

/** Lines that are answered with the name of the server that has the connection; one that ends in `...` is under way. */
class Echo implements ServedConnection, WireReader {
  owner: ConnectionOwner<Echoes>;
  checks = 0;
  private readonly wire: FrameWire;
  line = "";

  constructor(owner: ConnectionOwner<Echoes>, wire: FrameWire) {
    this.owner = owner;
    this.wire = wire;
  }

  onBytes(bytes: Buffer, end: number): void {
    this.line += bytes.toString("latin1", 0, end);
    if (!this.line.endsWith("\n")) return;
    const { name } = this.owner.serving;
    this.wire.writeText(`${name}${this.owner.draining ? " (the last)" : ""}: ${this.line}`);
    this.line = "";
    if (this.owner.draining) this.wire.end();
    else if (this.owner.handsOver) this.moveIfIdle();
  }

  onEof(): void {
    this.wire.end();
  }

  onWritable(): void {}

  onClosed(): void {
    this.owner.closed(this);
  }

  moveIfIdle(): void {
    if (this.line === "") this.owner = this.owner.handOver(this);
  }

  drainNow(): void {
    if (this.line === "") this.wire.end();
  }

  destroy(): void {
    this.wire.destroy();
  }

  check(): void {
    this.checks++;
  }
}

class Echoes implements Serving<Echoes> {
  readonly name: string;
  readonly protocols: readonly string[];
  readonly checkMs = 100;
  readonly made: Echo[] = [];
  readonly connections: Connection[] = [];
  readonly alpn: (string | undefined)[] = [];
  endings = 0;

  constructor(name: string, protocols: readonly string[] = ["echo"]) {
    this.name = name;
    this.protocols = protocols;
  }

  begin(owner: ConnectionOwner<Echoes>, wire: FrameWire, connection: Connection, alpn: string | undefined): Echo {
    const echo = new Echo(owner, wire);
    wire.readBy(echo);
    this.made.push(echo);
    this.connections.push(connection);
    this.alpn.push(alpn);
    return echo;
  }

  ended(): void {
    this.endings++;
  }
}

const servers: WireServer[] = [];
const clients: RawClient[] = [];

afterEach(async () => {
  for (const each of clients.splice(0)) each.destroy();
  await Promise.all(servers.splice(0).map((each) => each.close(0)));
});

async function listen(serving: Echoes, options: Partial<WireServerOptions> = {}): Promise<WireServer> {
  const server = await listenOnWires({ port: 0, clock: systemClock, ...options }, serving);
  servers.push(server);
  return server;
}

function client(server: WireServer): RawClient {
  const made = new RawClient(server.address.port);
  clients.push(made);
  return made;
}

const says = (peer: RawClient, text: string): Promise<void> => eventually(text, () => peer.text === text || peer.text);

describe("a server of any protocol", () => {
  it("begins each connection on its wire and says whose it is, and forgets it when it is gone", async () => {
    const serving = new Echoes("a");
    const server = await listen(serving);
    const peer = client(server);
    await says(peer.send("hello\n"), "a: hello\n");
    expect(server.connections).toBe(1);
    const [connection] = serving.connections;
    expect(connection).toMatchObject({ local: server.address, secure: false, peer: undefined });
    expect(connection?.remote.port).toBe(peer.socket.localPort);
    peer.destroy();
    await eventually("it is forgotten", () => server.connections === 0);
    expect(serving.endings).toBe(0);
    await server.close();
    expect(serving.endings).toBe(1);
  });

  it("checks its connections every so often while it has any", async () => {
    const clock = new ManualClock();
    const serving = new Echoes("a");
    const server = await listen(serving, { clock });
    const peer = client(server);
    await says(peer.send("hello\n"), "a: hello\n");
    await clock.advance(350);
    expect(serving.made.map((each) => each.checks)).toEqual([3]);
    peer.destroy();
    expect(clock.armed).toBe(1);
    await eventually("it is forgotten", () => server.connections === 0);
    expect(clock.armed).toBe(0);
  });

  it("closes who comes when there are as many as may be", async () => {
    const server = await listen(new Echoes("a"), { maxConnections: 1 });
    await says(client(server).send("hello\n"), "a: hello\n");
    const second = client(server);
    await second.gone();
    expect(second.error).toMatchObject({ code: "ECONNRESET" });
  });

  it("lets what is under way end when it closes, closes what is idle, and cuts the rest off after the grace", async () => {
    const clock = new ManualClock();
    const serving = new Echoes("a");
    const server = await listen(serving, { clock });
    const [idle, busy, stuck] = [client(server), client(server), client(server)];
    await says(idle.send("hello\n"), "a: hello\n");
    busy.send("wait");
    stuck.send("wait");
    await eventually("all are there", () => server.connections === 3);
    await eventually("their lines began", () => serving.made.filter((each) => each.line === "wait").length === 2);
    const closed = server.close(1_000);
    await idle.gone();
    await says(busy.send("ed\n"), "a (the last): waited\n");
    await busy.gone();
    await eventually("one is left", () => server.connections === 1);
    await clock.advance(1_000);
    await closed;
    await stuck.gone();
    expect(stuck.text).toBe("");
  });

  it("says so when it cannot listen, and nothing of it stays", async () => {
    const server = await listen(new Echoes("a"));
    const serving = new Echoes("b");
    const { port } = server.address;
    await expect(listen(serving, { port })).rejects.toMatchObject({ code: "WEFT_LISTEN" });
    expect(serving.endings).toBe(1);
  });

  it("lets one object stand for a connection in another's place", async () => {
    const serving = new Echoes("a");
    const server = await listen(serving);
    const peer = client(server);
    await says(peer.send("hello\n"), "a: hello\n");
    const before = serving.made[0] as Echo;
    let destroyed = 0;
    const by: ServedConnection = {
      moveIfIdle: () => {},
      drainNow: () => {},
      check: () => {},
      destroy: () => {
        destroyed++;
        before.owner.closed(by);
        before.destroy();
      },
    };
    before.owner.replace(before, by);
    expect(server.connections).toBe(1);
    before.onClosed = () => {};
    await server.close(0, 0);
    expect(destroyed).toBe(1);
  });
});

describe("a server in another's place", () => {
  const port = async (listeners: Listeners): Promise<number> => {
    const first = await listenOnWires({ port: 0, clock: systemClock, listeners }, new Echoes("x"));
    await first.close();
    return first.address.port;
  };

  it("takes over what is idle at once, and what is under way behind it", async () => {
    const listeners = new Listeners();
    const options = { port: await port(new Listeners()), listeners };
    const serving = new Echoes("a");
    const first = await listen(serving, options);
    const [idle, busy] = [client(first), client(first)];
    await says(idle.send("hello\n"), "a: hello\n");
    await says(busy.send("hello\n"), "a: hello\n");
    busy.send("wait");
    await eventually("its line began", () => serving.made.some((each) => each.line === "wait"));
    listeners.beginTakeover();
    const second = await listen(new Echoes("b", ["more", "echo"]), options);
    const closed = first.close();
    await says(idle.send("hello\n"), "a: hello\nb: hello\n");
    await says(busy.send("ed\n"), "a: hello\na: waited\n");
    await closed;
    await says(busy.send("hello\n"), "a: hello\na: waited\nb: hello\n");
    expect([first.connections, second.connections]).toEqual([0, 2]);
  });

  it("leaves the connections of one that speaks what it does not to end there", async () => {
    const listeners = new Listeners();
    const options = { port: await port(new Listeners()), listeners };
    const first = await listen(new Echoes("a", ["echo", "more"]), options);
    const peer = client(first);
    await says(peer.send("hello\n"), "a: hello\n");
    listeners.beginTakeover();
    const second = await listen(new Echoes("b"), options);
    expect([first.connections, second.connections]).toEqual([1, 0]);
    const closed = first.close();
    await peer.gone();
    await closed;
    expect(peer.text).toBe("a: hello\n");
  });
});

describe("a server of TLS", () => {
  it("says which protocol the client chose", async () => {
    const { cert, key } = await (await CertificateAuthority.create()).issue({ dns: ["backend"] });
    const { mkdtempSync, rmSync, writeFileSync } = await import("node:fs");
    const { tmpdir } = await import("node:os");
    const { join } = await import("node:path");
    const { nullStats } = await import("@weftmesh/telemetry");
    const dir = mkdtempSync(join(tmpdir(), "weft-wire-"));
    writeFileSync(join(dir, "cert.pem"), cert);
    writeFileSync(join(dir, "key.pem"), key, { mode: 0o600 });
    const log = { info: () => {}, warning: () => {}, error: () => {} };
    const context = serverContext(
      { certPath: join(dir, "cert.pem"), keyPath: join(dir, "key.pem"), requireClientAuth: false },
      { name: "test", clock: systemClock, stats: nullStats, log },
    );
    rmSync(dir, { recursive: true });
    const alpn = ["h2", "http/1.1"];
    const tls = new TlsAcceptor({ context, requireClientAuth: false, alpn, clock: systemClock, stats: nullStats });
    const serving = new Echoes("a");
    const server = await listen(serving, { tls });
    for (const ALPNProtocols of [["http/1.1"], ["h2", "http/1.1"], undefined]) {
      const socket = tlsConnect({
        port: server.address.port,
        host: "127.0.0.1",
        rejectUnauthorized: false,
        ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }),
      });
      let text = "";
      socket.on("data", (bytes: Buffer) => {
        text += bytes.toString();
      });
      socket.write("hello\n");
      await eventually("it answers", () => text === "a: hello\n");
      socket.destroy();
    }
    expect(serving.alpn).toEqual(["http/1.1", "h2", undefined]);
    expect(serving.connections.every((each) => each.secure)).toBe(true);
  });
});

describe("the time between two checks", () => {
  it("is an eighth of the shortest limit, within reason", () => {
    expect(checkInterval(10_000, Number.POSITIVE_INFINITY)).toBe(1_000);
    expect(checkInterval(10_000, 800, 4_000)).toBe(100);
    expect(checkInterval(1)).toBe(4);
    expect(checkInterval()).toBe(1_000);
  });
});
