import { Ctx, failed, ok } from "./ctx.ts";
import { asError } from "./errors.ts";
import type { Service } from "./service.ts";

/**
 * Makes a ctx, calls the service and ends the call with its promise: for services whose answer is whole when it
 * arrives, and for tests. A protocol with streamed bodies ends the ctx with the body instead.
 */
export async function dispatch<Req, Rep>(svc: Service<Req, Rep>, req: Req, ctx: Ctx = new Ctx()): Promise<Rep> {
  try {
    const rep = await svc.call(req, ctx);
    ctx.respond(rep);
    ctx.end(ok);
    return rep;
  } catch (thrown) {
    ctx.end(failed(asError(thrown)));
    throw thrown;
  }
}
