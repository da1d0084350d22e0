import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, connect as tlsConnect } from "node:tls";
import { Full, Retained } from "@weftmesh/http";
import { eventually, settle } from "@weftmesh/testkit";
import { CertificateAuthority, type MadeCertificate } from "@weftmesh/testkit/certificates";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { acceptWire } from "../src/accept-wire.ts";
import type { SocketWire } from "../src/socket-wire.ts";
import { TlsWire } from "../src/tls-wire.ts";
import type { WireReader } from "../src/wire.ts";

const highWaterBytes = 65_536;
const spoiled = 0x21;

type Step =
  | { readonly how: "reserve" | "gather" | "text" | "bytes" | "around"; readonly length: number }
  | { readonly how: "turn" | "slow" | "fast" };

const arbLength = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 3_000 }),
  fc.integer({ min: 14_000, max: 16_384 }),
);
const arbLong = fc.oneof(arbLength, fc.integer({ min: 60_000, max: 140_000 }));
const arbStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ how: fc.constant("reserve" as const), length: arbLength }) },
  { weight: 4, arbitrary: fc.record({ how: fc.constant("gather" as const), length: arbLong }) },
  { weight: 2, arbitrary: fc.record({ how: fc.constantFrom("text", "bytes", "around"), length: arbLong }) },
  { weight: 3, arbitrary: fc.record({ how: fc.constantFrom("turn", "turn", "slow", "fast") }) },
);

class Listening implements WireReader {
  /** Was told to wait, and not yet to go on. */
  waits = false;
  closed = false;

  onBytes(): void {}

  onEof(): void {}

  onWritable(): void {
    this.waits = false;
  }

  onClosed(): void {
    this.closed = true;
  }
}

interface Ends {
  readonly wire: SocketWire;
  readonly reader: Listening;
  readonly peer: Socket;
  readonly heard: () => Buffer;
}

let pair: MadeCertificate;
const servers: Server[] = [];
const sockets: Socket[] = [];

beforeAll(async () => {
  pair = await (await CertificateAuthority.create()).issue({ dns: ["backend"] });
});

afterEach(() => {
  for (const each of sockets.splice(0)) each.destroy();
  for (const each of servers.splice(0)) each.close();
});

async function open(isSecure: boolean): Promise<Ends> {
  const reader = new Listening();
  let wire: SocketWire | undefined;
  const server = isSecure
    ? createTlsServer({ ...pair, allowHalfOpen: true }, (accepted) => {
        const made = new TlsWire(reader, highWaterBytes);
        made.attach(accepted, false);
        wire = made;
      })
    : createServer({ allowHalfOpen: true, pauseOnConnect: true, highWaterMark: highWaterBytes }, (accepted) => {
        wire = acceptWire(accepted, "onread", reader, highWaterBytes).wire;
      });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const to = { port, host: "127.0.0.1" };
  const peer = isSecure ? tlsConnect({ ...to, rejectUnauthorized: false }) : (await import("node:net")).connect(to);
  sockets.push(peer);
  const chunks: Buffer[] = [];
  peer.on("data", (chunk: Buffer) => chunks.push(chunk));
  peer.on("error", () => {});
  await eventually("it is accepted", () => wire !== undefined);
  return { wire: wire as unknown as SocketWire, reader, peer, heard: () => Buffer.concat(chunks) };
}

/** No part of it is like another. */
class Content {
  readonly parts: Buffer[] = [];
  #next = 0;

  take(length: number): Buffer {
    const words = new Uint32Array((length >> 2) + 1);
    for (let i = 0; i < words.length; i++) words[i] = this.#next++ * 2_654_435_761;
    const bytes = Buffer.from(words.buffer, 0, length);
    this.parts.push(Buffer.from(bytes));
    return bytes;
  }
}

/** Writes until the kernel takes no more. */
async function clog(ends: Ends, content: Content): Promise<void> {
  ends.peer.pause();
  while (ends.wire.pending === 0) {
    write(ends, content, { how: "gather", length: 65_536 });
    await settle();
  }
}

/** Does one step of writing, and spoils what it lent as soon as it may. */
function write({ wire, reader }: Ends, content: Content, step: Step): void {
  if (!("length" in step)) return;
  const { how, length } = step;
  let flags = 0;
  if (how === "reserve") {
    const bytes = content.take(length);
    const at = wire.reserve(length);
    bytes.copy(wire.output, at);
  } else if (how === "gather") {
    const padded = Buffer.concat([Buffer.alloc(3, spoiled), content.take(length), Buffer.alloc(5, spoiled)]);
    flags = wire.gather(padded, 3, 3 + length);
    expect(flags & Retained).toBe(0);
    padded.fill(spoiled);
  } else if (how === "text") flags = wire.writeText(content.take(length).toString("latin1"));
  else if (how === "bytes") {
    const bytes = content.take(length);
    flags = wire.writeBytes(bytes);
    if ((flags & Retained) === 0) bytes.fill(spoiled);
  } else {
    const [before, bytes, after] = [content.take(2), content.take(length), content.take(1)];
    flags = wire.writeAround(before.toString("latin1"), bytes, after.toString("latin1"));
    if ((flags & Retained) === 0) bytes.fill(spoiled);
  }
  if ((flags & Full) !== 0 || (how === "reserve" && wire.full)) reader.waits = true;
}

describe.each(["TCP", "TLS"] as const)("frames that are written to a wire over %s", (below) => {
  const isSecure = below === "TLS";

  it.each([
    ["takes it", isSecure ? 25 : 60],
    ["takes no more", 10],
  ])(
    "arrive whole, once and in order from a kernel that %s, and whoever waits is told to go on",
    async (how, numRuns) => {
      await fc.assert(
        fc.asyncProperty(fc.array(arbStep, { minLength: 1, maxLength: 40 }), async (steps) => {
          const ends = await open(isSecure);
          const content = new Content();
          if (how === "takes no more") await clog(ends, content);
          for (const step of steps) {
            if (step.how === "turn") await settle();
            else if (step.how === "slow") ends.peer.pause();
            else if (step.how === "fast") ends.peer.resume();
            else write(ends, content, step);
          }
          ends.peer.resume();
          const expected = Buffer.concat(content.parts);
          expect(ends.wire.sent).toBe(expected.length);
          await eventually("all of it came", () => ends.heard().length >= expected.length || ends.heard().length);
          expect(ends.heard().equals(expected)).toBe(true);
          await eventually("nothing waits", () => ends.wire.pending === 0 && !ends.wire.full);
          await eventually("it may go on", () => !ends.reader.waits);
          ends.peer.destroy();
        }),
        { numRuns },
      );
    },
  );

  it("leave in one write when the turn ends, and hold no memory afterwards", async () => {
    const { wire, heard, peer } = await open(isSecure);
    await settle();
    let packets = 0;
    peer.on("data", () => packets++);
    for (let i = 0; i < 100; i++) {
      const at = wire.reserve(9);
      wire.output.fill(i, at, at + 9);
      wire.gather(Buffer.alloc(41, i), 0, 41);
    }
    expect([wire.pending, heard().length]).toEqual([5_000, 0]);
    await eventually("all of it came", () => heard().length === 5_000);
    expect([packets, wire.output.length]).toEqual([1, 0]);
  });

  it("go out before the end, and before the connection is cut", async () => {
    for (const how of ["end", "destroy"] as const) {
      const { wire, heard, peer } = await open(isSecure);
      let isOver = false;
      peer.on("close", () => {
        isOver = true;
      });
      wire.gather(Buffer.from("goodbye"), 0, 7);
      wire[how]();
      await eventually("it is over", () => isOver);
      expect(heard().toString()).toBe("goodbye");
    }
  });

  it.each(["at once", "a turn later"])("leave a wire that closes when it is reset %s behind its end", async (when) => {
    const { wire, reader } = await open(isSecure);
    wire.gather(Buffer.from("goodbye"), 0, 7);
    wire.end();
    if (when === "a turn later") await settle();
    wire.reset();
    await eventually("it is closed", () => reader.closed);
  });

  it("may be written to a closed wire, and go nowhere", async () => {
    const { wire, reader } = await open(isSecure);
    wire.destroy();
    await eventually("it is closed", () => reader.closed);
    const at = wire.reserve(9);
    wire.output.fill(1, at, at + 9);
    expect(wire.gather(Buffer.alloc(70_000), 0, 70_000)).toBe(0);
    await settle();
    expect([wire.pending, wire.output.length]).toEqual([0, 0]);
  });

  it("are no larger than a wire reserves at once", async () => {
    const { wire } = await open(isSecure);
    expect(() => wire.reserve(16_385)).toThrow(
      new RangeError("16385 bytes are more than a wire reserves at once, 16384"),
    );
    expect(wire.pending).toBe(0);
  });
});
