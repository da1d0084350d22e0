import {
  CancelledError,
  type Classifier,
  ClassifierKey,
  Ctx,
  dispatch,
  failed,
  hasFlag,
  type Outcome,
  type Service,
} from "@weftmesh/core";
import { Hedge } from "@weftmesh/hedge";
import { BackupKey } from "@weftmesh/retry-budget";
import {
  type Answer,
  answerFail,
  answerNever,
  answerOk,
  answerThrow,
  ManualClock,
  MemoryStats,
  ScriptedService,
  seededRng,
  testError,
} from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Req, request, testProtocol, warmHedge } from "./warm-hedge.ts";

const never = Number.POSITIVE_INFINITY;
const delayMs = 50;
const graceMs = 400;

/** What an attempt does, and when. */
interface Plan {
  readonly kind: "ok" | "fail" | "timeout" | "never" | "throw";
  readonly ms: number;
}

const arbPlan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom("ok", "ok", "ok", "fail", "fail", "timeout", "never", "throw") as fc.Arbitrary<Plan["kind"]>,
  ms: fc.constantFrom(0, 1, 20, 49, 50, 51, 70, 100, 300, 900),
});

function answerOf({ kind, ms }: Plan, name: string): Answer<string> {
  if (kind === "ok") return answerOk(name, ms);
  if (kind === "fail") return { kind: "fail", error: testError(name), afterMs: ms };
  if (kind === "timeout") return { kind: "fail", error: testError(name, ["deadlineExceeded"]), afterMs: ms };
  if (kind === "throw") return { kind: "throw", error: testError(name) };
  return answerNever;
}

/** When it is over by itself. */
function endMs({ kind, ms }: Plan): number {
  if (kind === "never") return never;
  return kind === "throw" ? 0 : ms;
}

interface Expected {
  readonly backup: boolean;
  /** When the call settles, and with whose result; never if both are silent. */
  readonly atMs: number;
  readonly by: "original" | "backup" | "cancel";
  readonly success: boolean;
}

/** What should become of a call: written down once more, from the words of the specification. */
function expectedOf(original: Plan, backup: Plan, mayBackUp: boolean, cancelMs: number): Expected {
  const first = endMs(original);
  const isOk = (plan: Plan): boolean => plan.kind === "ok";
  if (cancelMs < Math.min(first, delayMs) || (cancelMs < first && !mayBackUp)) {
    return { backup: false, atMs: cancelMs, by: "cancel", success: false };
  }
  // A backup goes out at the delay unless something has come before it.
  if (first < delayMs || !mayBackUp) {
    return { backup: false, atMs: first, by: "original", success: isOk(original) };
  }
  const second = delayMs + endMs(backup);
  const ofOriginal = { by: "original" as const, atMs: first, success: isOk(original) };
  const ofBackup = { by: "backup" as const, atMs: second, success: isOk(backup) };
  // Of two at one moment the original is the first, unless the backup fails while it is being sent.
  const isBackupFirst = second < first || (second === first && backup.kind === "throw");
  const [early, late] = isBackupFirst ? [ofBackup, ofOriginal] : [ofOriginal, ofBackup];
  const taken = early.success ? early : late;
  if (cancelMs < taken.atMs) return { backup: true, atMs: cancelMs, by: "cancel", success: false };
  return { backup: true, ...taken };
}

interface Seen {
  readonly result: string;
  readonly atMs: number;
}

/** Makes one call on a warm hedge, lets everything happen, and tells what was seen. */
async function play(
  original: Plan,
  backup: Plan,
  options: { readonly sendInterrupts: boolean; readonly clientBudget: boolean; readonly cancelMs: number },
): Promise<{
  seen: Seen | undefined;
  inner: ScriptedService<Req, string>;
  outcomes: (Outcome | undefined)[];
  stats: MemoryStats;
  clock: ManualClock;
  endedMs: number[];
}> {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const inner = new ScriptedService<Req, string>(clock, (_n, { isBackup }) =>
    isBackup ? answerOf(backup, "backup") : answerOf(original, "original"),
  );
  const outcomes: (Outcome | undefined)[] = [];
  const endedMs: number[] = [];
  const watched: Service<Req, string> = {
    call: (req, ctx) => {
      const i = outcomes.push(undefined) - 1;
      ctx.observe({
        onEnd: (_ctx, outcome) => {
          outcomes[i] = outcome;
          endedMs[i] = clock.now();
        },
      });
      return inner.call(req, ctx);
    },
    status: "open",
    close: () => inner.close(),
  };
  const hedge = warmHedge(
    watched,
    testProtocol,
    {
      clock,
      stats,
      maxExtraLoad: 0.25,
      sendInterrupts: options.sendInterrupts,
      loserGraceMs: graceMs,
      clientBudget: { deposit: () => {}, tryWithdraw: () => options.clientBudget, balance: 1 },
    },
    { req: request(0), rep: "warm", calls: 20, latencyMs: delayMs },
  );
  const ctx = new Ctx();
  let seen: Seen | undefined;
  const note = (result: string): void => {
    expect(seen).toBeUndefined();
    seen = { result, atMs: clock.now() };
  };
  dispatch(hedge, request(1), ctx).then(note, (error: Error) => note(error.message));
  if (options.cancelMs !== never) clock.after(options.cancelMs, () => ctx.cancel(new CancelledError("cancel")));
  await clock.advance(5_000);
  return { seen, inner, outcomes, stats, clock, endedMs };
}

const arbOptions = fc.record({
  sendInterrupts: fc.boolean(),
  clientBudget: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  cancelMs: fc.oneof({ weight: 2, arbitrary: fc.constant(never) }, fc.constantFrom(0.5, 30, 60, 110, 500)),
});
const runs = { numRuns: 400 };

const notBad: Classifier = { name: "notBad", classify: (_req, rep) => (rep === "bad" ? "failure" : "success") };

describe("Hedge", () => {
  it("sends one backup, at its delay and no sooner, unless the call is over or a budget says no", async () => {
    await fc.assert(
      fc.asyncProperty(arbPlan, arbPlan, arbOptions, async (original, backup, options) => {
        const expected = expectedOf(original, backup, options.clientBudget, options.cancelMs);
        const { inner, stats } = await play(original, backup, options);
        expect(inner.calls.map(({ req, atMs }) => [req.isBackup, atMs])).toEqual(
          expected.backup
            ? [
                [false, 0],
                [true, delayMs],
              ]
            : [[false, 0]],
        );
        expect(inner.calls.map(({ ctx }) => ctx.get(BackupKey))).toEqual(expected.backup ? [false, true] : [false]);
        expect(stats.readCounter("backups/backups_sent")).toBe(expected.backup ? 1 : 0);
        const wouldSend = !options.clientBudget && endMs(original) >= delayMs && options.cancelMs > delayMs;
        expect(stats.readCounter("backups/budget_exhausted")).toBe(wouldSend ? 1 : 0);
      }),
      runs,
    );
  }, 60_000);

  it("answers with the earliest success, and with the later failure when there is none", async () => {
    await fc.assert(
      fc.asyncProperty(arbPlan, arbPlan, arbOptions, async (original, backup, options) => {
        const {
          by,
          atMs,
          success,
          backup: sent,
        } = expectedOf(original, backup, options.clientBudget, options.cancelMs);
        const { seen, stats } = await play(original, backup, options);
        if (atMs === never) expect(seen).toBeUndefined();
        else expect(seen).toEqual({ result: by, atMs });
        const isLate = endMs(original) > atMs;
        expect(stats.readCounter("backups/backups_won")).toBe(sent && by === "backup" && success && isLate ? 1 : 0);
      }),
      runs,
    );
  }, 60_000);

  it("interrupts the loser at once if it may and else after its grace, and nobody hears of a failure of it", async () => {
    await fc.assert(
      fc.asyncProperty(arbPlan, arbPlan, arbOptions, async (original, backup, options) => {
        const expected = expectedOf(original, backup, options.clientBudget, options.cancelMs);
        const { inner, outcomes, endedMs, clock } = await play(original, backup, options);
        if (expected.atMs === never) return;
        expect(clock.armed).toBe(0);
        expect(inner.inFlight).toBe(0);
        for (const [i, { req, outcome }] of inner.calls.entries()) {
          const plan = req.isBackup ? backup : original;
          const ownMs = (req.isBackup ? delayMs : 0) + endMs(plan);
          const limitMs = expected.atMs + (expected.by === "cancel" || options.sendInterrupts ? 0 : graceMs);
          // Of two answers at one moment the original's comes first.
          const isTie = ownMs === limitMs && req.isBackup && plan.kind !== "throw" && expected.by === "original";
          const isCut = ownMs > limitMs || (isTie && options.sendInterrupts);
          expect(outcome === "cancelled").toBe(isCut);
          expect(endedMs[i]).toBe(Math.min(ownMs, limitMs));
          const ended = outcomes[i] as Outcome;
          if (isCut) expect(ended.kind === "failed" && hasFlag(ended.error, "ignorable")).toBe(true);
          else expect(ended.kind).toBe(plan.kind === "ok" ? "ok" : "failed");
        }
      }),
      runs,
    );
  }, 60_000);

  it("adds no more than its share of extra load, whatever the latencies and however few the calls", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0.01, 0.05, 0.1, 0.25, 0.5, 0.9),
        fc.array(
          fc.record({
            dtMs: fc.constantFrom(0, 1, 5, 200, 2_999, 10_001),
            ms: fc.constantFrom(1, 5, 20, 100, 1_500),
          }),
          { minLength: 20, maxLength: 120, size: "max" },
        ),
        async (share, plan) => {
          const clock = new ManualClock();
          const stats = new MemoryStats();
          let latencyMs = 0;
          const inner = new ScriptedService<Req, string>(clock, () => answerOk("rep", latencyMs));
          const hedge = new Hedge(inner, testProtocol, { clock, stats, maxExtraLoad: share });
          const begunMs: number[] = [];
          const sent = (): number => inner.calls.filter(({ req }) => req.isBackup).length;
          for (const { dtMs, ms } of plan) {
            await clock.advance(dtMs);
            latencyMs = ms;
            begunMs.push(clock.now());
            void dispatch(hedge, request(begunMs.length));
            expect(sent()).toBeLessThanOrEqual(Math.floor(share * begunMs.length + 1e-9));
          }
          await clock.advance(20_000);
          const sentMs = inner.calls.filter(({ req }) => req.isBackup).map(({ atMs }) => atMs);
          expect(sentMs.length).toBe(stats.readCounter("backups/backups_sent"));
          // In every stretch: a call pays for what is sent within 10 s of it.
          for (const fromMs of sentMs) {
            const backups = sentMs.filter((each) => each >= fromMs).length;
            const calls = begunMs.filter((each) => each > fromMs - 10_000).length;
            expect(backups).toBeLessThanOrEqual(share * calls + 1e-9);
          }
        },
      ),
    );
  }, 60_000);

  it("waits for the percentile of successes and of what ran out of time, whatever else failed, and how fast", async () => {
    const arbLatencies = fc.array(fc.integer({ min: 1, max: 128 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        arbLatencies,
        fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 30 }),
        fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 128 }), { maxLength: 5 }),
        fc.constantFrom(0.01, 0.1, 0.5),
        async (latencies, failures, badAnswers, timeouts, share) => {
          const clock = new ManualClock();
          const stats = new MemoryStats();
          const answers = [
            ...latencies.map((ms) => answerOk("rep", ms)),
            ...failures.map((ms) => answerFail(["retryable"], ms)),
            ...badAnswers.map((ms) => answerOk("bad", ms)),
            ...timeouts.map((ms) => answerFail(["deadlineExceeded"], ms)),
          ];
          const inner = new ScriptedService<Req, string>(clock, (n) => answers[n] ?? answerOk("rep"));
          const hedge = new Hedge(inner, testProtocol, { clock, stats, maxExtraLoad: share });
          for (const id of answers.keys()) {
            dispatch(hedge, request(id), new Ctx().set(ClassifierKey, notBad)).catch(() => {});
          }
          await clock.advance(3_000);
          void dispatch(hedge, request(-1));
          const sorted = [...latencies, ...timeouts].sort((a, b) => a - b);
          const rank = Math.ceil((1 - share) * sorted.length * (1 - 1e-12));
          expect(stats.readStat("backups/send_backup_after_ms")).toEqual([sorted[rank - 1]]);
          await clock.advance(1_000);
        },
      ),
    );
  }, 60_000);

  it("takes the time of a superseded attempt as well: it would have been longer still", async () => {
    const clock = new ManualClock();
    const stats = new MemoryStats();
    const inner = new ScriptedService<Req, string>(clock, (_n, { isBackup }) =>
      isBackup ? answerOk("backup", 30) : answerNever,
    );
    const options = { clock, stats, maxExtraLoad: 0.5, sendInterrupts: true };
    const warmUp = { req: request(0), rep: "warm", calls: 2, latencyMs: 50 };
    const hedge = warmHedge(inner, testProtocol, options, warmUp);
    const calls = Promise.all([dispatch(hedge, request(1)), dispatch(hedge, request(2))]);
    await clock.advance(80);
    expect(await calls).toEqual(["backup", "backup"]);
    // Two of 50 ms before, two backups of 30 and two originals of 80: without those the median would be 30.
    await clock.advance(3_000);
    void dispatch(hedge, request(3));
    expect(stats.readStat("backups/send_backup_after_ms")).toEqual([50, 50]);
    await clock.advance(10_000);
  });

  it("makes the slowest calls of a bimodal service quicker", async () => {
    // One call in a hundred takes ten times as long. A hundred calls a second for 80 s, of which the first 30 warm up.
    for (const seed of [1, 2, 3]) {
      const rng = seededRng(seed);
      const latencyOf = (): number => (rng.next() < 0.01 ? 10 : 1) * (5 + 5 * rng.next());
      const clock = new ManualClock();
      const stats = new MemoryStats();
      const without: number[] = [];
      const inner = new ScriptedService<Req, string>(clock, (_n, { isBackup }) => {
        const ms = latencyOf();
        if (!isBackup) without.push(ms);
        return answerOk("rep", ms);
      });
      const hedge = new Hedge(inner, testProtocol, { clock, stats, maxExtraLoad: 0.01 });
      const hedged: number[] = [];
      for (let id = 0; id < 8_000; id++) {
        const sinceMs = clock.now();
        void dispatch(hedge, request(id)).then(() => {
          hedged[id] = clock.now() - sinceMs;
        });
        await clock.advance(10);
      }
      await clock.advance(1_000);
      const tail = (all: readonly number[]): number => {
        const sorted = all.slice(3_000).sort((a, b) => a - b);
        return sorted[Math.ceil(sorted.length * 0.995) - 1] as number;
      };
      expect(without).toHaveLength(8_000);
      expect(stats.readCounter("backups/backups_sent")).toBeLessThanOrEqual(80);
      expect(tail(hedged)).toBeLessThan(tail(without) * 0.9);
    }
  }, 120_000);

  it("passes a request that is not hedgeable through as it is, unmeasured and unpaid", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 30 }), async (hedgeable) => {
        const clock = new ManualClock();
        const stats = new MemoryStats();
        const promise = Promise.resolve("rep");
        const seen: unknown[] = [];
        const inner: Service<Req, string> = {
          call: (...given) => {
            seen.push(...given);
            return promise;
          },
          status: "open",
          close: () => Promise.resolve(),
        };
        const hedge = new Hedge(inner, testProtocol, { clock, stats, maxExtraLoad: 0.5 });
        for (const [id, each] of hedgeable.entries()) {
          const req = request(id, each);
          const ctx = new Ctx();
          expect(hedge.call(req, ctx)).toBe(promise);
          expect(seen.splice(0)).toEqual([req, ctx]);
          if (each) ctx.end(failed(new CancelledError()));
          else ctx.respond("rep");
        }
        await clock.advance(3_000);
        // Nobody knows a latency.
        expect(hedge.call(request(-1), new Ctx())).toBe(promise);
        expect([clock.armed, stats.readStat("backups/send_backup_after_ms")]).toEqual([0, []]);
      }),
    );
  });

  it("turns a throw below into a rejection of that attempt", async () => {
    const clock = new ManualClock();
    const cold = new Hedge(new ScriptedService<Req, string>(clock, [answerThrow("thrown below")]), testProtocol, {
      clock,
      maxExtraLoad: 0.5,
    });
    await expect(cold.call(request(1), new Ctx())).rejects.toThrow("thrown below");
    await expect(cold.call(request(1, false), new Ctx())).rejects.toThrow("thrown below");
  });
});
