import type { Ctx } from "@weftmesh/core";
import { Names } from "./header-name.ts";
import type { Headers } from "./headers.ts";
import { stripHopByHop } from "./hop-by-hop.ts";

/** Whoever is told of interim responses to a request: as a rule the exchange that it came on. */
export interface InterimSink {
  /**
   * A response of 102 to 199 has come, ahead of the head of the answer. 100 and 101 concern the connection that they
   * come on.
   *
   * Shape: the headers are the sink's from here on. `ctx` is that of the call, or of an attempt of it: a call that is
   * answered already, or is not the sink's any more, takes none.
   */
  onInterim(status: number, headers: Headers, ctx: Ctx): void;
}

/** Takes out what concerns one connection alone, and what would frame content, which such a response has none of. */
export function stripInterim(headers: Headers): void {
  stripHopByHop(headers);
  headers.delete(Names.keepAlive).delete(Names.contentLength);
}
