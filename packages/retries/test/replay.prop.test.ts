import { type Classifier, ClassifierKey, ClockParam, Ctx, Params, RngParam, Stack } from "@weftmesh/core";
import {
  type Body,
  bytesBody,
  collectBody,
  dispatchHttp,
  emptyBody,
  Full,
  Headers,
  HttpRequest,
  HttpResponse,
  textBody,
} from "@weftmesh/http";
import { httpRetrying, requeues, retries } from "@weftmesh/retries";
import { describeBody, ManualClock, PushBody, RecordingSink, seededRng, settle, testError } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Resend } from "../src/retry-protocol.ts";

const protocol = httpRetrying({ maxReplayBytes: 100, maxDiscardBytes: 10 });
const post = (body: Body): HttpRequest => new HttpRequest("1.1", "POST", "http", "web", "/", new Headers(), body);

/** A body of a known length that a test feeds. */
function fed(length: number): { readonly source: PushBody; readonly req: HttpRequest; readonly resend: Resend } {
  const source = new PushBody(length);
  const req = post(source);
  return { source, req, resend: protocol.prepare(req) };
}

describeBody("a body that is kept, for the first attempt", {
  make: (chunks) => {
    const req = post(bytesBody(Buffer.concat([Buffer.from("x"), ...chunks]).subarray(1)));
    if (req.body !== emptyBody) httpRetrying({ maxReplayBytes: 1e6 }).prepare(req);
    return req.body;
  },
});
describeBody("a body that is kept, for the second attempt", {
  make: (chunks) => {
    const req = post(bytesBody(Buffer.concat(chunks)));
    const resend = httpRetrying({ maxReplayBytes: 1e6 }).prepare(req);
    const first = RecordingSink.of(req.body);
    first.stop(testError("the first attempt failed"));
    resend.again();
    return req.body;
  },
});

type Step = "push" | "end" | "fail" | "pipe" | "stop" | "again";
const arbSteps = fc.array(
  fc.constantFrom<Step>("push", "push", "push", "end", "fail", "pipe", "pipe", "stop", "again"),
  {
    maxLength: 25,
    size: "max",
  },
);

describe("a body that is kept while it is sent", () => {
  it("is the same for each attempt, whenever its bytes come and whenever an attempt gives up", () => {
    fc.assert(
      fc.property(arbSteps, (steps) => {
        const pushes = steps.filter((step) => step === "push").length;
        const { source, req, resend } = fed(Math.max(pushes, 1) * 3);
        const content: Buffer[] = [];
        let sink: RecordingSink | undefined;
        let over: "end" | "fail" | undefined;
        let piped = false;
        for (const step of steps) {
          if (step === "pipe" && sink === undefined) {
            sink = RecordingSink.of(req.body);
            piped = true;
          } else if (step === "stop") sink?.stop(testError("enough"));
          else if (step === "again") {
            resend.again();
            sink = undefined;
          } else if (over === undefined && step === "push") {
            const chunk = Buffer.from([content.length, 1, 2]);
            content.push(chunk);
            source.push(chunk);
          } else if (over === undefined && step === "end") {
            over = "end";
            source.end();
          } else if (over === undefined && step === "fail") {
            over = "fail";
            source.fail(testError("broken"));
          }
          // The source is not told that one attempt has had enough: there may be another.
          expect(source.stopped).toBeUndefined();
          expect(source.piped).toBe(piped);
        }
        resend.again();
        const last = RecordingSink.of(req.body);
        expect(last.content()).toEqual(Buffer.concat(content));
        expect([last.ended, last.error?.message]).toEqual([over === "end", over === "fail" ? "broken" : undefined]);
        expect([sink?.late ?? [], last.late]).toEqual([[], []]);
      }),
    );
  });

  it("gives no more to a sink that is full, until it resumes", () => {
    const { source, req } = fed(6);
    const sink = RecordingSink.of(req.body, Full);
    source.push(Buffer.from("ab"));
    source.push(Buffer.from("cd"));
    expect(sink.content().toString()).toBe("ab");
    source.push(Buffer.from("ef"));
    source.end();
    expect([sink.content().toString(), sink.ended]).toEqual(["ab", false]);
    sink.resume();
    expect([sink.content().toString(), sink.ended]).toEqual(["abcdef", true]);
    expect(source.full).toBe(false);
  });

  it("tells the source that nobody wants the rest, once there will be no further attempt, and not before", () => {
    const first = fed(10);
    const sink = RecordingSink.of(first.req.body);
    first.source.push(Buffer.from("abc"));
    sink.stop(testError("answered early"));
    expect(first.source.stopped).toBeUndefined();
    first.resend.settle();
    expect(first.source.stopped?.message).toBe("answered early");
    const second = fed(10);
    const other = RecordingSink.of(second.req.body);
    second.resend.settle();
    expect(second.source.stopped).toBeUndefined();
    other.stop(testError("answered late"));
    expect(second.source.stopped?.message).toBe("answered late");
    const third = fed(3);
    RecordingSink.of(third.req.body).stop(testError("x"));
    third.resend.again();
    third.resend.settle();
    expect(third.source.stopped).toBeUndefined();
  });

  it("that turns out longer than it said is an error, and is stopped", () => {
    const { source, req } = fed(4);
    const sink = RecordingSink.of(req.body);
    source.push(Buffer.from("abcd"));
    source.push(Buffer.from("e"));
    expect(sink.error).toMatchObject({ code: "WEFT_PROTOCOL_BODY_TOO_LONG" });
    expect(sink.content().toString()).toBe("abcd");
    expect(source.stopped).toMatchObject({ code: "WEFT_PROTOCOL_BODY_TOO_LONG" });
  });

  it("keeps the trailers too", () => {
    const { source, req, resend } = fed(1);
    const trailers = Headers.of("x", "1");
    RecordingSink.of(req.body);
    source.push(Buffer.from("a"));
    source.end(trailers);
    resend.again();
    expect(RecordingSink.of(req.body).trailers).toBe(trailers);
  });
});

describe("which requests may be sent again", () => {
  it("G16, G17: those without a body, those with a short one, and others while nobody has asked for theirs", () => {
    for (const [body, possible] of [
      [emptyBody, true],
      [new PushBody(100), true],
      [new PushBody(101), false],
      [new PushBody(), false],
    ] as const) {
      const req = post(body);
      const resend = protocol.prepare(req);
      expect(resend.possible).toBe(true);
      expect(req.body.length).toBe(body.length);
      RecordingSink.of(req.body);
      expect([body.length, resend.possible]).toEqual([body.length, possible]);
    }
  });

  it("is one question for layers above each other: a body is kept once", () => {
    const { source, req, resend } = fed(3);
    const inner = protocol.prepare(req);
    RecordingSink.of(req.body).stop(testError("first"));
    inner.again();
    inner.settle();
    RecordingSink.of(req.body).stop(testError("second"));
    expect(source.stopped).toBeUndefined();
    resend.again();
    const sink = RecordingSink.of(req.body);
    source.push(Buffer.from("abc"));
    source.end();
    expect(sink.content().toString()).toBe("abc");
    resend.settle();
    expect(source.stopped).toBeUndefined();
  });
});

const alwaysRetryable: Classifier = {
  name: "always",
  classify: (_req, rep, error) => (error === undefined && (rep as HttpResponse).status < 500 ? "success" : "retryable"),
};

describe("retries over HTTP", () => {
  const make = (
    answer: (n: number, req: HttpRequest, ctx: Ctx) => Promise<HttpResponse>,
  ): {
    call(req: HttpRequest, ctx?: Ctx): Promise<HttpResponse>;
    readonly seen: Ctx[];
    readonly clock: ManualClock;
  } => {
    const clock = new ManualClock();
    const seen: Ctx[] = [];
    const inner = {
      call: (req: HttpRequest, ctx: Ctx) => answer(seen.push(ctx), req, ctx),
      status: "open" as const,
      close: () => Promise.resolve(),
    };
    const service = new Stack([retries(protocol), requeues(protocol)], () => inner).make(
      Params.empty.with(ClockParam, clock).with(RngParam, seededRng(1)),
    );
    return {
      call: (req, ctx = new Ctx()) => dispatchHttp(service, req, ctx.set(ClassifierKey, alwaysRetryable)),
      seen,
      clock,
    };
  };

  it("send the whole body with each attempt, and end each attempt with its own body", async () => {
    const bodies: string[] = [];
    const answer = new PushBody();
    const rig = make(async (n, req) => {
      bodies.push((await collectBody(req.body, 1000)).toString());
      return new HttpResponse(n < 3 ? 503 : 200, undefined, n < 3 ? textBody(`answer ${n}`) : answer);
    });
    const ctx = new Ctx();
    const rep = await rig.call(post(textBody("hello")), ctx);
    expect(rep.status).toBe(200);
    expect(bodies).toEqual(["hello", "hello", "hello"]);
    expect(rig.seen.slice(0, 2).every((each) => each.ended)).toBe(true);
    expect([rig.seen[2]?.ended, ctx.ended]).toEqual([false, false]);
    const read = collectBody(rep.body, 100);
    answer.push(Buffer.from("answer 3"));
    expect([rig.seen[2]?.ended, ctx.ended]).toEqual([false, false]);
    answer.end();
    expect((await read).toString()).toBe("answer 3");
    expect([rig.seen[2]?.ended, ctx.ended]).toEqual([true, true]);
  });

  it("G20: read the rest of a short answer that nobody wants, and give a long one up", async () => {
    const short = new PushBody();
    const long = new PushBody();
    const known = new PushBody(11);
    const rig = make((n) =>
      Promise.resolve(new HttpResponse(n < 4 ? 500 : 200, undefined, [short, long, known][n - 1] ?? emptyBody)),
    );
    await rig.call(post(emptyBody));
    short.push(Buffer.alloc(10));
    expect(rig.seen[0]?.ended).toBe(false);
    short.end();
    expect([rig.seen[0]?.ended, short.stopped]).toEqual([true, undefined]);
    long.push(Buffer.alloc(11));
    expect([rig.seen[1]?.ended, long.stopped?.message]).toEqual([true, "the request is sent again"]);
    expect(known.stopped?.message).toBe("the request is sent again");
  });

  it("take a nack of Finagle's for a refusal, and turn the last into one that is final", async () => {
    const nack = (): HttpResponse => new HttpResponse(503, Headers.of("finagle-http-nack", "true"));
    const healed = make((n) => Promise.resolve(n < 3 ? nack() : new HttpResponse(200)));
    expect((await healed.call(post(emptyBody))).status).toBe(200);
    expect(healed.seen.length).toBe(3);
    const touched = make(async (_n, req) => {
      await collectBody(req.body, 1000);
      return nack();
    });
    const rep = await touched.call(post(new GivenBody(Buffer.alloc(200))));
    expect([rep.status, rep.headers.has("finagle-http-nack")]).toEqual([503, false]);
    expect(rep.headers.get("finagle-http-nonretryable-nack")).toBe("true");
    expect(touched.seen.length).toBe(1);
  });

  it("wait as Retry-After says, in seconds or until a date, and heed a pushback of gRPC", async () => {
    const cases: readonly (readonly [number, readonly string[], number])[] = [
      [503, ["Retry-After", "2"], 2000],
      [429, ["Retry-After", "1"], 0],
      [503, ["Retry-After", "Wed, 01 Jan 2020 00:00:05 GMT"], 5000],
      [503, ["Retry-After", "Tue, 31 Dec 2019 00:00:05 GMT"], 0],
      [503, ["Retry-After", "soon"], 0],
      [503, ["Retry-After", "-1"], 0],
      [500, ["Retry-After", "2"], 0],
      [500, ["grpc-retry-pushback-ms", "250"], 250],
      [500, ["grpc-retry-pushback-ms", "-1"], -1],
      [500, ["grpc-retry-pushback-ms", "x"], -1],
    ];
    for (const [status, headers, waitMs] of cases) {
      const rig = make((n) =>
        Promise.resolve(n === 1 ? new HttpResponse(status, Headers.of(...headers)) : new HttpResponse(200)),
      );
      const call = rig.call(post(emptyBody));
      await settle();
      await settle();
      if (status === 429) {
        expect((await call).status).toBe(429);
        continue;
      }
      if (waitMs === -1) {
        expect((await call).status).toBe(status);
        expect(rig.seen.length).toBe(1);
        continue;
      }
      if (waitMs > 0) {
        await rig.clock.advance(waitMs - 1);
        expect([headers, rig.seen.length]).toEqual([headers, 1]);
        await rig.clock.advance(1);
      }
      expect((await call).status).toBe(200);
    }
  });
});

/** Gives all of itself at once to whoever pipes it. */
class GivenBody implements Body {
  readonly length: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.length = bytes.length;
  }

  pipe(sink: Parameters<Body["pipe"]>[0]): ReturnType<Body["pipe"]> {
    return bytesBody(this.#bytes).pipe(sink);
  }
}
