import type { Ctx } from "@weftmesh/core";
import type { HttpRequest, HttpResponse, StreamReset } from "@weftmesh/http";
import type { ServingSettings, SlownessLimits } from "@weftmesh/wire";
import type { EndpointOptions } from "./endpoint-options.ts";
import type { FrameRates } from "./rate-limits.ts";

/** What becomes of requests that another proxy has upgraded from HTTP/1, and says so in `l5d-orig-proto`. */
export interface DowngradeSettings {
  /** The answer to one that failed; if not given, it is as where a server has no `respond`. */
  readonly respond?: (error: Error, req: HttpRequest, ctx: Ctx) => HttpResponse;
}

/** What a server allows its clients. Units: bytes and ms; `Infinity` leaves a limit out. */
export interface Http2ServerLimits extends SlownessLimits {
  /** Streams of a connection at a time; one more is refused. */
  readonly maxConcurrentStreams: number;
  /** Streams of a connection whose request has begun and brought no content for a while; more are refused. */
  readonly maxSilentStreams: number;
  /** Header lists of the streams of a connection together; a stream beyond that is refused. */
  readonly maxOpenHeaderBytes: number;
  /** Fields of a request's header list; one with more is answered with 431. */
  readonly maxHeaderFields: number;
  /** Whether a request with a `_` in the name of a field is answered with 400. */
  readonly refuseUnderscores: boolean;
  /** From the first byte of a frame, or of a header block, to its last; and from the connection to its first frame. */
  readonly headerTimeoutMs: number;
  /** How long a window is in which a body of known length must bring `minBodyBytesPerSec` on average. */
  readonly bodyTimeoutMs: number;
  /** How long a client may take nothing of a stream that waits for it; and the window of `minResponseBytesPerSec`. */
  readonly responseTimeoutMs: number;
  /**
   * What a client must take of a stream that waits for its window; and of a connection, where streams wait for that.
   * 0 lets it take as little as it likes.
   */
  readonly minResponseBytesPerSec: number;
  /** How long a connection goes on reading what nobody wants, behind a GOAWAY. */
  readonly lingerMs: number;
}

export const defaultHttp2ServerLimits: Http2ServerLimits = {
  maxConcurrentStreams: 1_000,
  maxSilentStreams: 100,
  maxOpenHeaderBytes: 4_194_304,
  maxHeaderFields: Number.POSITIVE_INFINITY,
  refuseUnderscores: false,
  headerTimeoutMs: 10_000,
  bodyTimeoutMs: 20_000,
  minBodyBytesPerSec: 50,
  responseTimeoutMs: 60_000,
  minResponseBytesPerSec: 0,
  lingerMs: 2_000,
};

/** What the connections of one server share. */
export interface Http2ServerSettings extends ServingSettings {
  /** The answer to a call that failed. If not given, a `StreamError` resets with its code, and any other gets a bare 502. */
  readonly respond: ((error: Error, req: HttpRequest, ctx: Ctx) => HttpResponse | StreamReset) | undefined;
  readonly limits: Http2ServerLimits;
  readonly endpoint: EndpointOptions;
  readonly rates: FrameRates;
  /** Of requests that another proxy upgraded from HTTP/1; those are as all others if undefined. */
  readonly downgrade: DowngradeSettings | undefined;
}
