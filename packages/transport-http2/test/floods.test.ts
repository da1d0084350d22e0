import { type Ctx, type Outcome, type Service, service } from "@weftmesh/core";
import { discard, Headers, type HttpRequest, HttpResponse, textBody } from "@weftmesh/http";
import { ManualClock, PushBody, settle } from "@weftmesh/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { ErrorCode, Flag, FrameType, preface } from "../src/frame-types.ts";
import { data, frame, ping, reset, settings, uint32, windowUpdate } from "./frames.ts";
import { MemoryServer } from "./memory-server.ts";

type HttpService = Service<HttpRequest, HttpResponse>;

const pending: HttpService = service(() => new Promise(() => {}));
const hello: HttpService = service(() => Promise.resolve(new HttpResponse(200, new Headers(), textBody("hello"))));

/** Sends until the server has gone away, and says how often that was. */
function flood(server: MemoryServer, most: number, next: (i: number) => Buffer): number {
  for (let i = 0; i < most; i++) {
    server.send(next(i));
    if (server.wire.ended) return i + 1;
  }
  return most;
}

let good: MemoryServer | undefined;

/** Another connection is answered meanwhile. */
async function answersAnother(): Promise<void> {
  good = new MemoryServer(hello, new ManualClock()).begin();
  good.send(good.peer.request(1));
  await settle();
  good.wire.flush();
  expect(good.peer.content(1).toString()).toBe("hello");
}

afterEach(() => {
  good = undefined;
});

describe("a flood", () => {
  it("B1: of requests that are reset at once ends the connection after 200, and the calls are cancelled", async () => {
    const ctxs: Ctx[] = [];
    const clock = new ManualClock();
    const server = new MemoryServer(
      service((_req, ctx) => {
        ctxs.push(ctx);
        return new Promise(() => {});
      }),
      clock,
    ).begin();
    const { peer } = server;
    const sent = flood(server, 1_000, (i) =>
      Buffer.concat([peer.request(2 * i + 1), reset(2 * i + 1, ErrorCode.Cancel)]),
    );
    expect(sent).toBe(201);
    expect(peer.wentAway).toBe("ENHANCE_YOUR_CALM");
    expect(ctxs.length).toBeGreaterThanOrEqual(200);
    expect(ctxs.every((ctx) => ctx.cancelled !== undefined && ctx.ended)).toBe(true);
    await answersAnother();
  });

  it("B1: a client that resets now and then, 33 times a second, stays", async () => {
    const clock = new ManualClock();
    const server = new MemoryServer(pending, clock).begin();
    const { peer } = server;
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 33; i++) {
        const id = 2 * (second * 33 + i) + 1;
        server.send(peer.request(id), reset(id, ErrorCode.Cancel));
      }
      await clock.advance(1_000);
    }
    expect(peer.wentAway).toBeUndefined();
  });

  it("B1: a proxy stays, of whose callers no more leave than are answered, and one goes of whose more do", async () => {
    const mixed = async (resets: number): Promise<MemoryServer> => {
      const server = new MemoryServer(
        service(({ path }) => (path === "/now" ? Promise.resolve(new HttpResponse(204)) : new Promise(() => {}))),
        new ManualClock(),
      ).begin();
      let last = -1;
      const fresh = (): number => {
        last += 2;
        return last;
      };
      for (let i = 0; i < 1_000 && server.peer.wentAway === undefined; i++) {
        server.send(server.peer.request(fresh(), "GET", "/now"));
        await settle();
        server.wire.flush();
        for (let k = 0; k < resets; k++) {
          server.send(server.peer.request(fresh(), "GET", "/later"), reset(last, ErrorCode.Cancel));
        }
      }
      return server;
    };
    expect((await mixed(1)).peer.wentAway).toBeUndefined();
    expect((await mixed(2)).peer.wentAway).toBe("ENHANCE_YOUR_CALM");
  });

  it("B2: of errors that make us reset streams is counted like resets", () => {
    const server = new MemoryServer(pending, new ManualClock()).begin();
    const { peer } = server;
    const sent = flood(server, 1_000, (i) =>
      Buffer.concat([peer.request(2 * i + 1, "POST", "/", false), windowUpdate(2 * i + 1, 0)]),
    );
    expect(sent).toBe(201);
    expect(peer.wentAway).toBe("ENHANCE_YOUR_CALM");
    expect(peer.of(FrameType.RstStream)).toHaveLength(200);
  });

  it("B3: of CONTINUATION is cut at 64 KiB of header block", () => {
    const server = new MemoryServer(pending, new ManualClock()).begin();
    server.send(frame(FrameType.Headers, 0, 1, Buffer.alloc(1_000, 0x82)));
    const sent = flood(server, 1_000, () => frame(FrameType.Continuation, 0, 1, Buffer.alloc(1_000, 0x82)));
    expect(sent).toBe(65);
    expect(server.peer.wentAway).toBe("ENHANCE_YOUR_CALM");
  });

  it("B4: of CONTINUATION without content is cut after 1,000", () => {
    const server = new MemoryServer(pending, new ManualClock()).begin();
    server.send(frame(FrameType.Headers, 0, 1));
    expect(flood(server, 10_000, () => frame(FrameType.Continuation, 0, 1))).toBe(1_000);
    expect(server.peer.wentAway).toBe("ENHANCE_YOUR_CALM");
  });

  it("B5: of PING ends before 10,000, and none is answered that comes behind it", () => {
    const server = new MemoryServer(pending, new ManualClock()).begin();
    const sent = flood(server, 20_000, () => ping());
    expect(sent).toBeLessThanOrEqual(10_000);
    expect(server.peer.wentAway).toBe("ENHANCE_YOUR_CALM");
    expect(server.peer.of(FrameType.Ping).length).toBe(sent - 1);
  });

  it("B5: of PING whose answers nobody reads is bounded by what may wait", () => {
    const server = new MemoryServer(pending, new ManualClock(), {
      rates: { pings: { burst: 1e9, perSec: 0 } },
    }).begin();
    server.wire.stuck = true;
    const sent = flood(server, 1_000_000, () => Buffer.concat(Array.from({ length: 1_000 }, () => ping())));
    expect(sent).toBeLessThan(1_000_000);
    expect(server.wire.pending).toBeLessThan(5_000_000);
  });

  it("B6: of SETTINGS ends the connection", () => {
    const server = new MemoryServer(pending, new ManualClock()).begin();
    expect(flood(server, 10_000, (i) => settings([4, i]))).toBeLessThan(200);
    expect(server.peer.wentAway).toBe("ENHANCE_YOUR_CALM");
  });

  it("B7: of DATA without content, padded or not, ends before 10,000", () => {
    for (const pad of [undefined, 0, 200]) {
      const server = new MemoryServer(pending, new ManualClock()).begin();
      server.send(server.peer.request(1, "POST", "/", false));
      expect(flood(server, 20_000, () => data(1, "", false, pad))).toBeLessThanOrEqual(10_000);
      expect(server.peer.wentAway).toBe("ENHANCE_YOUR_CALM");
    }
  });

  it("B8: of PRIORITY and B31: of frames of unknown types end the connection", () => {
    for (const type of [FrameType.Priority, 0xee]) {
      const server = new MemoryServer(pending, new ManualClock()).begin();
      const payload = Buffer.from([0, 0, 0, 0, 1]);
      expect(flood(server, 20_000, (i) => frame(type, 0, 2 * i + 1, payload))).toBeLessThanOrEqual(10_000);
      expect(server.peer.wentAway).toBe("ENHANCE_YOUR_CALM");
    }
  });

  it("B9: of WINDOW_UPDATE by 1 ends before 10,000 where nothing is sent for it", () => {
    const server = new MemoryServer(pending, new ManualClock()).begin();
    server.send(server.peer.request(1));
    expect(flood(server, 20_000, (i) => windowUpdate(i % 2, 1))).toBeLessThanOrEqual(10_000);
    expect(server.peer.wentAway).toBe("ENHANCE_YOUR_CALM");
  });

  it("B9: a client that updates both windows for each of many small frames stays", async () => {
    const body = new PushBody();
    const server = new MemoryServer(
      service(() => Promise.resolve(new HttpResponse(200, new Headers(), body))),
      new ManualClock(),
    ).begin();
    server.send(server.peer.request(1));
    await settle();
    for (let i = 0; i < 30_000; i++) {
      body.push(Buffer.alloc(300));
      server.wire.flush();
      server.send(windowUpdate(0, 300), windowUpdate(1, 300));
    }
    expect(server.peer.wentAway).toBeUndefined();
    expect(server.peer.content(1).length).toBe(9_000_000);
  });

  it("B14: a window that is opened byte by byte gives a byte each time, and ends before 10,000", async () => {
    const server = new MemoryServer(
      service(() => Promise.resolve(new HttpResponse(200, new Headers(), textBody("x".repeat(100_000))))),
      new ManualClock(),
    ).begin([4, 0]);
    server.send(server.peer.request(1));
    await settle();
    server.wire.flush();
    expect(server.peer.content(1).length).toBe(0);
    const sent = flood(server, 100_000, () => windowUpdate(1, 1));
    expect(sent).toBeLessThanOrEqual(10_000);
    expect(server.peer.wentAway).toBe("ENHANCE_YOUR_CALM");
    expect(server.peer.content(1).length).toBe(sent - 1);
  });

  it("B10: of headers in a list beyond 64 KiB is answered with 431, and the next request is served", async () => {
    const server = new MemoryServer(hello, new ManualClock()).begin();
    const { peer } = server;
    const many = Array.from({ length: 3_000 }, () => ["x-same", "a value of thirty characters or so"] as const);
    server.send(peer.request(1, "GET", "/", true, many));
    const [answer] = peer.of(FrameType.Headers, 1);
    expect(peer.decode(answer as NonNullable<typeof answer>)).toEqual([[":status", "431"]]);
    expect(peer.ended(1)).toBe(true);
    server.send(peer.request(3));
    await settle();
    server.wire.flush();
    expect(peer.content(3).toString()).toBe("hello");
  });

  it("B10: the header lists of all open streams together are bounded", () => {
    const server = new MemoryServer(pending, new ManualClock(), { limits: { maxOpenHeaderBytes: 100_000 } }).begin();
    const { peer } = server;
    const many = Array.from({ length: 100 }, (_, i) => [`x-${i}`, "v".repeat(100)] as const);
    for (let i = 0; i < 10; i++) server.send(peer.request(2 * i + 1, "GET", "/", true, many));
    expect(peer.resetOf(13)).toBeUndefined();
    expect(peer.resetOf(19)).toBe("REFUSED_STREAM");
    expect(server.session.streams.size).toBeLessThan(9);
  });

  it("B12: of requests that begin and bring nothing is refused past the limits, and all but 100 are given up", async () => {
    const clock = new ManualClock();
    const server = new MemoryServer(pending, clock).begin();
    const { peer } = server;
    for (let i = 0; i < 1_100; i++) server.send(peer.request(2 * i + 1, "POST", "/", false));
    expect(server.session.streams.size).toBe(1_000);
    expect(peer.resetOf(2_001)).toBe("REFUSED_STREAM");
    for (let i = 0; i < 2; i++) {
      await clock.advance(1_000);
      server.session.check(clock.now());
    }
    server.wire.flush();
    expect(peer.wentAway === undefined ? server.session.streams.size : 0).toBeLessThanOrEqual(100);
    const sent = flood(server, 50_000, (i) => peer.request(2 * (1_100 + i) + 1, "POST", "/", false));
    expect(sent).toBeLessThan(1_000);
    expect(peer.wentAway).toBe("ENHANCE_YOUR_CALM");
  });

  it("B12: of streams from a client that acknowledges no settings ends as well, and so does its patience", async () => {
    const clock = new ManualClock();
    const server = new MemoryServer(pending, clock);
    const { peer } = server;
    server.send(preface, settings());
    const sent = flood(server, 50_000, (i) => peer.request(2 * i + 1, "POST", "/", false));
    expect(sent).toBeLessThan(2_500);
    expect(peer.wentAway).toBe("ENHANCE_YOUR_CALM");
    const other = new MemoryServer(pending, clock);
    other.send(preface, settings(), other.peer.request(1));
    await clock.advance(10_000);
    other.session.check(clock.now());
    expect(other.peer.wentAway).toBe("SETTINGS_TIMEOUT");
  });

  it("B12: many requests that bring their content late are served if they bring it", async () => {
    const clock = new ManualClock();
    const server = new MemoryServer(
      service((req) => {
        req.body.pipe(discard);
        return new Promise(() => {});
      }),
      clock,
    ).begin();
    const { peer } = server;
    for (let i = 0; i < 900; i++) server.send(peer.request(2 * i + 1, "POST", "/", false));
    for (let i = 0; i < 900; i++) server.send(data(2 * i + 1, "x"));
    for (let i = 0; i < 5; i++) {
      await clock.advance(1_000);
      server.session.check(clock.now());
    }
    expect(server.session.streams.size).toBe(900);
  });

  it("B13: a client without a window holds no more than a chunk, and its stream is reset after a while", async () => {
    const clock = new ManualClock();
    const body = new PushBody();
    const ends: Outcome[] = [];
    const server = new MemoryServer(
      service((_req, ctx) => {
        ctx.observe({ onEnd: (_ctx, outcome) => ends.push(outcome) });
        return Promise.resolve(new HttpResponse(200, new Headers(), body));
      }),
      clock,
    ).begin([4, 0]);
    server.send(server.peer.request(1));
    await settle();
    body.push(Buffer.alloc(50_000));
    expect(body.full).toBe(true);
    const stream = server.session.streams.get(1);
    expect(stream?.heldBytes).toBe(50_000);
    for (let i = 0; i < 58; i++) {
      await clock.advance(1_000);
      server.session.check(clock.now());
    }
    expect(server.session.streams.size).toBe(1);
    for (let i = 0; i < 5; i++) {
      await clock.advance(1_000);
      server.session.check(clock.now());
    }
    server.wire.flush();
    expect(server.session.streams.size).toBe(0);
    expect(server.peer.resetOf(1)).toBe("ENHANCE_YOUR_CALM");
    expect(body.stopped).toBeInstanceOf(Error);
    expect(ends).toHaveLength(1);
  });

  it("B15: a window that overflows frees its stream and what it held", async () => {
    const body = new PushBody();
    const server = new MemoryServer(
      service(() => Promise.resolve(new HttpResponse(200, new Headers(), body))),
      new ManualClock(),
    ).begin([4, 0]);
    server.send(server.peer.request(1));
    await settle();
    body.push(Buffer.alloc(50_000));
    server.send(windowUpdate(1, 2 ** 31 - 1), windowUpdate(1, 2 ** 31 - 1));
    expect(server.peer.resetOf(1)).toBe("FLOW_CONTROL_ERROR");
    expect(server.session.streams.size).toBe(0);
    expect(body.stopped).toBeInstanceOf(Error);
    server.send(windowUpdate(0, 2 ** 31 - 1));
    expect(server.peer.wentAway).toBe("FLOW_CONTROL_ERROR");
    server.wire.cut();
    expect(server.closed).toBe(true);
  });

  it("B32: of 100,000 requests on one connection leaves nothing behind", async () => {
    const server = new MemoryServer(hello, new ManualClock()).begin();
    const { peer } = server;
    peer.encoder.begin();
    const block = peer.block([
      [":method", "GET"],
      [":scheme", "http"],
      [":authority", "a"],
      [":path", "/"],
    ]);
    let answered = 0;
    for (let i = 0; i < 100_000; i += 100) {
      const requests = Array.from({ length: 100 }, (_, k) =>
        frame(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, 2 * (i + k) + 1, block),
      );
      server.send(...requests);
      await settle();
      server.wire.flush();
      server.send(windowUpdate(0, 500));
      answered += peer.of(FrameType.Data).length;
      peer.frames.length = 0;
    }
    expect(answered).toBe(100_000);
    expect(server.session.streams.size).toBe(0);
    expect(server.session.requests).toBe(100_000);
  }, 60_000);
});

describe("a slow client", () => {
  const at = async (server: MemoryServer, clock: ManualClock, seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) {
      await clock.advance(1_000);
      server.session.check(clock.now());
    }
    await settle();
    server.wire.flush();
  };

  it("has 10 s for its first frames", async () => {
    const clock = new ManualClock();
    const server = new MemoryServer(pending, clock);
    server.wire.feed(Buffer.from("PRI * HT"));
    await at(server, clock, 9);
    expect(server.wire.ended).toBe(false);
    await at(server, clock, 2);
    expect(server.peer.wentAway).toBe("ENHANCE_YOUR_CALM");
    expect(server.wire.ended).toBe(true);
    await at(server, clock, 4);
    expect(server.wire.destroyed).toBe(true);
  });

  it("has 10 s for a header block, however often it sends some of it", async () => {
    const clock = new ManualClock();
    const server = new MemoryServer(pending, clock).begin();
    server.send(frame(FrameType.Headers, 0, 1, Buffer.from([0x82])));
    for (let i = 0; i < 9; i++) {
      await at(server, clock, 1);
      server.send(frame(FrameType.Continuation, 0, 1, Buffer.from([0x82])));
    }
    expect(server.wire.ended).toBe(false);
    await at(server, clock, 3);
    expect(server.peer.wentAway).toBe("ENHANCE_YOUR_CALM");
  });

  it("is answered with 408 when the content that it announced does not come", async () => {
    const clock = new ManualClock();
    const server = new MemoryServer(
      service((req) => {
        req.body.pipe(discard);
        return new Promise(() => {});
      }),
      clock,
    ).begin();
    const { peer } = server;
    server.send(peer.request(1, "POST", "/", false, [["content-length", "5000"]]), data(1, "x"));
    server.send(peer.request(3, "POST", "/", false), data(3, "x"));
    await at(server, clock, 43);
    const [answer] = peer.of(FrameType.Headers, 1);
    expect(peer.decode(answer as NonNullable<typeof answer>)).toEqual([[":status", "408"]]);
    expect(peer.resetOf(1)).toBe("NO_ERROR");
    // One that has no length may well have nothing to say for now.
    expect(server.session.streams.has(3)).toBe(true);
  });
});

describe("the end of a connection", () => {
  it("is said beforehand when it was idle for too long, and what is on its way is served", async () => {
    const clock = new ManualClock();
    const server = new MemoryServer(hello, clock, { session: { idleTimeMs: 5_000 } }).begin();
    const { peer } = server;
    await clock.advance(4_000);
    server.session.check(clock.now());
    await clock.advance(2_000);
    server.session.check(clock.now());
    server.wire.flush();
    const [first] = peer.of(FrameType.Goaway);
    expect(first?.payload.readUInt32BE(0)).toBe(2 ** 31 - 1);
    expect(peer.wentAway).toBe("NO_ERROR");
    server.send(peer.request(1));
    await settle();
    server.wire.flush();
    expect(peer.content(1).toString()).toBe("hello");
    server.send(ping(true, "draining"));
    const last = peer.of(FrameType.Goaway).at(-1);
    expect(last?.payload.readUInt32BE(0)).toBe(1);
    expect(server.wire.ended).toBe(true);
  });

  it("lets calls under way end, and leaves out what comes behind the last GOAWAY", async () => {
    const clock = new ManualClock();
    const body = new PushBody();
    let calls = 0;
    const server = new MemoryServer(
      service(() => {
        calls++;
        return Promise.resolve(new HttpResponse(200, new Headers(), body));
      }),
      clock,
    ).begin();
    const { peer } = server;
    server.send(peer.request(1));
    await settle();
    server.session.drainNow();
    server.wire.flush();
    // A client that does not answer a PING has a second.
    await clock.advance(500);
    server.session.check(clock.now());
    await clock.advance(1_500);
    server.session.check(clock.now());
    server.wire.flush();
    expect(peer.of(FrameType.Goaway).at(-1)?.payload.readUInt32BE(0)).toBe(1);
    server.send(peer.request(3));
    expect(calls).toBe(1);
    body.push(Buffer.from("the end"));
    body.end();
    server.wire.flush();
    expect(peer.content(1).toString()).toBe("the end");
    expect(peer.ended(1)).toBe(true);
    expect(server.wire.ended).toBe(true);
  });

  it("cancels every call when the client is gone", () => {
    const ctxs: Ctx[] = [];
    const server = new MemoryServer(
      service((_req, ctx) => {
        ctxs.push(ctx);
        return new Promise(() => {});
      }),
      new ManualClock(),
    ).begin();
    server.send(server.peer.request(1), server.peer.request(3));
    server.wire.cut(new Error("reset"));
    expect(ctxs.map((ctx) => [ctx.cancelled?.name, ctx.ended])).toEqual([
      ["CancelledError", true],
      ["CancelledError", true],
    ]);
    expect(server.closed).toBe(true);
  });

  it("tells a client that has sent less than a frame in which it broke the protocol", () => {
    const server = new MemoryServer(pending, new ManualClock());
    server.wire.feed(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    expect(server.peer.wentAway).toBe("PROTOCOL_ERROR");
    expect(server.wire.ended).toBe(true);
    expect(uint32(1).length).toBe(4);
  });
});

describe("streams that nobody reads", () => {
  /** What a client can send on each of so many streams, of which the service takes nothing. */
  async function sent(maxHeldBytes: number): Promise<number[]> {
    const server = new MemoryServer(pending, new ManualClock(), {
      endpoint: { connectionWindowBytes: 100_000, maxHeldBytes },
    });
    const { peer } = server;
    let connection = 65_535;
    peer.onFrame = ({ type, id, payload }) => {
      if (type === FrameType.WindowUpdate && id === 0) connection += payload.readUInt32BE(0);
    };
    server.wire.flush();
    server.begin();
    const all: number[] = [];
    for (let i = 0; i < 6; i++) {
      server.send(peer.request(2 * i + 1, "POST", "/", false));
      let bytes = 0;
      while (bytes < 65_535 && connection > 0) {
        const more = Math.min(8_000, 65_535 - bytes, connection);
        bytes += more;
        connection -= more;
        server.send(data(2 * i + 1, Buffer.alloc(more)));
      }
      all.push(bytes);
    }
    expect(peer.wentAway).toBeUndefined();
    return all;
  }

  it("hold up no other, until all of them together hold too much", async () => {
    expect(await sent(1_000_000)).toEqual([65_535, 65_535, 65_535, 65_535, 65_535, 65_535]);
    const held = (await sent(150_000)).reduce((sum, each) => sum + each, 0);
    expect(held).toBeGreaterThanOrEqual(150_000);
    expect(held).toBeLessThanOrEqual(250_000);
  });
});
