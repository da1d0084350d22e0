import { CancelledError, ClockParam, Ctx, failed, ok, Params, Stack, service, WeftError } from "@weftmesh/core";
import { Headers, HttpRequest, HttpResponse, StreamError } from "@weftmesh/http";
import { RequestStream, RequestStreamKey, serverStreamStats } from "@weftmesh/metrics";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats, PushBody, RecordingSink } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const ms = fc.nat(50);
const call = fc.record({
  chunks: fc.array(fc.nat(100), { maxLength: 4 }),
  request: fc.constantFrom("none", "ends", "fails", "open"),
  response: fc.constantFrom("ends", "fails", "leaves", "none"),
  answerBytes: fc.nat(1000),
  headMs: ms,
  sendMs: ms,
  bodyMs: ms,
});

describe("the stats of streams", () => {
  it("count each stream once by how it ended, with its bytes and its time, and add up to both", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 8 }), async (calls) => {
        const clock = new ManualClock();
        const stats = new MemoryStats();
        const svc = new Stack([serverStreamStats<HttpRequest, HttpResponse>()], () =>
          service(() => new Promise<HttpResponse>(() => {})),
        ).make(Params.empty.with(StatsParam, stats).with(ClockParam, clock));
        let sent = 0;
        let failedRequests = 0;
        let answers = 0;
        let failedAnswers = 0;
        let failedBoth = 0;
        const bytes: number[] = [];
        for (const one of calls) {
          const ctx = new Ctx();
          const source = new PushBody();
          const req = new HttpRequest("2", "POST", "http", "web", "/", new Headers(), source);
          if (one.request !== "none") {
            const stream = new RequestStream(source, clock);
            ctx.set(RequestStreamKey, stream);
            RecordingSink.of(stream);
          }
          void svc.call(req, ctx);
          let here = 0;
          if (one.request !== "none") {
            for (const length of one.chunks) source.push(Buffer.alloc(length));
            here = one.chunks.reduce((sum, length) => sum + length, 0);
            await clock.advance(one.sendMs);
            if (one.request === "ends") source.end();
            else if (one.request === "fails") source.fail(new WeftError("WEFT_X", "x"));
          }
          sent += here;
          await clock.advance(one.headMs);
          const rep = new HttpResponse(200, new Headers(), new PushBody(), "2");
          if (one.response !== "none") ctx.respond(rep);
          await clock.advance(one.bodyMs);
          rep.bodyBytes = one.answerBytes;
          const error = one.response === "leaves" ? new CancelledError() : new WeftError("WEFT_X", "x");
          ctx.end(one.response === "ends" ? ok : failed(error));
          const isWhole = one.request === "none" || one.request === "ends";
          if (!isWhole) failedRequests++;
          if (one.response !== "none") answers++;
          if (one.response === "fails" || one.response === "leaves") failedAnswers++;
          if (!isWhole || one.response !== "ends") failedBoth++;
          if (one.response !== "none") bytes.push(one.answerBytes);
        }
        const counters = (scope: string) => [
          stats.readCounter(`${scope}/stream_success`),
          stats.readCounter(`${scope}/stream_failures`),
        ];
        expect(counters("request/stream")).toEqual([calls.length - failedRequests, failedRequests]);
        expect(counters("response/stream")).toEqual([answers - failedAnswers, failedAnswers]);
        expect(counters("stream")).toEqual([calls.length - failedBoth, failedBoth]);
        const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
        expect(sum(stats.readStat("request/stream/data_bytes"))).toBe(sent);
        expect(stats.readStat("response/stream/data_bytes")).toEqual(bytes);
        expect(sum(stats.readStat("stream/data_bytes"))).toBe(sent + sum(bytes));
        expect(stats.readStat("stream/total_latency_ms").length).toBe(calls.length);
        const total = stats.readStat("stream/total_latency_ms");
        const took = calls.map((one) => (one.request === "none" ? 0 : one.sendMs) + one.headMs + one.bodyMs);
        expect(total).toEqual(took);
        const durations = calls.map((one, i) =>
          one.request === "none" ? 0 : one.request === "open" ? (took[i] as number) : one.sendMs,
        );
        expect(stats.readStat("request/stream/stream_duration_ms")).toEqual(durations);
        const answered = calls.filter((one) => one.response !== "none").map((one) => one.bodyMs);
        expect(stats.readStat("response/stream/stream_duration_ms")).toEqual(answered);
      }),
    );
  });

  it("count resets by the side and the code, and the streams that are open", async () => {
    const code = fc.integer({ min: 0, max: 20 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(code, fc.boolean()), { maxLength: 10 }), async (resets) => {
        const stats = new MemoryStats();
        const svc = new Stack([serverStreamStats<HttpRequest, HttpResponse>()], () =>
          service(() => new Promise<HttpResponse>(() => {})),
        ).make(Params.empty.with(StatsParam, stats).with(ClockParam, new ManualClock()));
        const ctxs = resets.map(() => new Ctx());
        for (const ctx of ctxs) {
          void svc.call(new HttpRequest("2", "GET", "http", "web", "/", new Headers(), new PushBody()), ctx);
        }
        expect(stats.readGauge("open_streams")).toBe(resets.length);
        // A failure that is no reset is none.
        const other = new Ctx();
        void svc.call(new HttpRequest("2", "GET", "http", "web", "/", new Headers(), new PushBody()), other);
        other.end(failed(new WeftError("WEFT_X", "x")));
        for (const [i, [http2Code, remote]] of resets.entries()) {
          const error = new StreamError(http2Code, "x", { remote });
          ctxs[i]?.end(failed(error));
        }
        for (const side of ["remote", "local"]) {
          const ofSide = resets.filter(([, remote]) => remote === (side === "remote")).map(([each]) => each);
          expect(stats.readCounter(`stream/${side}/reset`)).toBe(ofSide.length);
          expect(stats.readCounter(`stream/${side}/reset/CANCEL`)).toBe(ofSide.filter((each) => each === 8).length);
          expect(stats.readCounter(`stream/${side}/reset/other`)).toBe(ofSide.filter((each) => each > 13).length);
        }
        expect(stats.readGauge("open_streams")).toBe(0);
        await svc.close();
        expect(stats.readGauge("open_streams")).toBeUndefined();
      }),
    );
  });
});
