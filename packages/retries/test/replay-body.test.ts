import { type Body, Headers, HttpRequest } from "@weftmesh/http";
import { httpRetrying } from "@weftmesh/retries";
import { PushBody, RecordingSink, testError } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";

const protocol = httpRetrying({ maxReplayBytes: 100 });
const post = (body: Body): HttpRequest => new HttpRequest("1.1", "POST", "http", "web", "/", new Headers(), body);

describe("a request's body under several layers of retries", () => {
  it("G16, G17: is kept or watched once, however often the layers below prepare the request", () => {
    for (const body of [new PushBody(3), new PushBody(), new PushBody(101)]) {
      const req = post(body);
      const outer = protocol.prepare(req);
      const first = req.body;
      expect(first).not.toBe(body);
      for (let attempt = 0; attempt < 3; attempt++) {
        const before = req.body;
        const inner = protocol.prepare(req);
        expect(req.body).toBe(before);
        inner.again();
        inner.settle();
        outer.again();
      }
      const inner = protocol.prepare(req);
      RecordingSink.of(req.body);
      const possible = body.length === 3;
      expect([body.length, inner.possible, outer.possible]).toEqual([body.length, possible, possible]);
    }
  });

  it("cannot be sent again by any of them once its source has failed", () => {
    const source = new PushBody(3);
    const req = post(source);
    const outer = protocol.prepare(req);
    const inner = protocol.prepare(req);
    RecordingSink.of(req.body);
    expect([outer.possible, inner.possible]).toEqual([true, true]);
    source.fail(testError("broken"));
    expect([outer.possible, inner.possible]).toEqual([false, false]);
  });
});

describe("the source of a body that is kept", () => {
  it("is stopped even when it turns out too long while it is still being piped", () => {
    const source = new PushBody(2);
    const req = post(source);
    protocol.prepare(req);
    source.push(Buffer.from("abc"));
    const sink = RecordingSink.of(req.body);
    expect(sink.error).toMatchObject({ code: "WEFT_PROTOCOL_BODY_TOO_LONG" });
    expect(source.stopped).toMatchObject({ code: "WEFT_PROTOCOL_BODY_TOO_LONG" });
  });

  it("is not stopped by an attempt that is over, even when there will be no further one", () => {
    const source = new PushBody(6);
    const req = post(source);
    const resend = protocol.prepare(req);
    const before = RecordingSink.of(req.body);
    source.push(Buffer.from("abc"));
    resend.again();
    const last = RecordingSink.of(req.body);
    resend.settle();
    before.stop(testError("late"));
    expect(source.stopped).toBeUndefined();
    source.push(Buffer.from("def"));
    source.end();
    expect([last.text(), last.ended, before.late]).toEqual(["abcdef", true, []]);
  });
});
