import { type Outcome, service } from "@weftmesh/core";
import { type Body, Full, Headers, HttpResponse } from "@weftmesh/http";
import { ManualClock, MemoryStats, PushBody, settle } from "@weftmesh/testkit";
import { serverConnectionStats } from "@weftmesh/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { windowUpdate } from "./frames.ts";
import { MemoryServer } from "./memory-server.ts";

/** Has more whenever the sink takes some. */
function endless(onStop: (reason: Error) => void = () => {}): Body {
  return {
    length: undefined,
    pipe: (sink) => {
      let stopped = false;
      const pump = (): void => {
        while (!stopped && (sink.onData(Buffer.alloc(1_000, "x")) & Full) === 0);
      };
      pump();
      return {
        resume: pump,
        stop: (reason) => {
          stopped = true;
          onStop(reason);
        },
      };
    },
  };
}

interface Limits {
  readonly responseTimeoutMs: number;
  readonly minResponseBytesPerSec: number;
}

/** A server whose streams go by the body of the path that is asked for, and its check of every second. */
class Served {
  readonly clock = new ManualClock();
  readonly bodies: Body[] = [];
  readonly ends: Outcome[] = [];
  readonly stats = new MemoryStats();
  readonly server: MemoryServer;

  constructor(limits: Limits, initialWindow: number) {
    this.server = new MemoryServer(
      service((req, ctx) => {
        ctx.observe({ onEnd: (_ctx, outcome) => void this.ends.push(outcome) });
        return Promise.resolve(
          new HttpResponse(200, new Headers(), this.bodies[Number(req.path.slice(1))] ?? endless()),
        );
      }),
      this.clock,
      { limits, stats: serverConnectionStats(this.stats) },
    ).begin([4, initialWindow]);
  }

  async ask(count: number): Promise<this> {
    for (let i = 0; i < count; i++) this.server.send(this.server.peer.request(1 + 2 * i, "GET", `/${i}`));
    await settle();
    this.server.wire.flush();
    return this;
  }

  async second(): Promise<void> {
    await this.clock.advance(1_000);
    this.server.session.check(this.clock.now());
    this.server.wire.flush();
  }

  async seconds(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.second();
  }
}

/** The second of the check at which a stream has been too slow; undefined when it never is. */
function slowAt(takes: readonly number[], { responseTimeoutMs, minResponseBytesPerSec }: Limits): number | undefined {
  let [total, from, before] = [0, 0, 0];
  let movedAt = 0;
  for (const [i, bytes] of [0, ...takes].entries()) {
    total += bytes;
    if (bytes > 0 || i === 0) movedAt = i;
    if ((i - movedAt) * 1_000 >= responseTimeoutMs) return i;
    if ((i - from) * 1_000 < responseTimeoutMs) continue;
    if (total - before < minResponseBytesPerSec * (i - from)) return i;
    [from, before] = [i, total];
  }
  return undefined;
}

const arbLimits: fc.Arbitrary<Limits> = fc.record({
  responseTimeoutMs: fc.integer({ min: 1, max: 5 }).map((seconds) => seconds * 1_000),
  minResponseBytesPerSec: fc.integer({ min: 1, max: 300 }),
});

describe("a stream that waits for its window", () => {
  it("F3: is reset when its client takes less than it has to over a window, and not before, nor any other", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(
          ...[0, 1, 2].map(() => fc.array(fc.oneof(fc.constant(0), fc.nat(600)), { minLength: 12, maxLength: 12 })),
        ),
        arbLimits,
        async (takes, limits) => {
          const served = new Served(limits, 0);
          const { server } = await served.ask(3);
          server.send(windowUpdate(0, 1_000_000));
          server.session.check(served.clock.now());
          const resetAt: (number | undefined)[] = [undefined, undefined, undefined];
          for (let second = 1; second <= 12; second++) {
            for (const [i, list] of takes.entries()) {
              const bytes = list[second - 1] as number;
              if (bytes > 0 && resetAt[i] === undefined) server.send(windowUpdate(1 + 2 * i, bytes));
            }
            await served.second();
            for (const i of takes.keys()) if (server.peer.resetOf(1 + 2 * i) !== undefined) resetAt[i] ??= second;
          }
          expect(resetAt).toEqual(takes.map((list) => slowAt(list, limits)));
          const resets = resetAt.filter((at) => at !== undefined).length;
          for (const [i, at] of resetAt.entries()) {
            expect(server.peer.resetOf(1 + 2 * i)).toBe(at === undefined ? undefined : "ENHANCE_YOUR_CALM");
          }
          expect(served.stats.readCounter("write_timeout")).toBe(resets);
          expect(served.ends).toHaveLength(resets);
          expect(server.peer.wentAway).toBeUndefined();
        },
      ),
    );
  });

  it("may take as little as it likes where no rate is set, as long as it takes something", async () => {
    const served = await new Served({ responseTimeoutMs: 3_000, minResponseBytesPerSec: 0 }, 0).ask(1);
    for (let i = 0; i < 30; i++) {
      served.server.send(windowUpdate(1, 1));
      await served.second();
    }
    expect(served.server.session.streams.size).toBe(1);
  });

  it("is measured while it waits alone: one that brings little by little is not slow, nor between two moments of waiting", async () => {
    const limits = { responseTimeoutMs: 3_000, minResponseBytesPerSec: 1_000 };
    const served = new Served(limits, 100);
    const body = new PushBody();
    served.bodies.push(body);
    const { server } = await served.ask(1);
    for (let round = 0; round < 10; round++) {
      // 10 bytes more than the client takes at once wait for a moment, in which a check comes.
      body.push(Buffer.alloc(110));
      await served.second();
      server.send(windowUpdate(1, 110));
      for (let i = 0; i < 7; i++) {
        if (i % 2 === 0) {
          body.push(Buffer.alloc(1));
          server.send(windowUpdate(1, 1));
        }
        await served.second();
      }
    }
    expect([server.peer.resetOf(1), server.peer.wentAway]).toEqual([undefined, undefined]);
    expect(server.peer.content(1)).toHaveLength(10 * 114);
  });
});

describe("a connection on which streams wait for its window", () => {
  const limits = { responseTimeoutMs: 4_000, minResponseBytesPerSec: 1_000 };

  it("F3: is slow as a whole: streams that share a narrow line are not, each by itself", async () => {
    const served = await new Served(limits, 1_000_000).ask(20);
    const { server } = served;
    const taken = (): number[] => Array.from({ length: 20 }, (_, i) => server.peer.content(1 + 2 * i).length);
    const before = taken();
    for (let i = 0; i < 40; i++) {
      for (let part = 0; part < 20; part++) server.send(windowUpdate(0, 60));
      await served.second();
    }
    expect(server.session.streams.size).toBe(20);
    expect(server.peer.wentAway).toBeUndefined();
    for (const [i, bytes] of taken().entries()) expect(bytes - (before[i] as number)).toBeLessThan(40 * 1_000);
  });

  it("F3: ends with ENHANCE_YOUR_CALM when it takes less than one of them would have to", async () => {
    const served = await new Served(limits, 1_000_000).ask(3);
    const { server } = served;
    for (let i = 0; i < 10; i++) {
      for (let part = 0; part < 3; part++) server.send(windowUpdate(0, 100));
      await served.second();
    }
    expect(server.peer.wentAway).toBe("ENHANCE_YOUR_CALM");
    expect([served.ends.length, served.stats.readCounter("write_timeout")]).toEqual([3, 1]);
  });

  it("F3: is closed when nothing is read from the wire any more", async () => {
    const served = new Served(limits, 1_000_000);
    const { server } = served;
    server.send(windowUpdate(0, 1_000_000));
    server.wire.stuck = true;
    await served.ask(1);
    await served.seconds(3);
    expect(server.wire.destroyed).toBe(false);
    await served.seconds(3);
    expect([server.wire.destroyed, served.stats.readCounter("write_timeout")]).toEqual([true, 1]);
  });

  it("may take nothing at all from the wire where no rate is set: that is what a write timeout is for", async () => {
    const served = new Served({ responseTimeoutMs: 3_000, minResponseBytesPerSec: 0 }, 1_000_000);
    const body = new PushBody();
    served.bodies.push(body);
    served.server.wire.stuck = true;
    await served.ask(1);
    body.push(Buffer.alloc(1_000));
    await served.seconds(30);
    expect([served.server.wire.destroyed, served.server.session.streams.size]).toEqual([false, 1]);
  });

  it("may rest as long as nothing waits", async () => {
    const served = new Served(limits, 1_000);
    const body = new PushBody();
    served.bodies.push(body);
    const { server } = await served.ask(1);
    for (let i = 0; i < 20; i++) {
      body.push(Buffer.alloc(10));
      await served.seconds(3);
    }
    expect([server.session.streams.size, server.peer.content(1).length]).toEqual([1, 200]);
  });
});
