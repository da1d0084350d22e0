import { CancelledError, Ctx, failed, isWeftError, type Outcome, ok, type Service, service } from "@weftmesh/core";
import {
  bytesBody,
  discard,
  emptyBody,
  Full,
  Headers,
  HttpRequest,
  HttpResponse,
  Retained,
  Taken,
  textBody,
} from "@weftmesh/http";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../eventually.ts";
import { settle } from "../manual-clock.ts";
import { PushBody } from "../push-body.ts";
import { RecordingSink } from "../recording-sink.ts";
import { testError } from "../scripted-service.ts";

type HttpService = Service<HttpRequest, HttpResponse>;

/** A server that runs a service, and a client to it. */
export interface TransportPair {
  readonly client: HttpService;
  /** Calls that hold a connection of the client, or a stream of one, now. */
  readonly inUse: () => number;
  /** Takes no more; resolves when what was in flight is over and every connection is closed. */
  closeServer(): Promise<void>;
}

export interface TransportOptions {
  /** Whether trailers pass both ways; true if not given. */
  readonly trailers?: boolean;
  /** A client to an address where nobody listens. */
  readonly unreachable?: () => HttpService | Promise<HttpService>;
}

/** Hears how a call went. */
class Ending {
  responses = 0;
  readonly ends: Outcome[] = [];

  onResponse(): void {
    this.responses++;
  }

  onEnd(_ctx: Ctx, outcome: Outcome): void {
    this.ends.push(outcome);
  }
}

interface Seen {
  readonly req: HttpRequest;
  readonly ctx: Ctx;
  readonly ending: Ending;
}

/**
 * What every HTTP transport owes, as a suite: run it with your own server and client.
 *
 * Shape: `make` starts a server on an ephemeral loopback port for the service it is given, once per case.
 */
export function describeTransport(
  name: string,
  make: (served: HttpService) => Promise<TransportPair>,
  options: TransportOptions = {},
): void {
  describe(`transport ${name}`, () => {
    let pair: TransportPair;
    let seen: Seen[];
    /** What the server does in this case. */
    let serve: (req: HttpRequest, ctx: Ctx) => Promise<HttpResponse>;

    beforeEach(async () => {
      seen = [];
      serve = () => Promise.resolve(new HttpResponse(200));
      pair = await make(
        service((req, ctx) => {
          const ending = new Ending();
          ctx.observe(ending);
          seen.push({ req, ctx, ending });
          return serve(req, ctx);
        }),
      );
    });

    afterEach(async () => {
      await Promise.all([pair.client.close(), pair.closeServer()]);
    });

    /** The only call so far, as the server sees it. */
    function only(): Seen {
      expect(seen).toHaveLength(1);
      return seen[0] as Seen;
    }

    async function free(): Promise<void> {
      await eventually("no call holds a connection", () => pair.inUse() === 0 || pair.inUse());
    }

    describe("the end of a call", () => {
      it("ends the server's ctx and releases the connection with the body, not with the head", async () => {
        const body = new PushBody();
        serve = () => Promise.resolve(new HttpResponse(200, new Headers(), body));
        const rep = await pair.client.call(get("/"), new Ctx());
        const sink = RecordingSink.of(rep.body);
        body.push(bytes("first"));
        await eventually("the first bytes arrive", () => sink.bytes === 5);
        const { ctx, ending } = only();
        expect(ending.responses).toBe(1);
        expect(ctx.ended).toBe(false);
        expect(pair.inUse()).toBe(1);
        body.end();
        await sink.done;
        expect(sink.text()).toBe("first");
        await eventually("the server's ctx ends", () => ctx.ended);
        await free();
        expect(ending.ends).toEqual([ok]);
      });

      it("ends a call without a body as well, once, after its head", async () => {
        const sink = RecordingSink.of((await pair.client.call(get("/"), new Ctx())).body);
        await sink.done;
        const { ctx, ending } = only();
        await eventually("the server's ctx ends", () => ctx.ended);
        expect(ending.responses).toBe(1);
        expect(ending.ends).toEqual([ok]);
        await free();
      });

      it("never ends the caller's own ctx", async () => {
        serve = () => Promise.resolve(new HttpResponse(200, new Headers(), textBody("x")));
        const ctx = new Ctx();
        await RecordingSink.of((await pair.client.call(get("/"), ctx)).body).done;
        await free();
        expect(ctx.ended).toBe(false);
        expect(ctx.cancelled).toBeUndefined();
      });

      it("ends a call that the service rejects as failed, once, and tells the client", async () => {
        serve = () => Promise.reject(testError("refused by the service"));
        await expectNoSuccess(pair.client.call(get("/"), new Ctx()));
        const { ctx, ending } = only();
        await eventually("the server's ctx ends", () => ctx.ended);
        expect(ending.ends).toEqual([failed(expect.objectContaining({ message: "refused by the service" }) as Error)]);
        await free();
      });

      it("treats a service that throws like one that rejects", async () => {
        serve = () => {
          throw testError("thrown by the service");
        };
        await expectNoSuccess(pair.client.call(get("/"), new Ctx()));
        const { ctx, ending } = only();
        await eventually("the server's ctx ends", () => ctx.ended);
        expect(ending.ends).toHaveLength(1);
        expect(ending.ends[0]?.kind).toBe("failed");
        serve = () => Promise.resolve(new HttpResponse(204));
        expect((await exchange(pair.client, get("/"))).status).toBe(204);
      });
    });

    describe("cancelling", () => {
      it("rejects a call at once with the reason, and cancels it at the server", async () => {
        serve = () => new Promise(() => {});
        const ctx = new Ctx();
        const call = pair.client.call(get("/"), ctx);
        const caught = call.then(
          () => undefined,
          (error: Error) => error,
        );
        await eventually("the server has the call", () => seen.length === 1);
        const reason = new CancelledError("enough");
        ctx.cancel(reason);
        expect(await Promise.race([caught, settle().then(() => "not at once")])).toBe(reason);
        const served = only();
        await eventually("the server's ctx is cancelled", () => served.ctx.cancelled !== undefined);
        await eventually("the server's ctx ends", () => served.ctx.ended);
        expect(served.ending.ends).toHaveLength(1);
        expect(served.ending.ends[0]?.kind).toBe("failed");
        await free();
      });

      it("does not send a call that was cancelled before", async () => {
        const ctx = new Ctx();
        const reason = new CancelledError("too late");
        ctx.cancel(reason);
        await expect(pair.client.call(get("/"), ctx)).rejects.toBe(reason);
        await exchange(pair.client, get("/after"));
        expect(only().req.path).toBe("/after");
        await free();
      });

      it("fails a body that is under way, and never ends it cleanly", async () => {
        const body = new PushBody();
        serve = () => Promise.resolve(new HttpResponse(200, new Headers(), body));
        const ctx = new Ctx();
        const sink = RecordingSink.of((await pair.client.call(get("/"), ctx)).body);
        body.push(bytes("begun"));
        await eventually("the body is under way", () => sink.bytes === 5);
        const reason = new CancelledError("enough");
        ctx.cancel(reason);
        await sink.done;
        expect(sink.ended).toBe(false);
        expect(sink.error).toBe(reason);
        const served = only();
        await eventually("the server's ctx ends", () => served.ctx.ended);
        expect(served.ending.ends[0]?.kind).toBe("failed");
        expect(body.stopped).toBeInstanceOf(Error);
        await free();
        expect(sink.late).toEqual([]);
      });

      it("lets go of a response whose body nobody piped", async () => {
        serve = () => Promise.resolve(new HttpResponse(200, new Headers(), new PushBody()));
        const ctx = new Ctx();
        await pair.client.call(get("/"), ctx);
        expect(pair.inUse()).toBe(1);
        ctx.cancel(new CancelledError("not wanted"));
        await free();
        const served = only();
        await eventually("the server's ctx ends", () => served.ctx.ended);
      });

      it("gives up a body that the sink stops, and calls the sink no more", async () => {
        const body = new PushBody();
        serve = () => Promise.resolve(new HttpResponse(200, new Headers(), body));
        const sink = RecordingSink.of((await pair.client.call(get("/"), new Ctx())).body);
        body.push(bytes("begun"));
        await eventually("the body is under way", () => sink.bytes === 5);
        sink.stop(testError("seen enough"));
        await free();
        const served = only();
        await eventually("the server's ctx ends", () => {
          body.push(new Uint8Array(16_384));
          return served.ctx.ended;
        });
        expect(sink.late).toEqual([]);
        expect(sink.over).toBe(false);
      });

      it("still answers when it was the service that cancelled the call, as a timeout does", async () => {
        serve = (_req, ctx) => {
          ctx.cancel(testError("the service ran out of time"));
          return Promise.resolve(new HttpResponse(503, new Headers(), textBody("too late")));
        };
        expect(await exchange(pair.client, get("/"))).toEqual({ status: 503, text: "too late" });
        const { ctx } = only();
        await eventually("the server's ctx ends", () => ctx.ended);
        await free();
      });

      it("is of no effect after the end", async () => {
        const ctx = new Ctx();
        await RecordingSink.of((await pair.client.call(get("/"), ctx)).body).done;
        await free();
        ctx.cancel(new CancelledError("too late"));
        expect(await exchange(pair.client, get("/"))).toMatchObject({ status: 200 });
      });
    });

    describe("bodies", () => {
      const chunks = fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 12 });

      it("passes any bytes in any chunking both ways, with and without a known length", async () => {
        serve = (req) => Promise.resolve(new HttpResponse(200, new Headers(), req.body));
        await fc.assert(
          fc.asyncProperty(chunks, fc.boolean(), fc.boolean(), async (sent, known, retained) => {
            const content = Buffer.concat(sent);
            const body = new PushBody(known ? content.length : undefined);
            const call = pair.client.call(post("/echo", body), new Ctx());
            for (const chunk of sent) {
              if (chunk.length === 0) continue;
              body.push(chunk);
              await body.writable();
            }
            body.end();
            const sink = RecordingSink.of((await call).body, retained ? Retained : Taken);
            await sink.done;
            expect(sink.error).toBeUndefined();
            expect(sink.content().equals(content)).toBe(true);
            expect(sink.late).toEqual([]);
          }),
          { numRuns: 40 },
        );
        await free();
      });

      it("keeps a chunk for a sink that said it retains it", async () => {
        const parts = Array.from({ length: 64 }, (_, i) => new Uint8Array(10_000).fill(i));
        const body = new PushBody();
        serve = () => Promise.resolve(new HttpResponse(200, new Headers(), body));
        const sink = RecordingSink.of((await pair.client.call(get("/"), new Ctx())).body, Retained);
        for (const part of parts) {
          body.push(part);
          await body.writable();
        }
        body.end();
        await sink.done;
        expect(sink.content().equals(Buffer.concat(parts))).toBe(true);
      });

      it("copies or claims what it was lent: a source may use its memory again", async () => {
        serve = async (req) => {
          const sink = RecordingSink.of(req.body);
          await sink.done;
          return new HttpResponse(200, new Headers(), bytesBody(sink.content()));
        };
        const sent: Buffer[] = [];
        const body = new LendingBody(40);
        const rep = await pair.client.call(post("/", body), new Ctx());
        const sink = RecordingSink.of(rep.body);
        await sink.done;
        for (let i = 0; i < 40; i++) sent.push(Buffer.alloc(3000, i + 1));
        expect(sink.content().equals(Buffer.concat(sent))).toBe(true);
      });

      it("holds the server back while the client takes no more, and gives it all afterwards", async () => {
        const body = new PushBody();
        serve = () => Promise.resolve(new HttpResponse(200, new Headers(), body));
        const sink = RecordingSink.of((await pair.client.call(get("/"), new Ctx())).body, Full);
        const sent = await fill(body);
        expect(body.full).toBe(true);
        const before = sink.bytes;
        sink.resume();
        await body.writable();
        body.end();
        await sink.done;
        expect(sink.bytes).toBe(sent);
        expect(before).toBeLessThan(sent);
        await free();
      });

      it("holds the client back while the server takes no more, and gives it all afterwards", async () => {
        let sink: RecordingSink | undefined;
        serve = async (req) => {
          sink = RecordingSink.of(req.body, Full);
          await sink.done;
          return new HttpResponse(200, new Headers(), textBody(String(sink.bytes)));
        };
        const body = new PushBody();
        const call = pair.client.call(post("/", body), new Ctx());
        await eventually("the server reads", () => sink !== undefined);
        const sent = await fill(body);
        expect(body.full).toBe(true);
        expect(sink?.bytes).toBeLessThan(sent);
        sink?.resume();
        await body.writable();
        body.end();
        expect(await read(await call)).toBe(String(sent));
        await free();
      });

      it("keeps a body until somebody pipes it", async () => {
        const content = "x".repeat(200_000);
        serve = () => Promise.resolve(new HttpResponse(200, new Headers(), textBody(content)));
        const rep = await pair.client.call(get("/"), new Ctx());
        for (let i = 0; i < 20; i++) await settle();
        expect(await read(rep)).toBe(content);
      });

      it("takes an answer that comes before the request has ended", async () => {
        serve = async (req) => {
          req.body.pipe(discard);
          return new HttpResponse(413, new Headers(), textBody("too much"));
        };
        const body = new PushBody();
        const rep = await pair.client.call(post("/", body), new Ctx());
        body.push(new Uint8Array(1000));
        expect(rep.status).toBe(413);
        expect(await read(rep)).toBe("too much");
        if (body.stopped === undefined) body.end();
        await free();
        expect(await exchange(pair.client, post("/again", textBody("whole")))).toMatchObject({ status: 413 });
      });

      it("does not end a response cleanly that the server broke off", async () => {
        for (const length of [undefined, 100]) {
          const body = new PushBody(length);
          serve = () => Promise.resolve(new HttpResponse(200, new Headers(), body));
          const sink = RecordingSink.of((await pair.client.call(get("/"), new Ctx())).body);
          body.push(bytes("half of it"));
          await eventually("the first half arrives", () => sink.bytes === 10);
          body.fail(testError("broken off"));
          await sink.done;
          expect(sink.ended).toBe(false);
          expect(sink.error).toBeInstanceOf(Error);
          const { ctx, ending } = seen.at(-1) as Seen;
          await eventually("the server's ctx ends", () => ctx.ended);
          expect(ending.ends).toHaveLength(1);
          expect(ending.ends[0]?.kind).toBe("failed");
          await free();
        }
      });

      it("does not end a response cleanly that is shorter than its length", async () => {
        const body = new PushBody(100);
        serve = () => Promise.resolve(new HttpResponse(200, new Headers(), body));
        const sink = RecordingSink.of((await pair.client.call(get("/"), new Ctx())).body);
        body.push(bytes("short"));
        body.end();
        await sink.done;
        expect(sink.ended).toBe(false);
        expect(sink.error).toBeInstanceOf(Error);
        await free();
      });

      it("does not end a request cleanly that the client broke off", async () => {
        let sink: RecordingSink | undefined;
        serve = async (req) => {
          sink = RecordingSink.of(req.body);
          await sink.done;
          return new HttpResponse(sink.ended ? 200 : 400);
        };
        const body = new PushBody();
        const call = pair.client.call(post("/", body), new Ctx());
        const caught = expect(call).rejects.toBeInstanceOf(Error);
        body.push(bytes("half of it"));
        await eventually("the first half arrives", () => sink?.bytes === 10);
        body.fail(testError("broken off"));
        await caught;
        await sink?.done;
        expect(sink?.ended).toBe(false);
        expect(sink?.error).toBeInstanceOf(Error);
        await free();
      });

      it.runIf(options.trailers ?? true)("passes trailers both ways", async () => {
        serve = async (req) => {
          const sink = RecordingSink.of(req.body);
          await sink.done;
          const body = new PushBody();
          body.push(sink.content());
          body.end(Headers.of("x-back", sink.trailers?.get("x-forth") ?? "none"));
          return new HttpResponse(200, new Headers(), body);
        };
        const body = new PushBody();
        body.push(bytes("content"));
        body.end(Headers.of("x-forth", "and back"));
        const sink = RecordingSink.of((await pair.client.call(post("/", body), new Ctx())).body);
        await sink.done;
        expect(sink.text()).toBe("content");
        expect(sink.trailers?.get("x-back")).toBe("and back");
      });
    });

    describe("heads", () => {
      it("passes method, path, authority, status and headers, repeats in their order", async () => {
        serve = async (req) =>
          new HttpResponse(
            418,
            Headers.of("set-cookie", "a=1", "x-one", "1", "set-cookie", "b=2", "x-method", req.method),
          );
        const req = new HttpRequest(
          "1.1",
          "OPTIONS",
          "http",
          "web.example",
          "/a%20b?c=d",
          Headers.of("x-many", "1", "X-Many", "2"),
          emptyBody,
        );
        const rep = await pair.client.call(req, new Ctx());
        await RecordingSink.of(rep.body).done;
        expect(rep.status).toBe(418);
        expect(rep.headers.getAll("Set-Cookie")).toEqual(["a=1", "b=2"]);
        expect(rep.headers.get("X-METHOD")).toBe("OPTIONS");
        const { req: got } = only();
        expect([got.method, got.authority, got.path]).toEqual(["OPTIONS", "web.example", "/a%20b?c=d"]);
        expect(got.headers.getAll("x-many")).toEqual(["1", "2"]);
      });

      it("has no body in the answer to HEAD, nor with 204 and 304, and goes on afterwards", async () => {
        for (const [method, status] of [
          ["HEAD", 200],
          ["GET", 204],
          ["GET", 304],
        ] as const) {
          serve = async () => new HttpResponse(status, new Headers(), status === 200 ? textBody("unseen") : emptyBody);
          const rep = await pair.client.call(request(method, "/", emptyBody), new Ctx());
          expect(rep.status).toBe(status);
          expect(await read(rep)).toBe("");
        }
        await free();
        serve = () => Promise.resolve(new HttpResponse(200, new Headers(), textBody("seen")));
        expect(await exchange(pair.client, get("/"))).toEqual({ status: 200, text: "seen" });
        expect(seen).toHaveLength(4);
        for (const { ending } of seen) expect(ending.ends).toEqual([ok]);
      });
    });

    describe("interim responses", () => {
      /** What the client hears, in order; the answer stands there as its status alone. */
      async function heard(req: HttpRequest): Promise<string[]> {
        const all: string[] = [];
        req.interim = { onInterim: (status, headers) => all.push(`${status} ${headers.getAll("link").join()}`) };
        const rep = await pair.client.call(req, new Ctx());
        all.push(String(rep.status));
        await RecordingSink.of(rep.body).done;
        return all;
      }

      it("come one by one, each with its headers, before the answer, and concern no later call", async () => {
        serve = async (req, ctx) => {
          req.interim?.onInterim(103, Headers.of("link", "</a.css>", "link", "</b.css>"), ctx);
          await settle();
          req.interim?.onInterim(102, new Headers(), ctx);
          req.interim?.onInterim(199, Headers.of("Link", "</c.css>"), ctx);
          return new HttpResponse(200, new Headers(), textBody("found"));
        };
        expect(await heard(get("/"))).toEqual(["103 </a.css>,</b.css>", "102 ", "199 </c.css>", "200"]);
        serve = async () => new HttpResponse(204);
        expect(await heard(get("/"))).toEqual(["204"]);
        await free();
      });

      it("are not passed on behind the head of the answer, nor of a call that was answered long ago", async () => {
        const body = new PushBody();
        let late = (): void => {};
        serve = async (req, ctx) => {
          const { interim } = req;
          late = () => interim?.onInterim(103, Headers.of("link", "</late>"), ctx);
          return new HttpResponse(200, new Headers(), body);
        };
        const all: string[] = [];
        const req = get("/");
        req.interim = { onInterim: (status) => all.push(String(status)) };
        const sink = RecordingSink.of((await pair.client.call(req, new Ctx())).body);
        late();
        body.push(bytes("content"));
        await eventually("the content comes", () => sink.bytes === 7);
        late();
        body.end();
        await sink.done;
        await free();
        late();
        serve = async (_req) => {
          late();
          return new HttpResponse(200, new Headers(), textBody("next"));
        };
        expect(await heard(get("/next"))).toEqual(["200"]);
        expect([all, sink.text()]).toEqual([[], "content"]);
      });

      it("go unheard where nobody listens for them", async () => {
        serve = async (req, ctx) => {
          req.interim?.onInterim(103, Headers.of("link", "</a.css>"), ctx);
          return new HttpResponse(200, new Headers(), textBody("found"));
        };
        expect(await exchange(pair.client, get("/"))).toEqual({ status: 200, text: "found" });
      });
    });

    describe("many calls", () => {
      it("keeps concurrent calls apart", async () => {
        serve = async (req) => {
          const sink = RecordingSink.of(req.body);
          await sink.done;
          // The later ones answer first.
          for (let i = Number(req.path.slice(1)); i < 40; i++) await settle();
          return new HttpResponse(200, new Headers(), textBody(`${req.path} ${sink.text()}`));
        };
        const answers = await Promise.all(
          Array.from({ length: 40 }, (_, i) => exchange(pair.client, post(`/${i}`, textBody(`body ${i}`)))),
        );
        expect(answers.map((each) => each.text)).toEqual(answers.map((_, i) => `/${i} body ${i}`));
        await free();
      });

      it("answers a hundred calls one after the other", async () => {
        serve = async (req) => new HttpResponse(200, new Headers(), textBody(req.path));
        for (let i = 0; i < 100; i++) expect((await exchange(pair.client, get(`/${i}`))).text).toBe(`/${i}`);
        await free();
        for (const { ending } of seen) expect(ending.ends).toEqual([ok]);
      });

      it.runIf(options.unreachable !== undefined)("fails with a retryable error where nobody listens", async () => {
        const client = await options.unreachable?.();
        const error: unknown = await client?.call(get("/"), new Ctx()).catch((caught: unknown) => caught);
        expect(isWeftError(error)).toBe(true);
        expect(error).toMatchObject({ flags: expect.arrayContaining(["retryable"]) });
        await client?.close();
      });
    });

    describe("closing", () => {
      it("drains the client: what is in flight ends well, what comes later fails, and then it is closed", async () => {
        const body = new PushBody();
        serve = () => Promise.resolve(new HttpResponse(200, new Headers(), body));
        const rep = await pair.client.call(get("/"), new Ctx());
        let closed = false;
        const closing = pair.client.close().then(() => {
          closed = true;
        });
        await expect(pair.client.call(get("/late"), new Ctx())).rejects.toBeInstanceOf(Error);
        expect(pair.client.status).toBe("closed");
        body.push(bytes("still here"));
        const sink = RecordingSink.of(rep.body);
        await eventually("the bytes arrive", () => sink.bytes === 10);
        expect(closed).toBe(false);
        body.end();
        await sink.done;
        expect(sink.ended).toBe(true);
        await closing;
        expect(pair.inUse()).toBe(0);
        await pair.client.close();
      });

      it("drains the server: what is in flight ends well, and then it is closed", async () => {
        const body = new PushBody();
        serve = () => Promise.resolve(new HttpResponse(200, new Headers(), body));
        const rep = await pair.client.call(get("/"), new Ctx());
        const sink = RecordingSink.of(rep.body);
        let closed = false;
        const closing = pair.closeServer().then(() => {
          closed = true;
        });
        body.push(bytes("still here"));
        await eventually("the bytes arrive", () => sink.bytes === 10);
        expect(closed).toBe(false);
        body.end();
        await sink.done;
        expect(sink.ended).toBe(true);
        await closing;
        expect(only().ending.ends).toEqual([ok]);
      });
    });
  });
}

/** A source that uses one buffer for every chunk, and overwrites it unless the sink said it retains the bytes. */
class LendingBody {
  readonly length = undefined;
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  pipe(sink: { onData(chunk: Uint8Array): number; onEnd(trailers: undefined): void }): {
    resume(): void;
    stop(): void;
  } {
    let next = 0;
    let stopped = false;
    let lent = Buffer.alloc(3000);
    const pump = (): void => {
      while (next < this.#count && !stopped) {
        lent.fill(++next);
        const answer = sink.onData(lent);
        if ((answer & Retained) !== 0) lent = Buffer.alloc(3000);
        else lent.fill(0);
        if ((answer & Full) !== 0) return;
      }
      if (stopped) return;
      stopped = true;
      sink.onEnd(undefined);
    };
    pump();
    return {
      resume: pump,
      stop: () => {
        stopped = true;
      },
    };
  }
}

function request(method: string, path: string, body: HttpRequest["body"]): HttpRequest {
  return new HttpRequest("1.1", method, "http", "test.example", path, new Headers(), body);
}

function get(path: string): HttpRequest {
  return request("GET", path, emptyBody);
}

function post(path: string, body: HttpRequest["body"]): HttpRequest {
  return request("POST", path, body);
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text, "utf8");
}

async function read(rep: HttpResponse): Promise<string> {
  const sink = RecordingSink.of(rep.body);
  await sink.done;
  if (sink.error !== undefined) throw sink.error;
  return sink.text();
}

async function exchange(client: HttpService, req: HttpRequest): Promise<{ status: number; text: string }> {
  const rep = await client.call(req, new Ctx());
  return { status: rep.status, text: await read(rep) };
}

/** A failed call either rejects or is answered with a server error; which of them is the transport's choice. */
async function expectNoSuccess(call: Promise<HttpResponse>): Promise<void> {
  const rep = await call.catch(() => undefined);
  if (rep === undefined) return;
  expect(rep.status).toBeGreaterThanOrEqual(500);
  rep.body.pipe(discard);
}

/** Pushes until the sink is full; what a transport holds in all its buffers must stay far below 64 MiB. */
async function fill(body: PushBody): Promise<number> {
  const chunk = new Uint8Array(65_536);
  for (let sent = 0; sent < 1024; sent++) {
    body.push(chunk);
    for (let turn = 0; turn < 5; turn++) await settle();
    if (!body.full) continue;
    // A socket may still take what the kernel holds: full must last.
    for (let turn = 0; turn < 200 && body.full; turn++) await settle();
    if (body.full) return body.sent;
  }
  throw new Error(`nobody held the source back: ${body.sent} bytes were taken while the reader took none`);
}
