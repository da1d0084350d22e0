import { CancelledError, type Classifier, ClassifierKey, Ctx, failed, ok } from "@weftmesh/core";
import { answerOk, arbScript, ManualClock, ScriptedService } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Node, type PeakEwmaOptions, peakEwma } from "../src/index.ts";
import { at, bound, Cluster } from "./cluster.ts";

function node(clock: ManualClock, options: PeakEwmaOptions = {}): Node<string, string> {
  const kind = peakEwma(options);
  return kind.newNode(
    at(0),
    () => new ScriptedService<string, string>(clock, [answerOk("rep")]),
    () => {},
    clock,
  );
}

/** A call that is answered after so long, and has ended then. */
async function answered(clock: ManualClock, to: Node<string, string>, ms: number, ctx = new Ctx()): Promise<void> {
  void to.call("req", ctx);
  await clock.advance(ms);
  ctx.respond("rep");
  ctx.end(ok);
}

const failsEverything: Classifier = { name: "test", classify: () => "failure" };

describe("a peak EWMA node", () => {
  it("has a load that grows with every call in flight, is never negative and always a number", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1e-3, 1, 1000, 1e12),
        fc.constantFrom(0, 1, 60_000, 1e9),
        fc.constantFrom(1, 10, 1_000_000),
        async (latencyMs, idleMs, pending) => {
          const clock = new ManualClock();
          const subject = node(clock);
          await answered(clock, subject, latencyMs);
          await clock.advance(idleMs);
          const now = clock.now();
          let before = subject.load(now);
          expect(before).toBeGreaterThanOrEqual(0);
          for (const more of [1, pending]) {
            subject.pending += more;
            const load = subject.load(now);
            expect(Number.isFinite(load)).toBe(true);
            // A latency may fade to nothing at all in the end; until then more work is more load.
            if (before > 0) expect(load).toBeGreaterThan(before);
            before = load;
          }
        },
      ),
    );
  });

  it("says the same load however often it is asked", async () => {
    const clock = new ManualClock();
    const subject = node(clock);
    await answered(clock, subject, 100);
    expect([subject.load(200), subject.load(5000), subject.load(200)]).toEqual([
      subject.load(200),
      subject.load(5000),
      subject.load(200),
    ]);
    expect(subject.load(100 + 10_000 * Math.LN2)).toBeCloseTo(50, 9);
  });

  it("measures to the head of the response and counts the call to the end of its body", async () => {
    const clock = new ManualClock();
    const subject = node(clock);
    const ctx = new Ctx();
    void subject.call("req", ctx);
    await clock.advance(30);
    ctx.respond("head");
    await clock.advance(60_000);
    expect(subject.pending).toBe(1);
    expect(subject.load(30)).toBeCloseTo(60, 9);
    ctx.end(ok);
    expect([subject.pending, subject.load(30)]).toEqual([0, 30]);
  });

  it("takes a failure for a slow answer, by the call's classifier too, and no faster than it was", async () => {
    const cases: [number, (ctx: Ctx) => void][] = [
      [1, (ctx) => ctx.end(failed(new Error("connection reset")))],
      [
        1,
        (ctx) => {
          ctx.set(ClassifierKey, failsEverything);
          ctx.respond("500");
          ctx.end(ok);
        },
      ],
      [8000, (ctx) => ctx.end(failed(new Error("connection reset")))],
    ];
    for (const [ms, end] of cases) {
      const clock = new ManualClock();
      const subject = node(clock);
      const ctx = new Ctx();
      void subject.call("req", ctx);
      await clock.advance(ms);
      end(ctx);
      expect(subject.load(clock.now())).toBe(Math.max(ms, 5000));
    }
  });

  it("learns from a call whose caller went away only that it would have taken longer", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 500 }), async (usualMs, leftMs) => {
        const clock = new ManualClock();
        const subject = node(clock);
        await answered(clock, subject, usualMs);
        const ctx = new Ctx();
        void subject.call("req", ctx);
        await clock.advance(leftMs);
        const faded = subject.load(clock.now()) / 2;
        ctx.end(failed(new CancelledError()));
        expect(subject.pending).toBe(0);
        expect(subject.load(clock.now())).toBeCloseTo(Math.max(faded, leftMs > faded ? leftMs : 0), 9);
      }),
    );
  });
});

describe("what a peak EWMA node counts with before its first answer", () => {
  it("is nothing, and more than anything once it has a call; or its default time, by calls in flight", async () => {
    const clock = new ManualClock();
    const plain = node(clock);
    const usual = node(clock, { defaultRttMs: 30 });
    expect([plain.load(0), usual.load(0)]).toEqual([0, 30]);
    void plain.call("req", new Ctx());
    void usual.call("req", new Ctx());
    expect([plain.load(0), usual.load(0)]).toEqual([1e15 + 1, 60]);
    // Whatever is heard first counts for all of it, less than the default too.
    await clock.advance(1000);
    expect(usual.load(clock.now())).toBe(60);
    await answered(clock, usual, 4);
    expect(usual.load(clock.now())).toBe(8);
  });

  it("comes back when what it knew has faded to nothing", async () => {
    const clock = new ManualClock();
    for (const [subject, idle] of [
      [node(clock, { decayTimeMs: 1 }), 0],
      [node(clock, { decayTimeMs: 0 }), 0],
      [node(clock, { decayTimeMs: 1, defaultRttMs: 7 }), 7],
    ] as const) {
      await answered(clock, subject, 5);
      expect(subject.load(clock.now())).toBe(5);
      await clock.advance(1000);
      expect(subject.load(clock.now())).toBe(idle);
    }
  });
});

describe("a peak EWMA node that was asked to be left alone", () => {
  it("loses against all others for that long, though not for longer than it may, and takes itself back then", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constantFrom(undefined, 0, -5, Number.NaN, Number.POSITIVE_INFINITY), fc.nat({ max: 20_000 })),
        fc.constantFrom(undefined, 5000),
        async (afterMs, maxRetryAfterMs) => {
          const clock = new ManualClock(123);
          const subject = node(clock, {
            retryAfterMs: (rep) => (rep === "busy" ? afterMs : undefined),
            ...(maxRetryAfterMs === undefined ? {} : { maxRetryAfterMs }),
          });
          const ctx = new Ctx();
          void subject.call("req", ctx);
          await clock.advance(40);
          ctx.respond("busy");
          ctx.end(ok);
          const forMs = afterMs === undefined || !(afterMs > 0) ? 0 : Math.min(afterMs, maxRetryAfterMs ?? 300_000);
          const now = clock.now();
          if (forMs === 0) expect(subject.load(now)).toBe(40);
          else {
            expect([subject.load(now), subject.load(now + forMs - 0.5)]).toEqual([2e15, 2e15]);
            subject.pending = 3;
            expect(subject.load(now)).toBe(2e15 + 3);
            subject.pending = 0;
          }
          expect(subject.load(now + forMs)).toBeLessThanOrEqual(40);
        },
      ),
    );
  });

  it("stays away for the longest that any answer asked", async () => {
    const clock = new ManualClock();
    const subject = node(clock, { retryAfterMs: Number });
    for (const after of ["100", "3000", "10"]) {
      const ctx = new Ctx();
      void subject.call("req", ctx);
      ctx.respond(after);
      ctx.end(ok);
    }
    expect([subject.load(2999), subject.load(3000) < 1e15]).toEqual([2e15, true]);
  });
});

describe("a cluster balanced by peak EWMA", () => {
  it("turns away from a node that becomes slow, and comes back when it has faded", async () => {
    const cluster = new Cluster(peakEwma({ decayTimeMs: 1000 }), bound(0, 1, 2, 3, 4));
    const usualMs = 10;
    const slowTimes = 20;
    let slow = false;
    cluster.script = (where) => answerOk("rep", where === "10.0.0.4:80" && slow ? usualMs * slowTimes : usualMs);
    const share = async (calls: number): Promise<number> => {
      const before = cluster.endpoint(4)?.calls.length ?? 0;
      for (let i = 0; i < calls; i++) {
        const ctx = new Ctx();
        void cluster.service.call("req", ctx).then((rep) => {
          ctx.respond(rep);
          ctx.end(ok);
        });
        await cluster.clock.advance(1);
      }
      return ((cluster.endpoint(4)?.calls.length ?? 0) - before) / calls;
    };
    const normal = await share(2000);
    expect(Math.abs(normal - 0.2)).toBeLessThan(0.06);
    slow = true;
    await share(usualMs * slowTimes);
    expect(await share(1000)).toBeLessThan(0.03);
    slow = false;
    // A time of the decay for each e-fold that it was slower by, and one to spare.
    await share(Math.ceil(1000 * (Math.log(slowTimes) + 1)));
    expect(await share(1000)).toBeGreaterThan(normal / 2);
  });

  it("gives a new node one call at once, and no other until its first answer", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        arbScript(fc.constantFrom(1, 2, 5), { windowMs: 100, maxLength: 30 }),
        async (seed, script) => {
          const cluster = new Cluster(peakEwma(), bound(0, 1, 2), { seed });
          const call = async (holdMs: number): Promise<void> => {
            const ctx = new Ctx();
            void cluster.service.call("req", ctx);
            cluster.clock.after(holdMs, () => {
              ctx.respond("rep");
              ctx.end(ok);
            });
            await cluster.clock.advance(1);
          };
          for (let i = 0; i < 100; i++) await call(20);
          await cluster.clock.advance(100);
          cluster.dest.set(bound(0, 1, 2, 9));
          for (const { dtMs, event } of script) {
            await cluster.clock.advance(dtMs);
            for (let i = 0; i < event; i++) await call(i === 0 && cluster.endpoint(9)?.calls.length === 1 ? 20 : 1e9);
            const fresh = cluster.endpoint(9);
            const news = fresh?.calls.some((each) => each.ctx.ended) ?? false;
            if (!news) expect(fresh?.calls.length ?? 0).toBeLessThanOrEqual(1);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it("spreads calls over nodes of which none has answered yet", () => {
    const cluster = new Cluster(peakEwma(), bound(0, 1, 2, 3, 4));
    for (let i = 0; i < 100; i++) void cluster.service.call("req", new Ctx());
    for (let n = 0; n < 5; n++) {
      expect(cluster.endpoint(n)?.calls.length).toBeGreaterThan(10);
      expect(cluster.endpoint(n)?.calls.length).toBeLessThan(30);
    }
  });
});
