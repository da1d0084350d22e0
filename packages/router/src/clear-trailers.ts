import { BodyRelay, type Headers } from "@weftmesh/http";
import { isL5dHeader } from "./linkerd-headers.ts";

/** Takes what is Linkerd's out of trailers: whoever sent them could write anything there. */
export function clearTrailers(trailers: Headers | undefined): Headers | undefined {
  if (trailers === undefined) return undefined;
  trailers.deleteWhere(isL5dHeader);
  return trailers.size === 0 ? undefined : trailers;
}

/** A body whose trailers say nothing of Linkerd's. */
export class ClearTrailers extends BodyRelay {
  override onEnd(trailers: Headers | undefined): void {
    super.onEnd(clearTrailers(trailers));
  }
}
