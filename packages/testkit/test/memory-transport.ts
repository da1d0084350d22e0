import { asError, CancelledError, ClosedError, Ctx, failed, ok, type Service, type Status } from "@weftmesh/core";
import {
  type Body,
  type BodySink,
  discard,
  emptyBody,
  type Flow,
  Full,
  type Headers,
  HttpRequest,
  HttpResponse,
  Retained,
  Taken,
} from "@weftmesh/http";
import { type TransportPair, testError } from "../src/index.ts";

const maxHeldBytes = 65_536;

/** Carries a body across as a wire would: copied, in turns, with a bounded buffer. */
class Wire implements Body, BodySink {
  readonly length: number | undefined;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #carried = 0;
  #ended: { trailers: Headers | undefined } | undefined;
  #error: Error | undefined;
  #sink: BodySink | undefined;
  #sinkFull = false;
  #sourceFull = false;
  #flow: Flow | undefined;
  #over = false;
  #scheduled = false;
  readonly #done: (error: Error | undefined) => void;

  constructor(from: Body, done: (error: Error | undefined) => void) {
    this.length = from.length;
    this.#done = done;
    this.#flow = from.pipe(this);
    if (this.#over) this.#flow.stop(this.#error ?? testError("over"));
  }

  pipe(sink: BodySink): Flow {
    this.#sink = sink;
    this.#schedule();
    return {
      resume: () => {
        this.#sinkFull = false;
        this.#schedule();
      },
      stop: (reason) => {
        this.#sink = undefined;
        this.#finish(reason);
      },
    };
  }

  /** The connection breaks. */
  abort(reason: Error): void {
    if (this.#over) return;
    const sink = this.#sink;
    this.#finish(reason);
    sink?.onError(reason);
    if (sink === undefined) this.#sinkLater(reason);
  }

  onData(chunk: Uint8Array): number {
    if (this.#over) return Taken;
    this.#held.push(Uint8Array.from(chunk));
    this.#heldBytes += chunk.length;
    this.#schedule();
    if (this.#heldBytes < maxHeldBytes) return Taken;
    this.#sourceFull = true;
    return Full;
  }

  onEnd(trailers: Headers | undefined): void {
    this.#ended = { trailers };
    this.#schedule();
  }

  onError(error: Error): void {
    this.#error = error;
    this.#schedule();
  }

  #sinkLater(reason: Error): void {
    this.pipe = (sink) => {
      sink.onError(reason);
      return { resume: () => {}, stop: () => {} };
    };
  }

  #schedule(): void {
    if (this.#scheduled || this.#over) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const sink = this.#sink;
    if (sink === undefined || this.#over) return;
    while (this.#held.length > 0 && !this.#sinkFull && !this.#over) {
      const chunk = this.#held.shift() as Uint8Array;
      this.#heldBytes -= chunk.length;
      this.#carried += chunk.length;
      const answer = sink.onData(chunk);
      if ((answer & Retained) === 0) chunk.fill(0);
      this.#sinkFull = (answer & Full) !== 0;
    }
    if (this.#over) return;
    if (this.#sourceFull && this.#heldBytes < maxHeldBytes) {
      this.#sourceFull = false;
      this.#flow?.resume();
    }
    if (this.#held.length > 0) return;
    if (this.#error !== undefined) this.abort(this.#error);
    else if (this.#ended !== undefined) {
      if (this.length !== undefined && this.#carried !== this.length) {
        this.abort(testError("cut short"));
        return;
      }
      const { trailers } = this.#ended;
      this.#over = true;
      this.#done(undefined);
      sink.onEnd(trailers);
    }
  }

  #finish(reason: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = reason;
    this.#held.length = 0;
    this.#flow?.stop(reason);
    this.#done(reason);
  }
}

/** The contract in its plainest form, without a wire: what the suite is tried on. */
export async function memoryTransport(served: Service<HttpRequest, HttpResponse>): Promise<TransportPair> {
  let inUse = 0;
  let serving = 0;
  let status: Status = "open";
  const idle: (() => void)[] = [];
  const quiet: (() => void)[] = [];

  function release(): void {
    if (--inUse === 0) for (const waiting of idle.splice(0)) waiting();
  }

  async function call(req: HttpRequest, ctx: Ctx): Promise<HttpResponse> {
    if (ctx.cancelled !== undefined) throw ctx.cancelled;
    if (status === "closed") throw new ClosedError("the client");
    inUse++;
    serving++;
    const sctx = new Ctx();
    let back: Wire | undefined;
    let released = false;
    const over = (error: Error | undefined): void => {
      if (released) return;
      released = true;
      release();
      if (error !== undefined) sctx.cancel(error);
      sctx.end(error === undefined ? ok : failed(error));
      if (--serving === 0) for (const waiting of quiet.splice(0)) waiting();
    };
    const { promise, resolve, reject } = withResolvers<HttpResponse>();
    let answered = false;
    const forth = new Wire(req.body, (error) => {
      if (error === undefined || answered) return;
      reject(error);
      over(error);
    });
    ctx.onCancel((reason) => {
      if (released) return;
      reject(reason);
      sctx.cancel(new CancelledError(undefined, { cause: reason }));
      forth.abort(reason);
      back?.abort(reason);
      over(reason);
    });
    setImmediate(() => {
      if (released) return;
      const got = new HttpRequest(
        req.version,
        req.method,
        req.scheme,
        req.authority,
        req.path,
        req.headers.clone(),
        forth,
      );
      got.interim = {
        onInterim: (status, headers) => {
          if (!released && !answered) req.interim?.onInterim(status, headers.clone(), ctx);
        },
      };
      let answer: Promise<HttpResponse>;
      try {
        answer = served.call(got, sctx);
      } catch (thrown) {
        answer = Promise.reject(thrown as Error);
      }
      answer.then(
        (rep) => {
          if (released) return void rep.body.pipe(discard);
          answered = true;
          sctx.respond(rep);
          const bodiless = req.method === "HEAD" || rep.status === 204 || rep.status === 304;
          if (bodiless) rep.body.pipe(discard);
          back = new Wire(bodiless ? emptyBody : rep.body, over);
          resolve(new HttpResponse(rep.status, rep.headers.clone(), back));
        },
        (thrown: unknown) => {
          reject(asError(thrown));
          over(asError(thrown));
        },
      );
    });
    return promise;
  }

  let closed: Promise<void> | undefined;
  return {
    client: {
      call,
      get status() {
        return status;
      },
      close() {
        status = "closed";
        closed ??= inUse === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve));
        return closed;
      },
    },
    inUse: () => inUse,
    closeServer: () => (serving === 0 ? Promise.resolve() : new Promise((resolve) => quiet.push(resolve))),
  };
}

function withResolvers<T>(): { promise: Promise<T>; resolve(value: T): void; reject(error: Error): void } {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}
