import { type Classifier, ClassifierKey, ClockParam, Ctx, Params, RngParam, Stack } from "@weftmesh/core";
import { collectBody, dispatchHttp, Headers, HttpRequest, HttpResponse } from "@weftmesh/http";
import {
  ClassificationTimeoutMs,
  httpRetrying,
  RetryRequestBytes,
  RetryResponseBytes,
  requeues,
  retries,
} from "@weftmesh/retries";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats, PushBody, RecordingSink, seededRng, settle, testError } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";

/** By the trailer `status`: 14 may be sent again. */
const byTrailers: Classifier = {
  name: "trailers",
  judgesEnds: true,
  classify: (_req, rep, error) => {
    if (error !== undefined) return "failure";
    const status = (rep as HttpResponse).trailers?.get("status");
    return status === "14" ? "retryable" : "success";
  },
  mayTurnRetryable: (_req, rep) => (rep as HttpResponse).bodyBytes < 0,
};

function rig(params: Params = Params.empty) {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const protocol = httpRetrying({ streams: true });
  const sent: { readonly text: Promise<string>; readonly rep: PushBody; readonly ctx: Ctx }[] = [];
  const inner = {
    call: (req: HttpRequest, ctx: Ctx) => {
      const rep = new PushBody();
      const text = collectBody(req.body, 1e6).then(String, (error: Error) => error.message);
      sent.push({ text, rep, ctx });
      return Promise.resolve(new HttpResponse(200, undefined, rep, "2"));
    },
    status: "open" as const,
    close: () => Promise.resolve(),
  };
  const service = new Stack([retries(protocol), requeues(protocol)], () => inner).make(
    params.with(ClockParam, clock).with(RngParam, seededRng(1)).with(StatsParam, stats),
  );
  const source = new PushBody();
  const req = new HttpRequest("2", "POST", "http", "web", "/", new Headers(), source);
  const ctx = new Ctx().set(ClassifierKey, byTrailers);
  const answer = dispatchHttp(service, req, ctx);
  return { clock, stats, sent, source, ctx, answer };
}
const unavailable = Headers.of("status", "14");
const fine = Headers.of("status", "0");

describe("retries by the end of an answer", () => {
  it("send the same stream again when the trailers call for it, and give the caller the answer of the last attempt", async () => {
    const { sent, source, answer, stats } = rig();
    await settle();
    source.push(Buffer.from("hello"));
    source.end();
    sent[0]?.rep.push(Buffer.from("partial"));
    sent[0]?.rep.end(unavailable);
    await settle();
    await settle();
    expect(sent.length).toBe(2);
    sent[1]?.rep.push(Buffer.from("whole"));
    sent[1]?.rep.end(fine);
    const sink = RecordingSink.of((await answer).body);
    await sink.done;
    expect([sink.text(), sink.trailers?.get("status")]).toEqual(["whole", "0"]);
    expect(await Promise.all(sent.map(({ text }) => text))).toEqual(["hello", "hello"]);
    expect(stats.readCounter("retries/total")).toBe(1);
  });

  it("pass an answer on that is longer than what is kept, without a byte lost, and count it", async () => {
    const { sent, answer, stats } = rig(Params.empty.with(RetryResponseBytes, 4));
    await settle();
    const rep = sent[0]?.rep as PushBody;
    rep.push(Buffer.from("abcd"));
    await settle();
    rep.push(Buffer.from("ef"));
    const sink = RecordingSink.of((await answer).body);
    expect([sink.text(), rep.full]).toEqual(["abcdef", false]);
    rep.push(Buffer.from("gh"));
    rep.end(unavailable);
    expect([sink.text(), sink.trailers?.get("status"), sent.length]).toEqual(["abcdefgh", "14", 1]);
    expect(stats.readCounter("retries/response_stream_too_long")).toBe(1);
  });

  it("pass an answer on that takes too long, and count it", async () => {
    const { sent, answer, stats, clock } = rig();
    await settle();
    sent[0]?.rep.push(Buffer.from("ab"));
    let here = false;
    void answer.then(() => {
      here = true;
    });
    await clock.advance(99);
    await settle();
    expect(here).toBe(false);
    await clock.advance(1);
    const sink = RecordingSink.of((await answer).body);
    sent[0]?.rep.end(unavailable);
    expect([sink.text(), sink.trailers?.get("status"), sent.length]).toEqual(["ab", "14", 1]);
    expect(stats.readCounter("retries/classification_timeout")).toBe(1);
  });

  it("wait for nothing with a timeout of 0", async () => {
    const { sent, answer } = rig(Params.empty.with(ClassificationTimeoutMs, 0));
    await settle();
    const sink = RecordingSink.of((await answer).body);
    sent[0]?.rep.push(Buffer.from("ab"));
    expect(sink.text()).toBe("ab");
  });

  it("wait for nothing when the request is too long to be sent again, and count it", async () => {
    const { sent, source, answer, stats } = rig(Params.empty.with(RetryRequestBytes, 4));
    source.push(Buffer.from("hello"));
    const rep = await answer;
    const sink = RecordingSink.of(rep.body);
    source.push(Buffer.from(" world"));
    source.end();
    sent[0]?.rep.end(unavailable);
    await sink.done;
    expect([sink.trailers?.get("status"), await sent[0]?.text, sent.length]).toEqual(["14", "hello world", 1]);
    expect(stats.readCounter("retries/request_stream_too_long")).toBe(1);
  });

  it("pass a broken answer on as one", async () => {
    const { sent, answer } = rig();
    await settle();
    sent[0]?.rep.push(Buffer.from("ab"));
    sent[0]?.rep.fail(testError("reset"));
    const sink = RecordingSink.of((await answer).body);
    expect([sink.text(), sink.error?.message]).toEqual(["ab", "reset"]);
  });

  it("give the answer up when the caller leaves while it is waited for", async () => {
    const { sent, answer, ctx } = rig();
    await settle();
    sent[0]?.rep.push(Buffer.from("ab"));
    await settle();
    ctx.cancel(testError("left"));
    const rep = await answer;
    const sink = RecordingSink.of(rep.body);
    expect([sent[0]?.rep.stopped?.message, sink.error?.message, sent.length]).toEqual(["left", "left", 1]);
    expect(sent[0]?.ctx.ended).toBe(true);
  });

  it("heed a pushback of gRPC's in the trailers", async () => {
    const { sent, answer, clock } = rig();
    await settle();
    sent[0]?.rep.end(Headers.of("status", "14", "grpc-retry-pushback-ms", "250"));
    await settle();
    await clock.advance(249);
    expect(sent.length).toBe(1);
    await clock.advance(1);
    await settle();
    expect(sent.length).toBe(2);
    sent[1]?.rep.end(fine);
    await RecordingSink.of((await answer).body).done;
  });
});
