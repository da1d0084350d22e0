import { asError, Ctx, failed, ok, type Service } from "@weftmesh/core";
import { BodyRelay } from "./body-relay.ts";
import type { Headers } from "./headers.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";

/**
 * Ends a ctx when the body of its response is over, and notes in the response how it ended. The ctx ends before the sink
 * hears of it, so an attempt ends before its call.
 */
class EndingBody extends BodyRelay {
  readonly #ctx: Ctx;
  readonly #rep: HttpResponse;
  #bytes = 0;

  constructor(rep: HttpResponse, ctx: Ctx) {
    super(rep.body);
    this.#rep = rep;
    this.#ctx = ctx;
  }

  override onData(chunk: Uint8Array): number {
    this.#bytes += chunk.length;
    return super.onData(chunk);
  }

  onText(text: string): number {
    this.#bytes += text.length;
    return this.passText(text);
  }

  get takesSlices(): boolean {
    return this.sinkTakesSlices;
  }

  onSlice(bytes: Uint8Array, start: number, end: number): number {
    this.#bytes += end - start;
    return this.passSlice(bytes, start, end);
  }

  override onEnd(trailers: Headers | undefined): void {
    this.#rep.bodyBytes = this.#bytes;
    this.#rep.trailers = trailers;
    this.#ctx.end(ok);
    super.onEnd(trailers);
  }

  override onError(error: Error): void {
    this.#rep.bodyBytes = this.#bytes;
    this.#ctx.end(failed(error));
    super.onError(error);
  }

  /** The source lets go of its connection first; whoever hears of the end finds it free or closed. */
  override stop(reason: Error): void {
    super.stop(reason);
    if (this.#rep.bodyBytes < 0) this.#rep.bodyBytes = this.#bytes;
    this.#ctx.end(failed(reason));
  }
}

/**
 * For the maker of a ctx that was forked for one attempt: tells it of the response now, and of the end when the body is
 * over, stopped or failed: at once where all of it is here. When the call fails instead, the maker ends the ctx itself.
 *
 * Cost: one object, none when the response has no body or a whole one. The body must be piped, as ever, or the ctx never ends.
 * @example
 * const attempt = ctx.fork();
 * return next.call(req, attempt).then((rep) => endWithBody(attempt, rep));
 */
export function endWithBody(ctx: Ctx, rep: HttpResponse): HttpResponse {
  ctx.respond(rep);
  if (rep.body.whole === true) {
    rep.bodyBytes = rep.body.length ?? 0;
    ctx.end(ok);
  } else rep.body = new EndingBody(rep, ctx);
  return rep;
}

/**
 * Makes one call on a ctx of its own, `ctx.fork()` or a new one, and ends it with the body of the response or with the
 * failure: what `dispatch` is to services whose answers come whole.
 */
export function dispatchHttp(
  svc: Service<HttpRequest, HttpResponse>,
  req: HttpRequest,
  ctx: Ctx = new Ctx(),
): Promise<HttpResponse> {
  let call: Promise<HttpResponse>;
  try {
    call = svc.call(req, ctx);
  } catch (thrown) {
    call = Promise.reject(asError(thrown));
  }
  return call.then(
    (rep) => endWithBody(ctx, rep),
    (thrown: unknown) => {
      ctx.end(failed(asError(thrown)));
      throw thrown;
    },
  );
}
