import { Ctx, type Module, ok, type Params, Stack, service } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest, HttpResponse } from "@weftmesh/http";
import type { HttpService } from "../src/http-service.ts";

export function request(headers: readonly string[] = [], path = "/", authority = "web"): HttpRequest {
  return new HttpRequest("1.1", "GET", "http", authority, path, Headers.of(...headers), emptyBody);
}

export interface Seen {
  readonly request: HttpRequest;
  readonly ctx: Ctx;
  readonly response: HttpResponse;
}

/** Sends one request through a module, as a server codec would, over a backend that answers with these headers. */
export async function through(
  module: Module<HttpService>,
  params: Params,
  req: HttpRequest,
  options: { readonly replyHeaders?: readonly string[]; readonly status?: number; readonly ctx?: Ctx } = {},
): Promise<Seen> {
  const ctx = options.ctx ?? new Ctx();
  const backend: HttpService = service(
    async () => new HttpResponse(options.status ?? 200, Headers.of(...(options.replyHeaders ?? []))),
  );
  const response = await new Stack([module], () => backend).make(params).call(req, ctx);
  ctx.respond(response);
  ctx.end(ok);
  return { request: req, ctx, response };
}
