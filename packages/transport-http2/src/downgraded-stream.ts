import { emptyBody, type HeaderField, type Headers, type HttpResponse, keepTrailers } from "@weftmesh/http";
import { fixLength } from "./message-headers.ts";
import { origProto, responseMark } from "./orig-proto.ts";
import type { Http2ServerSettings } from "./server-settings.ts";
import { ServerStream } from "./server-stream.ts";

/**
 * A request of HTTP/1 that another proxy has upgraded: it is one of HTTP/1 again to the service, and so is the answer to
 * it, which says of what version it was.
 */
export class DowngradedStream extends ServerStream {
  private mark: HeaderField | undefined = undefined;

  protected override answer(rep: HttpResponse): void {
    const { status, headers, body } = rep;
    this.mark = responseMark(rep.version);
    // HTTP/1 says of no content that there is none.
    if (body === emptyBody && !this.isHead && status !== 204 && status !== 304) fixLength(headers, 0);
    super.answer(rep);
  }

  protected override writeHead(status: number, headers: Headers, endStream: boolean): void {
    headers.delete(origProto);
    if (this.mark !== undefined) headers.addField(this.mark);
    super.writeHead(status, headers, endStream);
  }

  /** HTTP/1 has no resets: there is a status for everything. */
  protected override get responder(): Http2ServerSettings["respond"] {
    return this.host.settings.downgrade?.respond;
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
