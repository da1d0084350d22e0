import { ClockParam, Ctx, failed, hasFlag, ok, Params } from "@weftmesh/core";
import { bytesBody, discard, emptyBody, Full, type HttpRequest, HttpResponse } from "@weftmesh/http";
import { describeModule, ManualClock, PushBody, settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { StreamIdleTimeoutError, StreamIdleTimeoutMs, streamIdleTimeout } from "../src/index.ts";
import { HttpCall, httpRequest } from "./http-call.ts";

const bytes = Buffer.from("abc");

describeModule<HttpRequest, HttpResponse>(streamIdleTimeout, {
  params: (clock) => Params.empty.with(ClockParam, clock).with(StreamIdleTimeoutMs, 1000),
  disabled: (clock) => Params.empty.with(ClockParam, clock),
  request: () => httpRequest(bytesBody(bytes)),
  reply: () => new HttpResponse(200, undefined, bytesBody(bytes)),
  finish: (rep) => void rep.body.pipe(discard),
});

function call(heeds = true) {
  const clock = new ManualClock(500);
  const http = new HttpCall(
    streamIdleTimeout,
    Params.empty.with(ClockParam, clock).with(StreamIdleTimeoutMs, 100),
    heeds,
  );
  return { clock, http, ctx: new Ctx() };
}

describe("the stream idle timeout", () => {
  it("is left out unless its time is finite and above zero", () => {
    const clock = new ManualClock();
    for (const ms of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const http = new HttpCall(streamIdleTimeout, Params.empty.with(ClockParam, clock).with(StreamIdleTimeoutMs, ms));
      const req = httpRequest(bytesBody(bytes));
      const { body } = req;
      http.svc.call(req, new Ctx()).catch(() => {});
      expect(req.body).toBe(body);
    }
  });

  it("costs no timer for a call without bodies, nor for bodies that are whole at once", async () => {
    const { clock, http, ctx } = call();
    http.start(ctx);
    expect(clock.armed).toBe(0);
    http.answer(emptyBody);
    await settle();
    expect([http.rep?.body === emptyBody, clock.armed]).toEqual([true, 0]);
    const bare = httpRequest();
    http.svc.call(bare, new Ctx()).catch(() => {});
    expect(bare.body).toBe(emptyBody);
    const post = call();
    post.http.start(post.ctx, bytesBody(bytes));
    post.http.answer(emptyBody);
    await settle();
    expect(post.http.rep?.body).toBe(emptyBody);
    const whole = call();
    whole.http.start(whole.ctx, bytesBody(bytes));
    whole.http.answer(bytesBody(bytes));
    await settle();
    expect([whole.http.received?.text(), whole.http.take().text(), whole.clock.armed]).toEqual(["abc", "abc", 0]);
  });

  it("leaves the wait for a head to other timeouts", async () => {
    const { clock, http, ctx } = call();
    http.start(ctx, http.upload);
    http.upload.push(bytes);
    http.upload.end();
    await clock.advance(10_000);
    expect([ctx.cancelled, clock.armed]).toEqual([undefined, 0]);
    http.answer();
    await settle();
    expect(clock.armed).toBe(0);
    http.take();
    expect(clock.armed).toBe(1);
  });

  it("cancels a call whose upload stops, exactly its time after the last bytes", async () => {
    const { clock, http, ctx } = call();
    http.start(ctx, http.upload);
    await clock.advance(99);
    http.upload.push(bytes);
    await clock.advance(99.5);
    expect([ctx.cancelled, clock.armed]).toEqual([undefined, 1]);
    await clock.advance(0.5);
    expect(ctx.cancelled).toBeInstanceOf(StreamIdleTimeoutError);
    expect([http.error?.code, http.received?.error, http.upload.stopped]).toEqual([
      "WEFT_STREAM_IDLE_TIMEOUT",
      ctx.cancelled,
      ctx.cancelled,
    ]);
    expect(clock.armed).toBe(0);
  });

  it("cancels a call whose download stops, though its head was sent, and ends the body", async () => {
    const { clock, http, ctx } = call();
    http.start(ctx);
    http.answer();
    await settle();
    const got = http.take();
    await clock.advance(60);
    http.download.push(bytes);
    await clock.advance(99);
    expect(got.over).toBe(false);
    await clock.advance(1);
    expect([ctx.cancelled, got.error, got.late, clock.armed]).toEqual([got.error, ctx.cancelled, [], 0]);
    expect(got.error).toMatchObject({ code: "WEFT_STREAM_IDLE_TIMEOUT", timeoutMs: 100 });
    expect(hasFlag(got.error, "deadlineExceeded")).toBe(true);
    expect(got.error?.message).toBe("exceeded 100.milliseconds while waiting for the next bytes of a body");
  });

  it("counts bytes of either body for both, and the end of one as well", async () => {
    const { clock, http, ctx } = call();
    http.start(ctx, http.upload);
    http.answer();
    await settle();
    const got = http.take();
    expect(clock.armed).toBe(1);
    for (let i = 0; i < 5; i++) {
      await clock.advance(60);
      http.upload.push(bytes);
      await clock.advance(60);
      http.download.push(bytes);
    }
    await clock.advance(60);
    http.upload.end();
    await clock.advance(99);
    expect([ctx.cancelled, got.over, clock.armed]).toEqual([undefined, false, 1]);
    http.download.end();
    expect([got.ended, clock.armed]).toEqual([true, 0]);
  });

  it("watches a download from when it is piped", async () => {
    const { clock, http, ctx } = call();
    http.start(ctx, http.upload);
    await clock.advance(50);
    http.answer();
    await clock.advance(30);
    http.take();
    await clock.advance(99);
    expect(ctx.cancelled).toBeUndefined();
    await clock.advance(1);
    expect(ctx.cancelled).toBeDefined();
  });

  it("F3: ends a whole body that its client does not take, though nobody hears of the cancelling", async () => {
    const { clock, http, ctx } = call();
    http.start(ctx);
    http.answer(bytesBody(bytes));
    await settle();
    const got = http.take(Full);
    expect([got.over, clock.armed]).toEqual([false, 1]);
    await clock.advance(100);
    expect([got.error, clock.armed]).toEqual([ctx.cancelled, 0]);
    expect(got.error).toMatchObject({ code: "WEFT_STREAM_IDLE_TIMEOUT" });
  });

  it("ends bodies whose source does not heed the cancelling", async () => {
    const { clock, http, ctx } = call(false);
    http.start(ctx, http.upload);
    http.answer();
    await settle();
    const got = http.take();
    await clock.advance(100);
    expect([got.error, http.download.stopped]).toEqual([ctx.cancelled, ctx.cancelled]);
    expect([http.received?.error, http.upload.stopped]).toEqual([ctx.cancelled, ctx.cancelled]);
    expect([got.late, http.received?.late]).toEqual([[], []]);
  });

  it("lets go of its timer when the call ends, or its sinks give up, and arms none afterwards", async () => {
    const ended = call();
    ended.http.start(ended.ctx, ended.http.upload);
    expect(ended.clock.armed).toBe(1);
    ended.ctx.end(failed(new Error("lost")));
    expect(ended.clock.armed).toBe(0);
    const stopped = call();
    stopped.http.start(stopped.ctx);
    stopped.http.answer();
    await settle();
    stopped.http.take().stop(new Error("gone"));
    expect([stopped.clock.armed, stopped.http.download.stopped?.message]).toEqual([0, "gone"]);
    const late = call();
    late.http.start(late.ctx);
    late.http.answer();
    await settle();
    late.ctx.end(ok);
    late.http.take();
    expect(late.clock.armed).toBe(0);
  });

  it("arms one timer at a time however many chunks go by", async () => {
    const clock = new ManualClock();
    let armed = 0;
    const counting = {
      now: () => clock.now(),
      epochMs: () => clock.epochMs(),
      after: (ms: number, fn: () => void) => {
        armed++;
        return clock.after(ms, fn);
      },
    };
    const params = Params.empty.with(ClockParam, counting).with(StreamIdleTimeoutMs, 100);
    const http = new HttpCall(streamIdleTimeout, params);
    http.start(new Ctx());
    http.answer();
    await settle();
    http.take();
    for (let i = 0; i < 1000; i++) {
      await clock.advance(1);
      http.download.push(bytes);
      expect(clock.armed).toBe(1);
    }
    // One when it began, and one whenever the time of the last one was up.
    expect(armed).toBeLessThanOrEqual(12);
  });

  it("knows nothing of a body that nobody pipes", async () => {
    const { clock, http, ctx } = call();
    http.start(ctx);
    http.answer(new PushBody());
    await clock.advance(1000);
    expect([ctx.cancelled, clock.armed]).toEqual([undefined, 0]);
  });
});
