import { type Clock, ClockParam, type Module, type Role, role } from "@weftmesh/core";
import { emptyBody, type Headers } from "@weftmesh/http";
import { RequestStream, RequestStreamKey } from "@weftmesh/metrics";
import { clearTrailers } from "./clear-trailers.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";

export const RequestStreamRole: Role = role("requestStream");

/** A request's stream as a router passes it on. */
class RoutedStream extends RequestStream {
  override onEnd(trailers: Headers | undefined): void {
    super.onEnd(clearTrailers(trailers));
  }
}

function watch(clock: Clock): HttpFilter {
  return (req, ctx, next) => {
    if (req.body !== emptyBody) {
      const stream = new RoutedStream(req.body, clock);
      req.body = stream;
      ctx.set(RequestStreamKey, stream);
    }
    return next.call(req, ctx);
  };
}

/** Above whatever counts streams. */
export const requestStream: Module<HttpService> = httpFilterModule({
  role: RequestStreamRole,
  description: "Watches the stream of a request for those that count it, and takes l5d-* out of its trailers",
  params: { clock: ClockParam },
  filter: ({ clock }) => watch(clock),
});
