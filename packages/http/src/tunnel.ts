import { type Body, emptyBody } from "./body.ts";
import type { Headers } from "./headers.ts";
import { HttpRequest, HttpResponse, type HttpVersion } from "./message.ts";

/** A request to make of its connection a tunnel: `CONNECT`, or any other method with an `Upgrade` that may be passed on. */
export class TunnelRequest extends HttpRequest {
  /** What the client would speak, as it spells it, in its order; none for `CONNECT`. */
  readonly protocols: readonly string[];

  constructor(
    version: HttpVersion,
    method: string,
    scheme: "http" | "https",
    authority: string,
    path: string,
    headers: Headers,
    protocols: readonly string[],
  ) {
    super(version, method, scheme, authority, path, headers, emptyBody);
    this.protocols = protocols;
  }
}

/** One end of a tunnel, whatever it is made of: its bytes go both ways, and each way ends by itself. */
export interface TunnelEnd {
  /** What comes from there. Its end says that no more comes; its failure, that the tunnel is broken. Piped once. */
  readonly incoming: Body;
  /** Sends all of it there, and tells of its end. Its failure breaks the tunnel. Called once. */
  send(outgoing: Body): void;
}

/**
 * The answer that makes a tunnel: 101, or 200 to a `CONNECT`.
 *
 * Shape: `body` carries no bytes. It ends when the tunnel is over, fails when it broke, and stopping it breaks the
 * tunnel, so that whoever watches bodies knows how long a call takes and can end it. The bytes go by `tunnel`.
 */
export class TunnelResponse extends HttpResponse {
  /** What is spoken from here on, as the server spells it; undefined for `CONNECT`. */
  readonly protocol: string | undefined;
  readonly tunnel: TunnelEnd;

  constructor(status: number, headers: Headers, body: Body, protocol: string | undefined, tunnel: TunnelEnd) {
    super(status, headers, body);
    this.protocol = protocol;
    this.tunnel = tunnel;
  }
}
