import { type Ctx, type Outcome, service, systemClock } from "@weftmesh/core";
import { bytesBody, collectBody, emptyBody, Headers, type HttpRequest, HttpResponse, textBody } from "@weftmesh/http";
import { PushBody } from "@weftmesh/testkit";
import { type Http2Server, type Http2ServerOptions, listenHttp2 } from "@weftmesh/transport-http2";

export interface Seen {
  readonly req: HttpRequest;
  readonly ctx: Ctx;
  readonly ends: Outcome[];
}

export interface TestServer {
  readonly port: number;
  readonly server: Http2Server;
  /** Requests that reached the service. */
  readonly seen: Seen[];
  close(): Promise<void>;
}

/** A server whose service does what the path says. */
export async function testServer(options: Partial<Http2ServerOptions> = {}): Promise<TestServer> {
  const seen: Seen[] = [];
  const server = await listenHttp2({
    service: service((req: HttpRequest, ctx: Ctx) => {
      const ends: Outcome[] = [];
      ctx.observe({ onEnd: (_ctx, outcome) => void ends.push(outcome) });
      seen.push({ req, ctx, ends });
      return answer(req, ctx);
    }),
    port: 0,
    clock: systemClock,
    ...options,
  });
  return { port: server.address.port, server, seen, close: () => server.close(0) };
}

/** Cut off, or a figure: `/big/1000` has a thousand bytes. */
const figure = (path: string): number => Number(path.split("/")[2] ?? "0");

async function answer(req: HttpRequest, ctx: Ctx): Promise<HttpResponse> {
  const { path, body } = req;
  switch (path.split("/")[1]) {
    case "collect": {
      const bytes = await collectBody(body, 1_000_000_000);
      return new HttpResponse(200, Headers.of("content-type", "text/plain"), textBody(`${bytes.length} bytes`));
    }
    case "echo":
      return new HttpResponse(200, new Headers(), body);
    case "big":
      return new HttpResponse(200, new Headers(), bytesBody(Buffer.alloc(figure(path), "x")));
    case "status":
      return new HttpResponse(figure(path), new Headers(), figure(path) === 204 ? emptyBody : textBody("with content"));
    case "headers":
      return new HttpResponse(200, new Headers().add("x-long", "v".repeat(figure(path))), textBody("with headers"));
    case "trailers": {
      const pushed = new PushBody();
      pushed.push(Buffer.from("content"));
      pushed.end(Headers.of("x-check", "sum"));
      return new HttpResponse(200, new Headers(), pushed);
    }
    case "never":
      return new Promise((_resolve, reject) => ctx.onCancel(reject));
    default:
      return new HttpResponse(200, Headers.of("content-type", "text/plain"), textBody("hello"));
  }
}
