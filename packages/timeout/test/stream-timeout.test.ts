import { ClockParam, Ctx, hasFlag, ok, Params } from "@weftmesh/core";
import { bytesBody, discard, emptyBody, Full, type HttpRequest, HttpResponse } from "@weftmesh/http";
import { describeModule, ManualClock, settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { StreamTimeoutError, StreamTimeoutMs, streamTimeout } from "../src/index.ts";
import { HttpCall, httpRequest } from "./http-call.ts";

const bytes = Buffer.from("abc");

describeModule<HttpRequest, HttpResponse>(streamTimeout, {
  params: (clock) => Params.empty.with(ClockParam, clock).with(StreamTimeoutMs, 1000),
  disabled: (clock) => Params.empty.with(ClockParam, clock),
  request: () => httpRequest(),
  reply: () => new HttpResponse(200, undefined, bytesBody(bytes)),
  finish: (rep) => void rep.body.pipe(discard),
});

function call(heeds = true) {
  const clock = new ManualClock(500);
  const http = new HttpCall(streamTimeout, Params.empty.with(ClockParam, clock).with(StreamTimeoutMs, 100), heeds);
  return { clock, http, ctx: new Ctx() };
}

describe("the stream timeout", () => {
  it("is left out unless its time is finite and above zero", () => {
    const clock = new ManualClock();
    for (const ms of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const http = new HttpCall(streamTimeout, Params.empty.with(ClockParam, clock).with(StreamTimeoutMs, ms));
      const ctx = new Ctx();
      http.start(ctx);
      expect([ctx.deadline, clock.armed]).toEqual([Number.POSITIVE_INFINITY, 0]);
    }
  });

  it("cancels a call whose head does not come in time", async () => {
    const { clock, http, ctx } = call();
    http.start(ctx);
    expect([ctx.deadline, clock.armed]).toEqual([600, 1]);
    await clock.advance(99);
    expect(ctx.cancelled).toBeUndefined();
    await clock.advance(1);
    expect(ctx.cancelled).toBeInstanceOf(StreamTimeoutError);
    expect(http.error).toMatchObject({ code: "WEFT_STREAM_TIMEOUT", timeoutMs: 100 });
    expect(hasFlag(http.error, "deadlineExceeded")).toBe(true);
  });

  it("keeps a sooner deadline as it is", () => {
    const { http, ctx } = call();
    ctx.deadline = 550;
    http.start(ctx);
    expect(ctx.deadline).toBe(550);
  });

  it.each([true, false])(
    "ends a body that goes on for too long, whether its source heeds the cancelling: %s",
    async (heeds) => {
      const { clock, http, ctx } = call(heeds);
      http.start(ctx);
      await clock.advance(40);
      http.answer();
      await settle();
      const got = http.take();
      for (let i = 0; i < 5; i++) {
        await clock.advance(10);
        http.download.push(bytes);
      }
      await clock.advance(9.5);
      expect([got.bytes, got.over]).toEqual([15, false]);
      await clock.advance(0.5);
      expect([got.error, got.late, clock.armed]).toEqual([ctx.cancelled, [], 0]);
      expect(got.error).toMatchObject({ code: "WEFT_STREAM_TIMEOUT" });
      expect(http.download.stopped === undefined).toBe(heeds);
    },
  );

  it("F3: ends a whole body that its client does not take", async () => {
    const { clock, http, ctx } = call();
    http.start(ctx);
    http.answer(bytesBody(bytes));
    await settle();
    const got = http.take(Full);
    await clock.advance(100);
    expect([got.error, got.bytes]).toEqual([ctx.cancelled, 3]);
  });

  it("fails a body that nobody has piped yet for whoever does", async () => {
    const { clock, http, ctx } = call(false);
    http.start(ctx);
    http.answer();
    await clock.advance(100);
    expect(http.take().error).toBe(ctx.cancelled);
    expect(http.download.stopped).toBe(ctx.cancelled);
  });

  it("lets go of its timer when the call ends, and leaves a response without a body as it is", async () => {
    const { clock, http, ctx } = call();
    http.start(ctx);
    http.answer(emptyBody);
    await settle();
    expect([http.rep?.body === emptyBody, clock.armed]).toEqual([true, 1]);
    ctx.end(ok);
    expect(clock.armed).toBe(0);
    await clock.advance(1000);
    expect(ctx.cancelled).toBeUndefined();
  });
});
