import { type Classifier, ClassifierKey, ClockParam, Ctx, Params, RngParam, Stack } from "@weftmesh/core";
import {
  type Body,
  dispatchHttp,
  emptyBody,
  Headers,
  HttpRequest,
  HttpResponse,
  type HttpVersion,
  textBody,
} from "@weftmesh/http";
import { httpPushBackMs, httpRetrying, MaxPushBackMsParam, requeues, retries } from "@weftmesh/retries";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats, PushBody, RecordingSink, seededRng, settle, testError } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";

const version: HttpVersion = "1.1";
const post = (body: Body): HttpRequest => new HttpRequest(version, "POST", "http", "web", "/", new Headers(), body);
const reply = (status: number, ...headers: readonly string[]): HttpResponse =>
  new HttpResponse(status, Headers.of(...headers));
/** 2020-01-01 00:00:00 UTC, at which the manual clock begins. */
const epochMs = 1_577_836_800_000;

const by5xx: Classifier = {
  name: "5xx",
  classify: (_req, rep, error) => (error === undefined && (rep as HttpResponse).status < 500 ? "success" : "retryable"),
};

class Rig {
  readonly clock = new ManualClock();
  readonly stats = new MemoryStats();
  readonly seen: Ctx[] = [];
  readonly inner: {
    status: "open" | "busy";
    call: (req: HttpRequest, ctx: Ctx) => Promise<HttpResponse>;
    close: () => Promise<void>;
  };
  readonly #service;

  constructor(
    answer: (n: number, req: HttpRequest, ctx: Ctx) => Promise<HttpResponse>,
    layers: "retries" | "requeues" | "both" = "both",
    params: Params = Params.empty,
  ) {
    const protocol = httpRetrying({ maxReplayBytes: 100, maxDiscardBytes: 10, maxDiscardMs: 500 });
    this.inner = {
      status: "open",
      call: (req, ctx) => answer(this.seen.push(ctx), req, ctx),
      close: () => Promise.resolve(),
    };
    const modules = [
      ...(layers === "requeues" ? [] : [retries(protocol)]),
      ...(layers === "retries" ? [] : [requeues(protocol)]),
    ];
    this.#service = new Stack(modules, () => this.inner).make(
      params.with(ClockParam, this.clock).with(RngParam, seededRng(1)).with(StatsParam, this.stats),
    );
  }

  call(req: HttpRequest, ctx: Ctx = new Ctx()): Promise<HttpResponse> {
    return dispatchHttp(this.#service, req, ctx.set(ClassifierKey, by5xx));
  }

  count(name: string): number {
    return this.stats.readCounter(`retries/${name}`);
  }
}

describe("how long a response wants to be left alone", () => {
  it.each([
    [503, ["Retry-After", "2"], 2000],
    [429, ["Retry-After", "0"], 0],
    [503, ["Retry-After", "12345678901"], 12_345_678_901_000],
    [503, ["Retry-After", "-1"], undefined],
    [503, ["Retry-After", "1.5"], undefined],
    [503, ["Retry-After", "soon"], undefined],
    [503, [], undefined],
    [500, ["Retry-After", "2"], undefined],
    [200, ["Retry-After", "2"], undefined],
    [503, ["Retry-After", "Wed, 01 Jan 2020 00:00:05 GMT"], 5000],
    [503, ["Retry-After", "Wednesday, 01-Jan-20 00:00:06 GMT"], 6000],
    [503, ["Retry-After", "Wed Jan  1 00:00:07 2020"], 7000],
    [503, ["Retry-After", "Sun Jan 12 00:00:00 2020"], 11 * 86_400_000],
    [503, ["Retry-After", "Tue, 31 Dec 2019 00:00:00 GMT"], 0],
    [503, ["Retry-After", "Wed, 01 Jan 2020 00:00:05"], undefined],
    [503, ["Retry-After", "Wed, 01 Jan 2020 00:00:05 CET"], undefined],
    [503, ["Retry-After", "Wed, 99 Jan 2020 00:00:05 GMT"], undefined],
    [503, ["Retry-After", "x Wed, 01 Jan 2020 00:00:05 GMT"], undefined],
    [503, ["Retry-After", "2020-01-01T00:00:05Z"], undefined],
    [200, ["grpc-retry-pushback-ms", "250"], 250],
    [503, ["grpc-retry-pushback-ms", "250", "Retry-After", "9"], 250],
    [200, ["grpc-retry-pushback-ms", "0"], 0],
    [200, ["grpc-retry-pushback-ms", "-1"], Number.POSITIVE_INFINITY],
    [200, ["grpc-retry-pushback-ms", "x"], Number.POSITIVE_INFINITY],
    [200, ["grpc-retry-pushback-ms", ""], Number.POSITIVE_INFINITY],
  ] as const)("%d with %j: %j", (status, headers, expected) => {
    expect(httpPushBackMs(reply(status, ...headers), epochMs)).toBe(expected);
  });

  it("is waited for up to a limit, beyond which the answer is given to the caller at once", async () => {
    for (const [seconds, params, retried] of [
      ["10", Params.empty, true],
      ["11", Params.empty, false],
      ["2", Params.empty.with(MaxPushBackMsParam, 1999), false],
      ["2", Params.empty.with(MaxPushBackMsParam, 2000), true],
    ] as const) {
      const rig = new Rig(
        (n) => Promise.resolve(n === 1 ? reply(503, "Retry-After", seconds) : reply(200)),
        "retries",
        params,
      );
      const call = rig.call(post(emptyBody));
      await settle();
      expect([seconds, rig.clock.armed]).toEqual([seconds, retried ? 1 : 0]);
      await rig.clock.advance(Number(seconds) * 1000);
      const rep = await call;
      expect([seconds, rep.status, rig.seen.length]).toEqual([seconds, retried ? 200 : 503, retried ? 2 : 1]);
      if (!retried) expect(rep.headers.get("Retry-After")).toBe(seconds);
    }
    expect(
      () => new Rig(() => Promise.resolve(reply(200)), "retries", Params.empty.with(MaxPushBackMsParam, -1)),
    ).toThrow(RangeError);
  });
});

describe("refusals", () => {
  it.each([
    [503, ["finagle-http-nack", "true"], true],
    [503, ["Retry-After", "0"], true],
    [503, ["Retry-After", "00"], false],
    [503, ["Retry-After", "1"], false],
    [503, [], false],
    [500, ["finagle-http-nack", "true", "Retry-After", "0"], false],
    [429, ["Retry-After", "0"], false],
    [503, ["finagle-http-nack", "true", "finagle-http-nonretryable-nack", "true"], false],
  ] as const)("%d with %j is one that may be sent again: %j", (status, headers, expected) => {
    expect(httpRetrying().isNack(reply(status, ...headers))).toBe(expected);
  });

  it("are final when they say so, and the path's retries heed it", async () => {
    const rig = new Rig(() => Promise.resolve(reply(503, "finagle-http-nonretryable-nack", "true")));
    expect((await rig.call(post(emptyBody))).status).toBe(503);
    expect([rig.seen.length, rig.count("total"), rig.count("requeues")]).toEqual([1, 0, 0]);
    expect(httpRetrying().isFinal(reply(500, "finagle-http-nonretryable-nack", "true"))).toBe(false);
  });

  it("are not multiplied: what the requeues gave up, the retries above them do not take up", async () => {
    const rig = new Rig(() => Promise.resolve(reply(503, "finagle-http-nack", "true", "Retry-After", "0")));
    const rep = await rig.call(post(emptyBody));
    expect([rig.seen.length, rig.count("requeues"), rig.count("total"), rig.count("request_limit")]).toEqual([
      21, 20, 0, 1,
    ]);
    expect(
      ["finagle-http-nack", "Retry-After", "finagle-http-nonretryable-nack"].map((each) => rep.headers.get(each)),
    ).toEqual([undefined, undefined, "true"]);
  });

  it("keep another Retry-After, and stay as they are while nobody is there to try", async () => {
    const busy = new Rig(() => Promise.resolve(reply(503, "finagle-http-nack", "true")), "requeues");
    busy.inner.status = "busy";
    const rep = await busy.call(post(emptyBody));
    expect([rep.headers.get("finagle-http-nack"), busy.seen.length, busy.count("cannot_retry")]).toEqual([
      "true",
      1,
      1,
    ]);
    const later = reply(503, "finagle-http-nack", "true", "Retry-After", "7");
    httpRetrying().dropNack(later);
    expect(later.headers.get("Retry-After")).toBe("7");
  });

  it("end with the caller who has left, as they are", async () => {
    const ctx = new Ctx();
    const rig = new Rig(() => {
      ctx.cancel(testError("gone"));
      return Promise.resolve(reply(503, "finagle-http-nack", "true"));
    }, "requeues");
    expect((await rig.call(post(emptyBody), ctx)).headers.get("finagle-http-nack")).toBe("true");
    expect([rig.seen.length, rig.count("cannot_retry"), rig.count("requeues")]).toEqual([1, 0, 0]);
  });

  it("of a request whose body is gone are final", async () => {
    const rig = new Rig((_n, req) => {
      RecordingSink.of(req.body);
      return Promise.resolve(reply(503, "finagle-http-nack", "true"));
    }, "requeues");
    const rep = await rig.call(post(new PushBody(101)));
    expect([rig.seen.length, rep.headers.get("finagle-http-nonretryable-nack"), rig.count("cannot_retry")]).toEqual([
      1,
      "true",
      1,
    ]);
  });
});

describe("what is left of an attempt", () => {
  it("G20: is cancelled when its answer does not end in time, and not when it does", async () => {
    for (const layers of ["retries", "requeues"] as const) {
      const stuck = new PushBody(5);
      const headers = layers === "retries" ? [] : ["finagle-http-nack", "true"];
      const rig = new Rig((n, _req, ctx) => {
        if (n > 1) return Promise.resolve(reply(200));
        const rep = new HttpResponse(503, Headers.of(...headers), stuck);
        // As a transport does.
        ctx.onCancel((reason) => stuck.fail(reason));
        return Promise.resolve(rep);
      }, layers);
      expect((await rig.call(post(emptyBody))).status).toBe(200);
      expect([layers, rig.seen[0]?.ended, rig.clock.armed]).toEqual([layers, false, 1]);
      await rig.clock.advance(499);
      expect(rig.seen[0]?.cancelled).toBeUndefined();
      await rig.clock.advance(1);
      expect(rig.seen[0]?.cancelled).toMatchObject({ code: "WEFT_RETRIED" });
      expect([rig.seen[0]?.ended, rig.clock.armed]).toEqual([true, 0]);
    }
    const slow = new PushBody(3);
    const rig = new Rig(
      (n) => Promise.resolve(n === 1 ? new HttpResponse(500, undefined, slow) : reply(200)),
      "retries",
    );
    await rig.call(post(emptyBody));
    expect(rig.clock.armed).toBe(1);
    slow.push(Buffer.from("abc"));
    slow.end();
    expect([rig.seen[0]?.ended, rig.clock.armed, rig.seen[0]?.cancelled]).toEqual([true, 0, undefined]);
  });

  it("G20: its request's body ends with an error, so that its connection is not left waiting for the rest", async () => {
    const source = new PushBody(6);
    const sinks: RecordingSink[] = [];
    const rig = new Rig((n, req) => {
      sinks.push(RecordingSink.of(req.body));
      if (n === 1) source.push(Buffer.from("abc"));
      return Promise.resolve(n === 1 ? new HttpResponse(503, undefined, textBody("early")) : reply(200));
    }, "retries");
    expect((await rig.call(post(source))).status).toBe(200);
    expect([sinks[0]?.text(), sinks[0]?.error]).toEqual(["abc", expect.objectContaining({ code: "WEFT_RETRIED" })]);
    source.push(Buffer.from("def"));
    source.end();
    expect([sinks[0]?.late, sinks[1]?.text(), sinks[1]?.ended, sinks[1]?.late]).toEqual([[], "abcdef", true, []]);
    expect(source.stopped).toBeUndefined();
  });

  it("G20: hears nothing more when it had all of its request's body, or had stopped it", () => {
    for (const stop of [false, true]) {
      const source = new PushBody(3);
      const req = post(source);
      const resend = httpRetrying().prepare(req);
      const sink = RecordingSink.of(req.body);
      if (stop) sink.stop(testError("enough"));
      source.push(Buffer.from("abc"));
      source.end();
      resend.again();
      expect([sink.ended, sink.error, sink.late]).toEqual([!stop, undefined, []]);
    }
  });

  it("of a client whose body broke is not sent again", async () => {
    const source = new PushBody(6);
    const rig = new Rig((_n, req) => {
      RecordingSink.of(req.body);
      source.fail(testError("the client broke off"));
      return Promise.resolve(reply(503));
    }, "retries");
    expect((await rig.call(post(source))).status).toBe(503);
    expect([rig.seen.length, rig.count("request_stream_too_long")]).toEqual([1, 1]);
  });

  it("is not retried for a caller who left while its answer was on its way", async () => {
    const ctx = new Ctx();
    const rig = new Rig(() => {
      ctx.cancel(testError("gone"));
      return Promise.resolve(reply(503));
    }, "retries");
    await rig.call(post(emptyBody), ctx);
    expect([rig.seen.length, rig.count("total"), rig.stats.readGauge("retries/budget")]).toEqual([1, 0, 100]);
  });
});

describe("options", () => {
  it("must be numbers from 0", () => {
    for (const name of ["maxReplayBytes", "maxDiscardBytes", "maxDiscardMs"]) {
      for (const bad of [-1, Number.NaN]) {
        expect(() => httpRetrying({ [name]: bad })).toThrow(`${name} must be from 0, not ${bad}`);
      }
      expect(() => httpRetrying({ [name]: 0 })).not.toThrow();
    }
  });

  it("keep bodies of 5 KiB if nothing is said, as Linkerd's buffering does", () => {
    for (const [length, possible] of [
      [5120, true],
      [5121, false],
    ] as const) {
      const req = post(new PushBody(length));
      const resend = httpRetrying().prepare(req);
      RecordingSink.of(req.body);
      expect([length, resend.possible]).toEqual([length, possible]);
    }
  });
});
