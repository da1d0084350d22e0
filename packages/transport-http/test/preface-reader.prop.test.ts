import { service, systemClock } from "@weftmesh/core";
import { HttpResponse } from "@weftmesh/http";
import { ManualClock, MemoryStats } from "@weftmesh/testkit";
import { type ConnectionOwner, type ServedConnection, SocketWire, serverConnectionStats } from "@weftmesh/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HttpServing } from "../src/http-serving.ts";
import { PrefaceReader } from "../src/preface-reader.ts";
import { get, headers, preface, settings } from "./frames.ts";

const own = { service: service(() => Promise.resolve(new HttpResponse(204))) };
const http2 = Buffer.concat([preface, settings, headers(1, true, ...get)]);
const at = { remote: { host: "", port: 1 }, local: { host: "", port: 2 }, secure: false };
const nobody = { onBytes: () => {}, onEof: () => {}, onWritable: () => {}, onClosed: () => {} };

/** What becomes of a connection: the bytes that each version was given. */
class Told implements ConnectionOwner<HttpServing> {
  readonly serving: HttpServing;
  readonly draining = false;
  closesIdle = false;
  readonly handsOver = false;
  readonly given: Record<"http1" | "http2", Buffer[]> = { http1: [], http2: [] };
  served: ServedConnection;
  gone = 0;
  destroyed = 0;
  readonly wire: SocketWire;
  readonly reader: PrefaceReader;

  constructor(serving: HttpServing) {
    this.serving = serving;
    this.wire = new SocketWire(nobody);
    this.wire.destroy = () => {
      this.destroyed++;
    };
    for (const version of ["http1", "http2"] as const) {
      serving[version].begin = () => {
        const keep = {
          onBytes: (bytes: Buffer, end: number) => this.given[version].push(Buffer.from(bytes.subarray(0, end))),
        };
        return keep as never;
      };
    }
    this.reader = new PrefaceReader(this, this.wire, at);
    this.served = this.reader;
  }

  handOver(): ConnectionOwner<HttpServing> {
    return this;
  }

  replace(_before: ServedConnection, by: ServedConnection): void {
    this.served = by;
  }

  closed(): void {
    this.gone++;
  }

  /** In one read each, out of memory that is written over afterwards. */
  feed(bytes: Buffer, cuts: readonly number[]): void {
    const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
    let reader = this.reader as { onBytes(bytes: Buffer, end: number): void };
    for (let i = 0; i + 1 < places.length; i++) {
      const lent = Buffer.concat([bytes.subarray(places[i], places[i + 1]), Buffer.from("!!!")]);
      if (lent.length > 3) reader.onBytes(lent, lent.length - 3);
      lent.fill(0x21);
      if (this.served !== this.reader) reader = this.served as never;
    }
  }
}

const newServing = (): HttpServing => new HttpServing({ http1: own, http2: own, port: 0, clock: systemClock });

const arbHttp1 = fc.oneof(
  fc.constant("GET / HTTP/1.1\r\n\r\n"),
  fc.constant("PRI * HTTP/1.1\r\n\r\n"),
  fc.constant("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"),
  // As long as may be like the preface, and then not.
  fc.integer({ min: 0, max: preface.length - 1 }).map((like) => `${preface.toString("latin1", 0, like)}\x00rest`),
);

describe("the first bytes of a connection", () => {
  it("tell its version, however they are cut, and reach whoever speaks it whole and once", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          arbHttp1.map((text) => [Buffer.from(text, "latin1"), "http1"] as const),
          fc.constant([http2, "http2"] as const),
        ),
        fc.array(fc.nat({ max: http2.length }), { maxLength: 30 }),
        ([bytes, version], cuts) => {
          const told = new Told(newServing());
          told.feed(
            bytes,
            cuts.filter((cut) => cut <= bytes.length),
          );
          const other = version === "http1" ? "http2" : "http1";
          expect(Buffer.concat(told.given[version]).equals(bytes)).toBe(true);
          expect(told.given[other]).toEqual([]);
          expect(told.served).not.toBe(told.reader);
        },
      ),
    );
  });
});

describe("bytes that are like the preface", () => {
  it.each(Array.from({ length: preface.length }, (_, like) => like))(
    "for %i bytes are HTTP/1.1, when the rest is not",
    (like) => {
      const told = new Told(newServing());
      const bytes = Buffer.concat([preface.subarray(0, like), Buffer.from("\0 rest")]);
      told.feed(bytes, [like]);
      expect(Buffer.concat(told.given.http1).equals(bytes)).toBe(true);
    },
  );
});

describe("a connection that has not shown its version", () => {
  const timed = (): { told: Told; clock: ManualClock; stats: MemoryStats } => {
    const clock = new ManualClock();
    const stats = new MemoryStats();
    const limits = { headerTimeoutMs: 2_000 };
    const http1 = { ...own, limits, session: { idleTimeMs: 30_000, lifeTimeMs: 90_000 } };
    const told = new Told(new HttpServing({ http1, http2: own, port: 0, clock, stats: serverConnectionStats(stats) }));
    return { told, clock, stats };
  };

  it("A4: has as long for a preface that has begun as for a head, from its first byte on", async () => {
    const { told, clock, stats } = timed();
    await clock.advance(10_000);
    told.feed(preface.subarray(0, 3), []);
    await clock.advance(1_500);
    told.reader.onBytes(preface.subarray(3), 2);
    told.reader.check(clock.now());
    expect(told.destroyed).toBe(0);
    await clock.advance(500);
    told.reader.check(clock.now());
    expect([told.destroyed, stats.readCounter("read_timeout")]).toEqual([1, 1]);
  });

  it("may say nothing for as long as a connection may be idle", async () => {
    const { told, clock, stats } = timed();
    await clock.advance(29_999);
    told.reader.check(clock.now());
    expect(told.destroyed).toBe(0);
    await clock.advance(1);
    told.reader.check(clock.now());
    expect([told.destroyed, stats.readCounter("idle")]).toEqual([1, 1]);
  });

  it("is counted when it closes, and closes with a server that closes", () => {
    const { told, stats } = timed();
    told.reader.drainNow();
    expect(told.destroyed).toBe(1);
    told.reader.onClosed();
    expect([told.gone, stats.readCounter("connects"), stats.readCounter("closes")]).toEqual([1, 1, 1]);
  });

  it("closes when it moves to a server that closes", () => {
    const { told } = timed();
    told.reader.moveIfIdle();
    expect(told.destroyed).toBe(0);
    told.closesIdle = true;
    told.reader.moveIfIdle();
    expect(told.destroyed).toBe(1);
  });
});
