import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Full, Retained, Taken } from "@weftmesh/http";
import { eventually, RawClient, settle } from "@weftmesh/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { type AcceptMode, acceptWire } from "../src/accept-wire.ts";
import type { SocketWire } from "../src/socket-wire.ts";
import type { WireReader } from "../src/wire.ts";

/** Keeps everything it hears. */
class Keeper implements WireReader {
  wire: SocketWire | undefined = undefined;
  readonly chunks: Buffer[] = [];
  readonly buffers: Buffer[] = [];
  retains = true;
  /** Asks for no more in bulk with the next bytes. */
  last = false;
  eof = false;
  writable = 0;
  closed = false;

  onBytes(bytes: Buffer, end: number): void {
    const wire = this.wire as SocketWire;
    this.buffers.push(bytes);
    this.chunks.push(wire.chunk(bytes, 0, end));
    if (this.retains) wire.retain(bytes);
    if (this.last) wire.bulk = false;
  }

  onEof(): void {
    this.eof = true;
  }

  onWritable(): void {
    this.writable++;
  }

  onClosed(): void {
    this.closed = true;
  }

  get content(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

describe.each(["onread", "data"] as const)("a wire that is read by %s", (mode: AcceptMode) => {
  const servers: Server[] = [];
  const clients: RawClient[] = [];

  async function open(highWaterBytes = 65_536): Promise<{ client: RawClient; wire: SocketWire; keeper: Keeper }> {
    const keeper = new Keeper();
    let socket: Socket | undefined;
    const server = createServer(
      { allowHalfOpen: true, pauseOnConnect: true, highWaterMark: highWaterBytes },
      (accepted) => {
        const made = acceptWire(accepted, mode, keeper, highWaterBytes);
        keeper.wire = made.wire;
        socket = made.socket;
        if (mode === "data") socket.resume();
      },
    );
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const client = new RawClient((server.address() as AddressInfo).port);
    clients.push(client);
    await eventually("it is accepted", () => keeper.wire !== undefined);
    return { client, wire: keeper.wire as SocketWire, keeper };
  }

  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  it("writes what was said within a turn at its end, in the order in which it was said", async () => {
    const { client, wire } = await open();
    await settle();
    wire.writeText("a");
    wire.writeText("b");
    expect(wire.pending).toBe(2);
    wire.writeAround("c", Buffer.from("d"), "e");
    expect(wire.pending).toBe(5);
    wire.writeBytes(Buffer.from("f"));
    wire.writeAround("g", Buffer.alloc(10_000, "h"), "i");
    wire.writeText("j");
    expect(wire.sent).toBe(6 + 10_002 + 1);
    wire.end();
    await eventually("it has ended", () => client.ended);
    expect(client.text).toBe(`abcdefg${"h".repeat(10_000)}ij`);
  });

  it.each([16_384, 32_768, 65_536])(
    "F3: says that it is full when %i bytes wait for a client that does not read",
    async (limit) => {
      const { client, wire } = await open(limit);
      client.socket.pause();
      const chunk = Buffer.alloc(4_096, 97);
      // The kernel takes what it can first.
      let flags = wire.writeBytes(chunk);
      for (let i = 0; i < 100_000 && wire.pending === 0; i++) {
        flags = wire.writeBytes(chunk);
        if (wire.pending > 0) await settle();
      }
      while ((flags & Full) === 0) flags = wire.writeBytes(chunk);
      expect(wire.pending).toBeGreaterThanOrEqual(limit - chunk.length);
      expect(wire.pending).toBeLessThanOrEqual(limit + chunk.length);
    },
  );

  it("reads into no buffer that is larger than what may wait to be written", async () => {
    const { client, wire, keeper } = await open(32_768);
    wire.bulk = true;
    client.send(Buffer.alloc(1_000_000, 98));
    await eventually("it is all there", () => wire.received === 1_000_000);
    expect(Math.max(...keeper.buffers.map((each) => each.buffer.byteLength))).toBeLessThanOrEqual(
      mode === "onread" ? 16_384 : 65_536,
    );
  });

  it.each(["at once", "a turn later", "when the end has gone out"])(
    "closes when it is reset %s behind its end",
    async (when) => {
      const { client, wire, keeper } = await open();
      wire.writeText("a");
      wire.end();
      if (when === "a turn later") await settle();
      if (when === "when the end has gone out") await eventually("it has ended", () => client.ended);
      wire.reset();
      await eventually("it is closed", () => keeper.closed);
      await client.gone();
      expect(client.text).toBe("a");
    },
  );

  it("keeps the order and the end of what is said while a long text is still going out", async () => {
    const { client, wire, keeper } = await open();
    client.socket.pause();
    const long = "x".repeat(8_000_000);
    wire.writeText(long);
    await eventually("it was handed over", () => wire.pending > 0 && wire.sent === long.length);
    await settle();
    expect([wire.full, keeper.writable]).toEqual([true, 0]);
    wire.writeText("a");
    wire.writeBytes(Buffer.from("b"));
    wire.writeText("c");
    wire.end();
    client.socket.resume();
    await eventually("it has ended", () => client.ended);
    expect(client.text.length).toBe(long.length + 3);
    expect(client.text.slice(-5)).toBe("xxabc");
    expect([wire.pending, wire.full]).toEqual([0, false]);
  });

  it("says that there is room again when a long text has gone out", async () => {
    const { client, wire, keeper } = await open();
    client.socket.pause();
    expect(wire.writeText("x".repeat(8_000_000))).toBe(Full);
    await settle();
    expect([wire.full, keeper.writable]).toEqual([true, 0]);
    client.socket.resume();
    await eventually("more is asked for", () => keeper.writable > 0);
    expect([wire.full, wire.pending]).toEqual([false, 0]);
  });

  it("asks for more when the socket took at once what had been too much", async () => {
    const { wire, keeper } = await open();
    let flags: number = Taken;
    for (let i = 0; i < 65 && flags === Taken; i++) flags = wire.writeText("x".repeat(1024));
    expect([flags, wire.full, keeper.writable]).toEqual([Full, true, 0]);
    await eventually("more is asked for", () => keeper.writable > 0);
    expect(wire.full).toBe(false);
  });

  it("loses nothing that was said before it is closed", async () => {
    const { client, wire } = await open();
    wire.writeText("last words");
    wire.destroy();
    wire.writeText("never");
    await eventually("it has ended", () => client.ended);
    expect(client.text).toBe("last words");
  });

  it.each([false, true])("never overwrites a chunk that is kept, in bulk: %s", async (bulk) => {
    const { client, wire, keeper } = await open();
    wire.bulk = bulk;
    const parts = Array.from({ length: 60 }, (_, i) => Buffer.alloc(50_000, i + 1));
    for (const part of parts) client.send(part);
    await eventually("all is there", () => wire.received === 3_000_000);
    expect(keeper.content.equals(Buffer.concat(parts))).toBe(true);
  });

  it("uses the memory of a chunk again that nobody keeps", async () => {
    if (mode === "data") return;
    const { client, wire, keeper } = await open();
    keeper.retains = false;
    wire.bulk = true;
    for (let i = 0; i < 50; i++) {
      client.send(Buffer.alloc(20_000, i));
      await eventually("it is there", () => wire.received === (i + 1) * 20_000);
    }
    // The first read went into the shared buffer, which was in place before bulk was asked for.
    expect(new Set(keeper.buffers).size).toBe(2);
  });

  it("gives no memory of one connection to another while a chunk of it is kept", async () => {
    const [one, two] = [await open(), await open()];
    one.wire.bulk = true;
    two.wire.bulk = true;
    for (let i = 1; i < 40; i++) {
      one.client.send(Buffer.alloc(9_000, i));
      two.client.send(Buffer.alloc(9_000, 255 - i));
      if (i % 3 === 0) await settle();
    }
    await eventually("all is there", () => one.wire.received + two.wire.received === 2 * 39 * 9_000);
    const expected = (byte: (i: number) => number): Buffer =>
      Buffer.concat(Array.from({ length: 39 }, (_, i) => Buffer.alloc(9_000, byte(i + 1))));
    expect(one.keeper.content.equals(expected((i) => i))).toBe(true);
    expect(two.keeper.content.equals(expected((i) => 255 - i))).toBe(true);
  });

  it("gives no memory away that holds the last chunk of a body", async () => {
    const [one, two] = [await open(), await open()];
    const send = async (to: typeof one, byte: number, total: number): Promise<void> => {
      to.client.send(Buffer.alloc(9_000, byte));
      await eventually("it is there", () => to.wire.received === total);
    };
    one.wire.bulk = true;
    two.wire.bulk = true;
    await send(one, 1, 9_000);
    one.keeper.last = true;
    await send(one, 2, 18_000);
    for (let i = 1; i <= 5; i++) await send(two, 9, i * 9_000);
    expect(one.keeper.content.equals(Buffer.concat([Buffer.alloc(9_000, 1), Buffer.alloc(9_000, 2)]))).toBe(true);
  });

  it("keeps what was read by connections that closed out of later ones", async () => {
    const kept: { keeper: Keeper; byte: number }[] = [];
    for (let i = 0; i < 12; i++) {
      const { client, wire, keeper } = await open();
      wire.bulk = true;
      for (let k = 0; k < 4; k++) {
        client.send(Buffer.alloc(30_000, i));
        await eventually("it is there", () => wire.received === (k + 1) * 30_000);
      }
      kept.push({ keeper, byte: i });
      client.destroy();
      await eventually("it is closed", () => keeper.eof);
      wire.destroy();
    }
    for (const { keeper, byte } of kept) expect(keeper.content.equals(Buffer.alloc(120_000, byte))).toBe(true);
  });

  it("is full past the high-water mark only, and says when it is not any more", async () => {
    const { client, wire, keeper } = await open();
    expect(wire.writeText("small")).toBe(Taken);
    expect(wire.full).toBe(false);
    await client.until(() => client.text === "small");
    client.socket.pause();
    const chunk = Buffer.alloc(60_000, 1);
    let flags = Taken;
    let writes = 0;
    while ((flags & Full) === 0 && writes < 1_000) {
      flags = wire.writeBytes(chunk);
      writes++;
      // What the kernel took at once is not retained, and never full.
      expect((flags & Retained) !== 0).toBe(wire.pending > 0);
      await settle();
    }
    expect(flags).toBe(Retained | Full);
    expect(wire.full).toBe(true);
    expect(wire.pending).toBeGreaterThanOrEqual(65_536);
    const before = keeper.writable;
    client.socket.resume();
    await eventually("it is writable", () => keeper.writable > before);
    expect(wire.full).toBe(false);
    await client.until(() => client.text.length === 5 + writes * 60_000);
    expect(wire.sent).toBe(5 + writes * 60_000);
  });

  it("writes text, bytes and text in order, small and large", async () => {
    const { client, wire } = await open();
    wire.writeAround("a", Buffer.from("b"), "c");
    wire.writeAround("<", Buffer.alloc(100_000, 120), ">");
    wire.writeAround("", new Uint8Array([100, 101]), "f");
    const all = `abc<${"x".repeat(100_000)}>def`;
    await client.until(() => client.text.length === all.length);
    expect(client.text).toBe(all);
    expect(wire.sent).toBe(all.length);
  });

  it("reads nothing while it is paused, and everything after", async () => {
    const { client, wire, keeper } = await open();
    wire.pause();
    client.send("abc");
    for (let i = 0; i < 20; i++) await settle();
    expect(wire.received).toBe(0);
    wire.resume();
    await eventually("it is there", () => keeper.content.toString() === "abc");
  });

  it("hears of the end, and still writes", async () => {
    const { client, wire, keeper } = await open();
    client.socket.end();
    await eventually("the end is there", () => keeper.eof);
    wire.writeText("still");
    wire.end();
    await client.gone();
    expect(client.text).toBe("still");
    await eventually("it is closed", () => keeper.closed);
  });

  it("learns of a reset by a probe, which sends nothing", async () => {
    const { client, wire, keeper } = await open();
    wire.probe();
    await settle();
    wire.pause();
    client.socket.resetAndDestroy();
    await eventually("it is closed", () => {
      wire.probe();
      return keeper.closed;
    });
    expect(client.text).toBe("");
  });
});
