import { type Headers, type HttpRequest, type HttpVersion, keepTrailers } from "@weftmesh/http";
import { ClientStream } from "./client-stream.ts";
import { takeMark } from "./orig-proto.ts";

/** A call of HTTP/1 that goes over HTTP/2 to another proxy: its response is of HTTP/1 again. */
export class UpgradedStream extends ClientStream {
  private said: HttpVersion = "1.1";

  override answer(status: number, headers: Headers, length: number, endStream: boolean): void {
    this.said = takeMark(headers)?.version ?? (this.req as HttpRequest).version;
    super.answer(status, headers, length, endStream);
  }

  protected override get version(): HttpVersion {
    return this.said;
  }

  /** As they are read by HTTP/1. */
  override remoteEnd(trailers: Headers | undefined): void {
    super.remoteEnd(trailers === undefined ? undefined : keepTrailers(trailers));
  }

  /** A body that turned out empty is not the same as none: it came in chunks, and goes on in chunks. */
  protected override writeEnd(trailers: Headers | undefined): void {
    if (this.sentBytes === 0) this.at = -1;
    super.writeEnd(trailers);
  }
}
