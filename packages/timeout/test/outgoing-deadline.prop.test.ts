import { ClockParam, Ctx, Params, type Service, Stack, service } from "@weftmesh/core";
import { nullStats } from "@weftmesh/telemetry";
import { answerOk, ManualClock, ScriptedService } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DeadlineModeParam,
  DeadlineReader,
  deadline,
  outgoingDeadline,
  readDeadline,
  readGrpcTimeout,
  remainingMs,
  showDeadline,
  showGrpcTimeout,
  TotalTimeoutMs,
  totalTimeout,
  WireDeadlineKey,
} from "../src/index.ts";
import { callEnding } from "./call-ending.ts";

const epochMs = 1_700_000_000_000;
const ns = (ms: number): bigint => BigInt(epochMs + ms) * 1_000_000n;
const everything = { toleranceMs: 0, maxMs: Number.POSITIVE_INFINITY };

describe("what a hop passes on", () => {
  it("C22: is the caller's deadline or our own, whichever ends first, and nothing where there is neither", () => {
    const arbLeft = fc.option(fc.integer({ min: 1, max: 5000 }), { nil: undefined });
    fc.assert(
      fc.property(arbLeft, arbLeft, (wireMs, ownMs) => {
        const clock = new ManualClock(77, epochMs);
        const ctx = new Ctx();
        if (wireMs !== undefined) ctx.set(WireDeadlineKey, { timestampNs: 5n, deadlineNs: ns(wireMs) });
        if (ownMs !== undefined) ctx.deadline = 77 + ownMs;
        const out = outgoingDeadline(ctx, clock);
        if (wireMs === undefined && ownMs === undefined) {
          expect(out).toBeUndefined();
          return;
        }
        const endMs = Math.min(wireMs ?? Number.POSITIVE_INFINITY, ownMs ?? Number.POSITIVE_INFINITY);
        expect(out).toBe(showDeadline({ timestampNs: ownMs === undefined ? 5n : ns(0), deadlineNs: ns(endMs) }));
      }),
    );
  });

  it("is what the caller said, to the ns, where nothing of ours is sooner", () => {
    const clock = new ManualClock(0, epochMs);
    const wire = { timestampNs: 1n, deadlineNs: ns(100) + 123_456n };
    const ctx = new Ctx().set(WireDeadlineKey, wire);
    expect(outgoingDeadline(ctx, clock)).toBe(showDeadline(wire));
    ctx.deadline = Number.NaN;
    expect(outgoingDeadline(ctx, clock)).toBe(showDeadline(wire));
    ctx.deadline = 5000;
    expect(outgoingDeadline(ctx, clock)).toBe(showDeadline({ timestampNs: ns(0), deadlineNs: wire.deadlineNs }));
  });
});

interface Hop {
  /** Its own limit, and how long a call takes to it and through it. */
  readonly totalMs: number;
  readonly spentMs: number;
  readonly grpc: boolean;
}

/** Hops in a row, each over a wire to the next; `saw` is given what is left behind each, `callee` answers the last. */
function chain(
  clock: ManualClock,
  hops: readonly Hop[],
  callee: Service<string, string>,
  saw: (leftMs: number, hop: number) => void,
  params: Params = Params.empty,
): Service<string, string> {
  const reader = new DeadlineReader({ clock, stats: nullStats, ...everything });
  let next = callee;
  for (const [hop, { totalMs, spentMs, grpc }] of [...hops.entries()].reverse()) {
    const below = next;
    const send = service<string, string>(async (req, ctx) => {
      const out = outgoingDeadline(ctx, clock);
      const wire = out === undefined ? undefined : readDeadline(out);
      const sent = wire && (grpc ? showGrpcTimeout(remainingMs(wire, clock.epochMs())) : out);
      // One that travels through both hops of the cancel scope, as a reset of the connection would.
      const arrived = new Ctx();
      ctx.onCancel((reason) => arrived.cancel(reason));
      if (sent !== undefined) {
        if (grpc) reader.readGrpcTimeout(sent, arrived);
        else reader.read([sent], arrived);
        saw(arrived.deadline - clock.now(), hop);
      }
      return below.call(req, arrived);
    });
    const stack = new Stack([deadline<string, string>(), totalTimeout<string, string>()], () => send).make(
      params.with(ClockParam, clock).with(TotalTimeoutMs, totalMs),
    );
    next = service<string, string>(
      (req, ctx) =>
        new Promise((resolve, reject) => {
          ctx.onCancel(reject);
          clock.after(spentMs, () => stack.call(req, ctx).then(resolve, reject));
        }),
    );
  }
  return next;
}

describe("a chain of hops", () => {
  const arbHop: fc.Arbitrary<Hop> = fc.record({
    totalMs: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 3000 })),
    spentMs: fc.oneof(fc.nat(50), fc.double({ min: 0, max: 400, noNaN: true })),
    grpc: fc.boolean(),
  });

  it("11.12.8: C22: leaves less of the deadline at each, and ends the call when the first of all runs out", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbHop, { minLength: 1, maxLength: 5 }),
        fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined }),
        fc.integer({ min: 1, max: 3000 }),
        async (hops, clientMs, replyMs) => {
          const clock = new ManualClock(10, epochMs);
          const left: number[] = [];
          const callee = new ScriptedService<string, string>(clock, [answerOk("rep", replyMs)]);
          const ctx = new Ctx();
          if (clientMs !== undefined) {
            new DeadlineReader({ clock, stats: nullStats, ...everything }).read([`${ns(0)} ${ns(clientMs)}`], ctx);
          }
          const behind: number[] = [];
          const saw = (ms: number, hop: number): void => {
            left.push(ms);
            behind.push(hop);
          };
          const ending = callEnding(clock, chain(clock, hops, callee, saw), ctx);
          let boundMs = clientMs ?? Number.POSITIVE_INFINITY;
          let spentMs = 0;
          const leftBehind: number[] = [];
          for (const hop of hops) {
            spentMs += hop.spentMs;
            if (spentMs < boundMs) boundMs = Math.min(boundMs, spentMs + hop.totalMs);
            leftBehind.push(boundMs - spentMs);
          }
          await clock.advance(20_000);
          for (let i = 1; i < left.length; i++) {
            expect(left[i]).toBeLessThanOrEqual((left[i - 1] as number) + 1e-9);
          }
          // No more than the client's deadline and every limit on the way leave, less 2 ms a hop at most; a wire in whole
          // ms of the calendar may find its fraction of one again.
          for (const [i, ms] of left.entries()) {
            const most = leftBehind[behind[i] as number] as number;
            expect(ms).toBeLessThanOrEqual(most + 1);
            expect(ms).toBeGreaterThanOrEqual(most - 2 * hops.length - 1);
          }
          if (clientMs !== undefined) for (const ms of left) expect(ms).toBeLessThanOrEqual(clientMs + 1e-9);
          const takesMs = spentMs + replyMs;
          const atMs = (ending()?.atMs ?? Number.NaN) - 10;
          // A wire in whole ms makes it at most 2 ms a hop stricter, never looser.
          if (takesMs < boundMs - 2 * hops.length - 2) expect(ending()?.result).toBe("rep");
          if (takesMs > boundMs + 1) expect(ending()?.result).toMatch(/^WEFT_(DEADLINE|TOTAL_TIMEOUT)$/);
          if (ending()?.result !== "rep") {
            // The client here does not keep its own deadline: the first hop does, from when the call comes to it.
            expect(atMs).toBeLessThanOrEqual(Math.max(boundMs, hops[0]?.spentMs ?? 0) + 1e-6);
            // Nobody works on for a caller that has its answer.
            expect(callee.calls.every(({ outcome }) => outcome === "cancelled")).toBe(true);
          }
          expect(clock.armed).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("passes the caller's deadline on unchanged while it only observes it", async () => {
    const clock = new ManualClock(10, epochMs);
    const callee = new ScriptedService<string, string>(clock, [answerOk("rep", 900)]);
    const hops = Array.from({ length: 3 }, () => ({ totalMs: 5000, spentMs: 10, grpc: false }));
    const ctx = new Ctx();
    new DeadlineReader({ clock, stats: nullStats, ...everything }).read([`${ns(0)} ${ns(15)}`], ctx);
    const left: number[] = [];
    const observe = Params.empty.with(DeadlineModeParam, "observe");
    const ending = callEnding(
      clock,
      chain(clock, hops, callee, (ms) => void left.push(ms), observe),
      ctx,
    );
    await clock.advance(1000);
    expect(ending()).toEqual({ result: "rep", atMs: 10 + 930 });
    expect(left).toEqual([5, -5, -15]);
  });

  it("reads in any unit what another hop wrote", () => {
    expect(readGrpcTimeout(showGrpcTimeout(1234.5) as string)).toBe(1234.5);
  });
});
