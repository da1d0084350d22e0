import { type Ctx, type Param, param, type Status } from "@weftmesh/core";
import { type HttpRequest, type HttpResponse, TunnelRequest } from "@weftmesh/http";
import type { Counter, StatsReceiver } from "@weftmesh/telemetry";
import type { UpgradePeer } from "@weftmesh/transport-http2";
import type { HttpService } from "./http-service.ts";

/** What is known of the proxy at an endpoint to which requests go upgraded; undefined where they go as they are. */
export const UpgradePeerParam: Param<UpgradePeer | undefined> = param<UpgradePeer | undefined>(
  "upgradePeer",
  undefined,
);

/** Until it says how long a list of headers may be, that is taken for what a server of HTTP/1 takes as a rule. */
export function guessedPeer(): UpgradePeer {
  return { maxHeaderListBytes: 8_192 };
}

/** Method, scheme, authority, path, the mark, and a length: names and 32 octets for each, without the texts of three. */
const pseudoListBytes = 320;

/**
 * The connections to a proxy of our kind: requests of HTTP/1 go over HTTP/2, save those which it cannot carry.
 *
 * Shape: one per endpoint. Tunnels, and requests whose headers HTTP/2 counts as too long for the peer, go by HTTP/1 to
 * the same endpoint, over connections of their own that are there from the first such request on.
 */
export class UpgradingClient implements HttpService {
  readonly #peer: UpgradePeer;
  readonly #together: HttpService;
  readonly #makeAlone: () => HttpService;
  readonly #upgraded: Counter;
  readonly #asTheyAre: Counter;
  #alone: HttpService | undefined = undefined;
  #closed: Promise<void> | undefined = undefined;

  constructor(peer: UpgradePeer, together: HttpService, makeAlone: () => HttpService, stats: StatsReceiver) {
    this.#peer = peer;
    this.#together = together;
    this.#makeAlone = makeAlone;
    const scope = stats.scope("upgrade");
    this.#upgraded = scope.counter("requests");
    this.#asTheyAre = scope.counter("http1_requests");
  }

  get status(): Status {
    return this.#together.status;
  }

  call(req: HttpRequest, ctx: Ctx): Promise<HttpResponse> {
    // After the end the pool says so.
    if (req.version === "2" || this.#closed !== undefined) return this.#together.call(req, ctx);
    if (this.#isCarried(req)) {
      this.#upgraded.inc();
      return this.#together.call(req, ctx);
    }
    this.#asTheyAre.inc();
    this.#alone ??= this.#makeAlone();
    return this.#alone.call(req, ctx);
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all([this.#together.close(), this.#alone?.close()]).then(() => {});
    return this.#closed;
  }

  #isCarried(req: HttpRequest): boolean {
    if (req instanceof TunnelRequest) return false;
    const { maxHeaderListBytes } = this.#peer;
    if (maxHeaderListBytes === Number.POSITIVE_INFINITY) return true;
    const own = pseudoListBytes + req.method.length + req.authority.length + req.path.length;
    return own + req.headers.listBytes <= maxHeaderListBytes;
  }
}
