import { type Classifier, ClassifierKey, Ctx, type Outcome, type Service } from "@weftmesh/core";
import { httpHedging, SupersededError } from "@weftmesh/hedge";
import { bytesBody, dispatchHttp, emptyBody, Headers, HttpRequest, HttpResponse, textBody } from "@weftmesh/http";
import { ManualClock, PushBody, RecordingSink, settle } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { warmHedge } from "./warm-hedge.ts";

function get(method = "GET", body = emptyBody): HttpRequest {
  return new HttpRequest("1.1", method, "http", "web", "/", Headers.of("Accept", "*/*"), body);
}

interface Attempt {
  readonly req: HttpRequest;
  readonly answer: (rep: HttpResponse) => void;
  outcome: Outcome | undefined;
  cancelled: Error | undefined;
}

/** A hedged service whose attempts a test answers by hand; its backups go out after 5 ms. */
function hedgedHttp(options: { readonly sendInterrupts?: boolean; readonly maxDiscardBytes?: number } = {}): {
  clock: ManualClock;
  attempts: Attempt[];
  svc: Service<HttpRequest, HttpResponse>;
} {
  const clock = new ManualClock();
  const attempts: Attempt[] = [];
  const inner: Service<HttpRequest, HttpResponse> = {
    call: (req, ctx) =>
      new Promise((answer, reject) => {
        const attempt: Attempt = { req, answer, outcome: undefined, cancelled: undefined };
        attempts.push(attempt);
        ctx.onCancel((reason) => {
          attempt.cancelled = reason;
          reject(reason);
        });
        ctx.observe({
          onEnd: (_ctx, outcome) => {
            attempt.outcome = outcome;
          },
        });
      }),
    status: "open",
    close: () => Promise.resolve(),
  };
  const { sendInterrupts = false, maxDiscardBytes = 100 } = options;
  const svc = warmHedge(
    inner,
    httpHedging({ maxDiscardBytes }),
    { clock, maxExtraLoad: 0.5, sendInterrupts, loserGraceMs: 1_000 },
    { req: get(), rep: new HttpResponse(200), calls: 4, latencyMs: 5 },
  );
  return { clock, attempts, svc };
}

/** Both attempts are out, and the second has answered. */
async function won(given: ReturnType<typeof hedgedHttp>): Promise<[Attempt, Attempt, HttpResponse]> {
  const { svc, clock, attempts } = given;
  const call = svc.call(get(), new Ctx());
  await clock.advance(5);
  const [loser, winner] = attempts as [Attempt, Attempt];
  winner.answer(new HttpResponse(200, new Headers(), textBody("won")));
  return [loser, winner, await call];
}

describe("httpHedging", () => {
  it("hedges requests without a body whose method is safe, or which are said to be idempotent", () => {
    const protocol = httpHedging();
    const hedged = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH", "TRACE", "CONNECT"].filter((method) =>
      protocol.isHedgeable(get(method)),
    );
    expect(hedged).toEqual(["GET", "HEAD", "OPTIONS"]);
    expect(protocol.isHedgeable(get("GET", textBody("a body")))).toBe(false);
    const wider = httpHedging({ isIdempotent: ({ path }) => path === "/" });
    expect(wider.isHedgeable(get("POST"))).toBe(true);
    expect(wider.isHedgeable(get("POST", textBody("a body")))).toBe(false);
  });

  it("sends the backup with a request of its own: what is done to it reaches the first one not", async () => {
    const { svc, clock, attempts } = hedgedHttp();
    void svc.call(get(), new Ctx());
    await clock.advance(5);
    const [first, second] = attempts.map((each) => each.req) as [HttpRequest, HttpRequest];
    expect(second).toEqual(first);
    second.headers.set("Accept", "text/html");
    second.authority = "elsewhere";
    expect([first.headers.get("accept"), first.authority]).toEqual(["*/*", "web"]);
  });

  it("lets the caller hear of the interim responses of the first attempt alone", async () => {
    const { svc, clock, attempts } = hedgedHttp();
    const req = get();
    req.interim = { onInterim: () => {} };
    void svc.call(req, new Ctx());
    await clock.advance(5);
    expect(attempts.map((each) => each.req.interim)).toEqual([req.interim, undefined]);
  });

  it("G20: reads a late answer to its end, so that its connection can be used again", async () => {
    const given = hedgedHttp();
    const [loser] = await won(given);
    const body = new PushBody();
    loser.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    expect(body.piped).toBe(true);
    body.push(Buffer.alloc(60));
    body.push(Buffer.alloc(40));
    expect(loser.outcome).toBeUndefined();
    expect(given.clock.armed).toBe(1);
    body.end();
    expect(loser.outcome).toEqual({ kind: "ok" });
    expect([body.stopped, given.clock.armed]).toEqual([undefined, 0]);
    // The winner's attempt ended with its own body, which was all there.
    await given.clock.advance(5_000);
    expect(given.attempts[1]?.outcome).toEqual({ kind: "ok" });
  });

  it("G20: gives a late answer up that says or proves to be too long to read, and closes its connection", async () => {
    for (const [length, chunks] of [
      [undefined, [60, 41]],
      [101, []],
    ] as const) {
      const [loser] = await won(hedgedHttp());
      const body = new PushBody(length);
      loser.answer(new HttpResponse(200, new Headers(), body));
      await settle();
      for (const bytes of chunks) body.push(Buffer.alloc(bytes));
      expect(body.stopped).toBeInstanceOf(SupersededError);
      expect(loser.outcome).toMatchObject({ kind: "failed", error: { flags: ["interrupted", "ignorable"] } });
    }
  });

  it("G20: gives a late answer up that does not come to its end within the loser's grace", async () => {
    const given = hedgedHttp();
    const [loser] = await won(given);
    const body = new PushBody();
    loser.answer(new HttpResponse(200, new Headers(), body));
    await given.clock.advance(999);
    expect(loser.cancelled).toBeUndefined();
    await given.clock.advance(1);
    expect(loser.cancelled).toBeInstanceOf(SupersededError);
    // The transport fails the body of a call that is cancelled.
    body.fail(loser.cancelled as Error);
    expect(loser.outcome).toEqual({ kind: "failed", error: loser.cancelled });
    expect(given.clock.armed).toBe(0);
  });

  it("G20: throws the body of a first failure away, and answers with what the other attempt brings", async () => {
    const given = hedgedHttp({ sendInterrupts: true });
    const by5xx: Classifier = {
      name: "by5xx",
      classify: (_req, rep) => ((rep as HttpResponse).status >= 500 ? "failure" : "success"),
    };
    const ctx = new Ctx().set(ClassifierKey, by5xx);
    const call = dispatchHttp(given.svc, get(), ctx);
    await given.clock.advance(5);
    const [first, second] = given.attempts as [Attempt, Attempt];
    const body = new PushBody();
    first.answer(new HttpResponse(500, new Headers(), body));
    await settle();
    expect(body.piped).toBe(true);
    const answer = new PushBody();
    second.answer(new HttpResponse(200, new Headers(), answer));
    const rep = await call;
    expect([rep.status, ctx.ended]).toEqual([200, false]);
    const sink = RecordingSink.of(rep.body);
    answer.push(Buffer.from("second"));
    expect([ctx.ended, second.outcome]).toEqual([false, undefined]);
    answer.end();
    expect([sink.text(), ctx.ended, second.outcome]).toEqual(["second", true, { kind: "ok" }]);
    body.end();
    expect([first.outcome, first.cancelled, given.clock.armed]).toEqual([{ kind: "ok" }, undefined, 0]);
  });

  it("G20: gives the body of a first failure up that does not come to its end within the grace", async () => {
    const given = hedgedHttp({ sendInterrupts: true });
    const failing: Classifier = { name: "failing", classify: () => "failure" };
    void given.svc.call(get(), new Ctx().set(ClassifierKey, failing));
    await given.clock.advance(5);
    const [first] = given.attempts as [Attempt, Attempt];
    first.answer(new HttpResponse(500, new Headers(), new PushBody()));
    await given.clock.advance(999);
    expect(first.cancelled).toBeUndefined();
    await given.clock.advance(1);
    expect(first.cancelled).toBeInstanceOf(SupersededError);
  });

  it("cancels a loser at once if it may, and leaves the winner's answer to the caller", async () => {
    const given = hedgedHttp({ sendInterrupts: true });
    const [loser, winner, rep] = await won(given);
    expect(loser.cancelled).toBeInstanceOf(SupersededError);
    expect(loser.outcome).toEqual({ kind: "failed", error: loser.cancelled });
    expect(RecordingSink.of(rep.body).text()).toBe("won");
    expect([winner.outcome, winner.cancelled]).toEqual([{ kind: "ok" }, undefined]);
  });

  it("discards any body within its bytes whole, and stops any other once, whatever its chunks", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(60), { maxLength: 6 }),
        fc.boolean(),
        fc.boolean(),
        async (chunks, tellsLength, before) => {
          const total = chunks.reduce((sum, each) => sum + each, 0);
          const body = new PushBody(tellsLength ? total : undefined);
          const play = (): void => {
            for (const bytes of chunks) if (body.stopped === undefined) body.push(Buffer.alloc(bytes));
            if (body.stopped === undefined) body.end();
          };
          if (before) play();
          httpHedging({ maxDiscardBytes: 100 }).discard(
            new HttpResponse(200, new Headers(), body),
            new SupersededError(),
          );
          if (!before) play();
          await settle();
          expect(body.piped).toBe(true);
          // What has ended already has nothing to stop.
          if (before) return;
          expect(body.stopped !== undefined).toBe(total > 100);
          if (total <= 100) expect(body.sent).toBe(total);
        },
      ),
    );
  });

  it("reads 64 kB of an unwanted answer if nothing else is said", () => {
    for (const [bytes, isRead] of [
      [65_536, true],
      [65_537, false],
    ] as const) {
      const body = new PushBody(bytes);
      httpHedging().discard(new HttpResponse(200, new Headers(), body), new SupersededError());
      expect(body.stopped === undefined).toBe(isRead);
    }
    httpHedging().discard(new HttpResponse(204), new SupersededError());
    httpHedging().discard(new HttpResponse(200, new Headers(), bytesBody(Buffer.alloc(9))), new SupersededError());
  });
});
