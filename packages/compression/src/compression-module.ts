import {
  type Ctx,
  defineModule,
  type Filter,
  filtered,
  type Module,
  type Observer,
  type Param,
  param,
  type Role,
  role,
  type Service,
} from "@weftmesh/core";
import {
  emptyBody,
  type Headers,
  type HttpRequest,
  type HttpResponse,
  hasToken,
  headerName,
  Names,
} from "@weftmesh/http";
import { type Counter, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { compressedBody } from "./compressed-body.ts";
import { type ContentCoding, chooseCoding } from "./content-coding.ts";
import { isTextual } from "./textual-type.ts";

export const CompressionRole: Role = role("compression");

/** -1 compresses textual types at level 6, 1 to 9 any type at that level, 0 nothing: it leaves the module out. */
export const CompressionLevelParam: Param<number> = param<number>("compressionLevel", -1);

/** Shorter bodies, where the length is known, are left alone: the coding itself takes about 20 bytes. */
export const MinCompressedBytes: Param<number> = param<number>("minCompressedBytes", 256);

/** Bodies that are compressed as they stream, at a time, of one server; each takes about 270 KB. One more is left alone. */
export const MaxCompressors: Param<number> = param<number>("maxCompressors", 256);

const acceptEncoding = headerName("Accept-Encoding");
const contentEncoding = headerName("Content-Encoding");
const contentRange = headerName("Content-Range");
const acceptRanges = headerName("Accept-Ranges");
const cacheControl = headerName("Cache-Control");
const etag = headerName("ETag");
const vary = headerName("Vary");
/** What is said of the bytes as they are, and would be wrong of others. */
const digests = [headerName("Content-Digest"), headerName("Digest"), headerName("Content-MD5")];

/** What all responses of one server share. */
class Compressing {
  readonly level: number;
  readonly onlyText: boolean;
  readonly minBytes: number;
  readonly maxActive: number;
  readonly responses: Counter;
  readonly refused: Counter;
  readonly bytesIn: Counter;
  readonly bytesOut: Counter;
  active = 0;
  readonly onOver: () => void = () => {
    this.active--;
  };

  constructor(level: number, minBytes: number, maxActive: number, stats: StatsReceiver) {
    this.level = level === -1 ? 6 : level;
    this.onlyText = level === -1;
    this.minBytes = minBytes;
    this.maxActive = maxActive;
    const scope = stats.scope("compression");
    this.responses = scope.counter("responses");
    this.refused = scope.counter("too_many");
    this.bytesIn = scope.counter("bytes_in");
    this.bytesOut = scope.counter("bytes_out");
  }
}

/** One request whose client names codings. */
class CompressedResponse implements Observer {
  readonly #shared: Compressing;
  readonly #accepted: readonly string[];
  readonly #isHead: boolean;

  constructor(shared: Compressing, accepted: readonly string[], isHead: boolean) {
    this.#shared = shared;
    this.#accepted = accepted;
    this.#isHead = isHead;
  }

  onResponse(_ctx: Ctx, rep: unknown): void {
    const response = rep as HttpResponse;
    if (!this.#mayCompress(response)) return;
    const { headers } = response;
    // A cache must know that others may be answered otherwise, whatever this client gets.
    if (!hasToken(headers, vary, "accept-encoding") && !hasToken(headers, vary, "*"))
      headers.add(vary, "Accept-Encoding");
    const coding = chooseCoding(this.#accepted);
    if (coding === undefined) return;
    if (this.#isHead) this.#describe(headers, coding);
    else this.#compress(response, coding);
  }

  onEnd(): void {}

  #mayCompress(rep: HttpResponse): boolean {
    const { status, headers, body } = rep;
    const { onlyText, minBytes } = this.#shared;
    if (status < 200 || status === 204 || status === 205 || status === 206 || status === 304) return false;
    if (headers.has(contentEncoding) || headers.has(contentRange)) return false;
    if (body === emptyBody && !this.#isHead) return false;
    const length = this.#isHead ? Number(headers.get(Names.contentLength) ?? Number.NaN) : body.length;
    if (length !== undefined && length < minBytes) return false;
    if (hasToken(headers, cacheControl, "no-transform")) return false;
    for (const digest of digests) if (headers.has(digest)) return false;
    return !onlyText || isTextual(headers.get(Names.contentType) ?? "");
  }

  #compress(rep: HttpResponse, coding: ContentCoding): void {
    const shared = this.#shared;
    if (shared.active >= shared.maxActive) {
      shared.refused.inc();
      return;
    }
    shared.active++;
    shared.responses.inc();
    this.#describe(rep.headers, coding);
    rep.body = compressedBody(rep.body, {
      coding,
      level: shared.level,
      bytesIn: shared.bytesIn,
      bytesOut: shared.bytesOut,
      onOver: shared.onOver,
    });
  }

  /** The headers of the content as it will be, or would be. */
  #describe(headers: Headers, coding: ContentCoding): void {
    headers.delete(Names.contentLength).delete(acceptRanges);
    headers.set(contentEncoding, coding);
    const tag = headers.get(etag);
    if (tag !== undefined && !tag.startsWith("W/")) headers.set(etag, `W/${tag}`);
  }
}

function compress(shared: Compressing): Filter<HttpRequest, HttpResponse> {
  function watch(req: HttpRequest, ctx: Ctx): void {
    const { method, version, headers } = req;
    // A client of HTTP/1.0 would lose its connection to a body without a length.
    if (version === "1.0" || method === "CONNECT" || hasToken(headers, cacheControl, "no-transform")) return;
    ctx.observe(new CompressedResponse(shared, headers.getAll(acceptEncoding), method === "HEAD"));
  }
  return (req, ctx, next) => {
    if (req.headers.has(acceptEncoding)) watch(req, ctx);
    return next.call(req, ctx);
  };
}

/**
 * Compresses responses for clients that name a coding.
 *
 * Shape: belongs at the top of a server stack: observers run from below, and it must see what is really sent.
 * Cost: one look at a bit for a request without `Accept-Encoding`.
 */
export const compression: Module<Service<HttpRequest, HttpResponse>> = defineModule({
  role: CompressionRole,
  description: "Compresses responses for clients that take gzip or deflate",
  params: { level: CompressionLevelParam, minBytes: MinCompressedBytes, maxActive: MaxCompressors, stats: StatsParam },
  make: ({ level, minBytes, maxActive, stats }, next: Service<HttpRequest, HttpResponse>) =>
    level === 0 ? next : filtered(compress(new Compressing(level, minBytes, maxActive, stats)), next),
});
