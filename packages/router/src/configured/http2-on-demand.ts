import { ClosedError, type Ctx, type Service, type ServiceFactory, type Status } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import type { Http2ConnectorOptions } from "@weftmesh/transport-http2";

type Http2 = typeof import("@weftmesh/transport-http2");

let loaded: Http2 | undefined;

/** The transport of HTTP/2, which is read in when somebody wants it: most processes that speak HTTP/1.1 never do. */
export async function loadHttp2(): Promise<Http2> {
  loaded ??= await import("@weftmesh/transport-http2");
  return loaded;
}

/** Opens connections of HTTP/2 to one server. Errors: those of `Http2Connector`. */
export function http2Connector(options: Http2ConnectorOptions): ServiceFactory<HttpRequest, HttpResponse> {
  return loaded === undefined ? new LateConnector(options) : new loaded.Http2Connector(options);
}

/** A connector that is made with the first connection. */
class LateConnector implements ServiceFactory<HttpRequest, HttpResponse> {
  readonly #options: Http2ConnectorOptions;
  #connector: ServiceFactory<HttpRequest, HttpResponse> | undefined;
  #closed = false;

  constructor(options: Http2ConnectorOptions) {
    this.#options = options;
  }

  get status(): Status {
    return this.#closed ? "closed" : (this.#connector?.status ?? "open");
  }

  open(ctx: Ctx): Promise<Service<HttpRequest, HttpResponse>> {
    if (this.#connector !== undefined) return this.#connector.open(ctx);
    return loadHttp2().then(({ Http2Connector }) => {
      if (this.#closed) throw new ClosedError(`the connector to ${this.#options.host}:${this.#options.port}`);
      this.#connector ??= new Http2Connector(this.#options);
      return this.#connector.open(ctx);
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    if (this.#connector !== undefined) return this.#connector.close();
    this.#options.tls?.close();
    return Promise.resolve();
  }
}
