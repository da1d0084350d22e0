import { Ctx, type Outcome, service } from "@weftmesh/core";
import { Headers, type HttpRequest, type HttpResponse, TunnelRequest } from "@weftmesh/http";
import { nullStats } from "@weftmesh/telemetry";
import { ManualClock, settle } from "@weftmesh/testkit";
import { ClientConnection } from "@weftmesh/transport-http1";
import { ClientStats, nullTunnelStats, type TunnelSettings } from "@weftmesh/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryServer } from "./memory-server.ts";
import { MemoryWire } from "./memory-wire.ts";

const never = Number.POSITIVE_INFINITY;
const allowed: TunnelSettings = {
  connect: true,
  upgrades: new Set(["websocket"]),
  idleTimeMs: never,
  lifeTimeMs: never,
  stats: nullTunnelStats,
};

interface Rig {
  readonly clock: ManualClock;
  /** Of the client, and of the backend. */
  readonly near: MemoryWire;
  readonly far: MemoryWire;
  readonly ends: Outcome[];
  readonly serverClosed: () => boolean;
}

/** A server and a client of ours, joined by nothing but the call: what the proxy is without its modules. */
function rig(tunnels: Partial<TunnelSettings> = {}): Rig {
  const clock = new ManualClock();
  const far = new MemoryWire();
  const client = new ClientConnection(far, {
    clock,
    stats: ClientStats.of(nullStats),
    limits: { maxInitialLineBytes: 100, maxHeaderBytes: 400, maxHeaderLines: 20 },
    continueTimeoutMs: 1_000,
    peer: "peer",
  });
  far.reader = client;
  const ends: Outcome[] = [];
  const server = memoryServer(
    service((req: HttpRequest, ctx: Ctx): Promise<HttpResponse> => {
      ctx.observe({ onEnd: (_ctx, outcome) => ends.push(outcome) });
      return client.call(req, ctx);
    }),
    clock,
    { tunnels: { ...allowed, ...tunnels } },
  );
  return { clock, near: server.wire, far, ends, serverClosed: () => server.closed };
}

const connectHead = "CONNECT web:443 HTTP/1.1\r\nHost: web:443\r\n\r\n";
const upgradeHead = "GET /chat HTTP/1.1\r\nHost: web\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n";
const switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX-Own: 1\r\n\r\n";

/** What was written behind the head. */
function behindHead(written: string): string {
  const end = written.indexOf("\r\n\r\n");
  return end < 0 ? "" : written.slice(end + 4);
}

type Step =
  | { readonly kind: "near" | "far"; readonly bytes: string }
  | { readonly kind: "nearEnds" | "farEnds" | "nearFull" | "farFull" | "nearWritable" | "farWritable" };

// Every text differs from every other place in it, so that a loss, a repetition or a swap shows.
const text = fc.stringMatching(/^[a-z0-9]{1,40}$/);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("near" as const, "far" as const), bytes: text }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("nearFull", "farFull", "nearWritable", "farWritable"),
    }) as fc.Arbitrary<Step>,
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("nearEnds", "farEnds") }) as fc.Arbitrary<Step> },
);

async function act(
  { near, far }: Rig,
  each: Step,
  sent: { near: string; far: string; nearEnded: boolean; farEnded: boolean },
): Promise<void> {
  switch (each.kind) {
    case "near":
      if (sent.nearEnded) break;
      sent.near += each.bytes;
      near.feed(each.bytes);
      break;
    case "far":
      if (sent.farEnded) break;
      sent.far += each.bytes;
      far.feed(each.bytes);
      break;
    case "nearEnds":
      sent.nearEnded = true;
      near.feedEof();
      break;
    case "farEnds":
      sent.farEnded = true;
      far.feedEof();
      break;
    case "nearFull":
      near.full = true;
      break;
    case "farFull":
      far.full = true;
      break;
    case "nearWritable":
      near.writable();
      break;
    case "farWritable":
      far.writable();
      break;
  }
  await settle();
}

describe("a tunnel", () => {
  for (const kind of ["CONNECT", "Upgrade"] as const) {
    it(`by ${kind} brings every byte to the other side, in order and once, however it comes, and each end by itself`, async () => {
      await fc.assert(
        fc.asyncProperty(text, text, fc.array(step, { maxLength: 30 }), async (early, earlyBack, steps) => {
          const it = rig();
          const { near, far, ends } = it;
          const sent = { near: early, far: "", nearEnded: false, farEnded: false };
          near.feed((kind === "CONNECT" ? connectHead : upgradeHead) + early);
          await settle();
          if (kind === "Upgrade") {
            sent.far = earlyBack;
            far.feed(switched + earlyBack);
            await settle();
          }
          const head = kind === "CONNECT" ? "" : far.written.slice(0, far.written.indexOf("\r\n\r\n") + 4);
          const arrivedFar = (): string => far.written.slice(head.length);
          for (const each of steps) {
            await act(it, each, sent);
            // Never anything but the beginning of what was sent.
            expect(sent.near.startsWith(arrivedFar())).toBe(true);
            expect(sent.far.startsWith(behindHead(near.written))).toBe(true);
            // An end is not told before the bytes in front of it.
            if (far.ended) expect([sent.nearEnded, arrivedFar()]).toEqual([true, sent.near]);
            if (near.ended) expect([sent.farEnded, behindHead(near.written)]).toEqual([true, sent.far]);
          }
          for (const wire of [near, far, near, far]) {
            wire.writable();
            await settle();
          }
          expect([arrivedFar(), behindHead(near.written)]).toEqual([sent.near, sent.far]);
          expect([far.ended, near.ended]).toEqual([sent.nearEnded, sent.farEnded]);
          const isOver = sent.nearEnded && sent.farEnded;
          expect(ends).toEqual(isOver ? [{ kind: "ok" }] : []);
        }),
        { numRuns: 300 },
      );
    });
  }

  it("holds no more than one read for a side that takes nothing, and reads on as soon as it does", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 2, maxLength: 30 }), async (texts) => {
        const { near, far } = rig();
        near.feed(connectHead);
        await settle();
        far.full = true;
        for (const each of texts) {
          near.feed(each);
          await settle();
        }
        // The first read told that the side is full: no other was taken.
        expect(far.written).toBe(texts[0]);
        expect(near.received).toBe(connectHead.length + (texts[0] as string).length);
        far.writable();
        await settle();
        await settle();
        expect(far.written).toBe(texts.join(""));
      }),
      { numRuns: 100 },
    );
  });

  it("that is cut on one side is cut on the other, and no side takes that for an end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.boolean(), async (nearIsCut, halfEnded) => {
        const it = rig();
        it.near.feed(connectHead);
        await settle();
        const [cut, other] = nearIsCut ? [it.near, it.far] : [it.far, it.near];
        if (halfEnded) other.feedEof();
        await settle();
        cut.cut(new Error("reset"));
        await settle();
        expect(other.wasReset).toBe(true);
        expect(it.ends).toHaveLength(1);
        expect(it.ends[0]?.kind).toBe("failed");
        expect(it.serverClosed()).toBe(true);
      }),
    );
  });

  it("F20: of an hour's idle time lives while anything moves either way, and ends an hour after", async () => {
    const hourMs = 3_600_000;
    const it = rig({ idleTimeMs: hourMs });
    it.near.feed(connectHead);
    await settle();
    for (let i = 0; i < 5; i++) {
      await it.clock.advance(hourMs - 1);
      (i % 2 === 0 ? it.near : it.far).feed("ping");
      await settle();
    }
    await it.clock.advance(hourMs - 1);
    expect([it.near.wasReset, it.far.wasReset]).toEqual([false, false]);
    await it.clock.advance(2);
    await settle();
    expect([it.near.wasReset, it.far.wasReset]).toEqual([true, true]);
    expect(it.ends.map((end) => (end.kind === "failed" ? Reflect.get(end.error, "code") : "ok"))).toEqual([
      "WEFT_TUNNEL_IDLE",
    ]);
  });

  it("ends at its age, however much moves", async () => {
    const it = rig({ lifeTimeMs: 10_000 });
    it.near.feed(connectHead);
    await settle();
    for (let i = 0; i < 9; i++) {
      await it.clock.advance(1_000);
      it.near.feed("ping");
      await settle();
      expect(it.near.wasReset).toBe(false);
    }
    await it.clock.advance(1_000);
    await settle();
    expect([it.near.wasReset, it.far.wasReset]).toEqual([true, true]);
  });

  it("passes on what was asked for, and the head of the answer", async () => {
    const { near, far } = rig();
    near.feed(upgradeHead);
    await settle();
    expect(far.written).toMatch(/\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n$/);
    expect(far.written.match(/upgrade:/gi)).toHaveLength(1);
    far.feed(switched);
    await settle();
    expect(near.written).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nX-Own: 1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
  });

  it("is refused by an answer as any other: the connection is kept if nothing was sent ahead, and closed if it was", async () => {
    for (const ahead of ["", "GET /smuggled HTTP/1.1\r\nHost: web\r\n\r\n"]) {
      const { near, far } = rig();
      near.feed(upgradeHead + ahead);
      await settle();
      far.feed("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
      await settle();
      expect(near.written).toMatch(/^HTTP\/1\.1 403 [\s\S]*no$/);
      expect(near.ended).toBe(ahead !== "");
      expect(far.written).not.toContain("smuggled");
    }
  });

  it("is made of no other connection than a new one, when it is a CONNECT", async () => {
    const wire = new MemoryWire();
    const client = new ClientConnection(wire, {
      clock: new ManualClock(),
      stats: ClientStats.of(nullStats),
      limits: { maxInitialLineBytes: 100, maxHeaderBytes: 400, maxHeaderLines: 20 },
      continueTimeoutMs: 1_000,
      peer: "peer",
    });
    wire.reader = client;
    const redialled: string[] = [];
    client.owner = {
      redial: (req) => {
        redialled.push(req.method);
        return new Promise(() => {});
      },
      sessionClosed: () => {},
    };
    const get = new TunnelRequest("1.1", "GET", "http", "web", "/", new Headers(), ["websocket"]);
    const first = client.call(get, new Ctx());
    wire.feed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    await first;
    void client.call(new TunnelRequest("1.1", "CONNECT", "http", "web:443", "/", new Headers(), []), new Ctx());
    expect(redialled).toEqual(["CONNECT"]);
    expect(client.status).toBe("closed");
  });

  it("breaks with the cancelling of its call, before it is joined and after", async () => {
    const { near, far, ends } = rig();
    near.feed(upgradeHead);
    await settle();
    near.cut();
    await settle();
    expect(far.wasReset).toBe(true);
    expect(ends).toHaveLength(1);
  });
});
