import type { Body, TunnelEnd } from "@weftmesh/http";

/** A stream that is the end of a tunnel: what comes in on it is a body, and a body is what it sends. */
export class StreamTunnelEnd implements TunnelEnd {
  readonly incoming: Body;
  private readonly sendBody: (outgoing: Body) => void;

  constructor(incoming: Body, sendBody: (outgoing: Body) => void) {
    this.incoming = incoming;
    this.sendBody = sendBody;
  }

  send(outgoing: Body): void {
    this.sendBody(outgoing);
  }
}
