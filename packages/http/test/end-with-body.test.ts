import { CancelledError, Ctx, type Outcome, type Service, service } from "@weftmesh/core";
import { dispatchHttp, emptyBody, Headers, HttpRequest, HttpResponse, latin1Body, textBody } from "@weftmesh/http";
import { PushBody, RecordingSink, testError } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";

const get = new HttpRequest("1.1", "GET", "http", "", "/", new Headers(), emptyBody);

function watched(): { ctx: Ctx; ends: Outcome[] } {
  const ctx = new Ctx();
  const ends: Outcome[] = [];
  ctx.observe({ onEnd: (_ctx, outcome) => void ends.push(outcome) });
  return { ctx, ends };
}

describe("dispatchHttp", () => {
  it("ends the call with the body of its response", async () => {
    const { ctx, ends } = watched();
    const source = new PushBody();
    const svc = service<HttpRequest, HttpResponse>(async () => new HttpResponse(200, undefined, source));
    const rep = await dispatchHttp(svc, get, ctx);
    expect(ends).toEqual([]);
    const sink = RecordingSink.of(rep.body);
    source.end();
    expect(sink.ended).toBe(true);
    expect(ends).toEqual([{ kind: "ok" }]);
  });

  it("ends the call at once when the whole body is here, which is then passed on as it is", async () => {
    for (const body of [textBody("all of it"), latin1Body("all of it"), emptyBody]) {
      const { ctx, ends } = watched();
      const svc = service<HttpRequest, HttpResponse>(async () => new HttpResponse(200, undefined, body));
      const rep = await dispatchHttp(svc, get, ctx);
      expect([rep.body, ends]).toEqual([body, [{ kind: "ok" }]]);
    }
  });

  it("ends the call as failed when it rejects or throws, and passes the error on", async () => {
    const error = testError("refused");
    const throwing: Service<HttpRequest, HttpResponse> = service(() => {
      throw error;
    });
    for (const svc of [service<HttpRequest, HttpResponse>(() => Promise.reject(error)), throwing]) {
      const { ctx, ends } = watched();
      await expect(dispatchHttp(svc, get, ctx)).rejects.toBe(error);
      expect(ends).toEqual([{ kind: "failed", error }]);
    }
  });

  it("ends an attempt that is cancelled through its parent", async () => {
    const parent = new Ctx();
    const svc = service<HttpRequest, HttpResponse>((_req, ctx) => new Promise((_, reject) => ctx.onCancel(reject)));
    const attempt = parent.fork();
    const call = dispatchHttp(svc, get, attempt);
    const reason = new CancelledError();
    parent.cancel(reason);
    await expect(call).rejects.toBe(reason);
    expect(attempt.ended).toBe(true);
  });
});
