import {
  type BodySink,
  emptyBody,
  endWithBody,
  type Flow,
  HttpRequest,
  type HttpResponse,
  Taken,
} from "@weftmesh/http";
import type { HedgeProtocol } from "./hedge-protocol.ts";

export interface HttpHedgingOptions {
  /**
   * Whether a request may be sent twice: GET, HEAD and OPTIONS if not given. That DELETE and PUT are idempotent is not
   * enough: of two at a time the second may fail where one alone would not, and be the first to answer.
   */
  readonly isIdempotent?: (req: HttpRequest) => boolean;
  /** How much of an answer that nobody wants is read to keep its connection: 65,536 bytes if not given. */
  readonly maxDiscardBytes?: number;
}

/** Hedging for HTTP. A request with a body is never sent twice: its body is read once. */
export function httpHedging(options?: HttpHedgingOptions): HedgeProtocol<HttpRequest, HttpResponse> {
  const { isIdempotent = isSafe, maxDiscardBytes = 65_536 } = options ?? {};
  return {
    isHedgeable: (req) => req.body === emptyBody && isIdempotent(req),
    copy: ({ version, method, scheme, authority, path, headers }) =>
      new HttpRequest(version, method, scheme, authority, path, headers.clone(), emptyBody),
    begin: endWithBody,
    discard: (rep, reason) => new Discard(maxDiscardBytes, reason).take(rep),
  };
}

function isSafe({ method }: HttpRequest): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}

/** Reads a body that nobody wants, up to a point: beyond it the connection is not worth the bytes. */
class Discard implements BodySink {
  readonly #reason: Error;
  #leftBytes: number;
  #flow: Flow | undefined = undefined;

  constructor(maxBytes: number, reason: Error) {
    this.#leftBytes = maxBytes;
    this.#reason = reason;
  }

  take(rep: HttpResponse): void {
    const { length } = rep.body;
    if (length !== undefined && length > this.#leftBytes) this.#leftBytes = -1;
    this.#flow = rep.body.pipe(this);
    this.#check();
  }

  onData(chunk: Uint8Array): number {
    this.#leftBytes -= chunk.length;
    this.#check();
    return Taken;
  }

  onEnd(): void {
    this.#flow = undefined;
    this.#leftBytes = 0;
  }

  onError(): void {
    this.onEnd();
  }

  /** Without a flow this is still within `pipe`, after which it is asked again. */
  #check(): void {
    if (this.#leftBytes < 0) this.#flow?.stop(this.#reason);
  }
}
