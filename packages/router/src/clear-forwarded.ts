import { type Module, type Param, param, type Role, role } from "@weftmesh/core";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";

export const ClearForwardedRole: Role = role("clearForwarded");

/** Believe nothing that a client says about whom it speaks for. */
export const ClearForwardedParam: Param<boolean> = param<boolean>("clearForwarded", false);

/** `Forwarded` and what stood for it before; with them a name that some servers take a path from. */
function tellsOfClient(lower: string): boolean {
  return (
    lower.startsWith("x-forwarded-") ||
    lower === "forwarded" ||
    lower === "x-real-ip" ||
    lower === "x-original-url" ||
    lower === "x-rewrite-url"
  );
}

const clear: HttpFilter = (req, ctx, next) => {
  req.headers.deleteWhere(tellsOfClient);
  return next.call(req, ctx);
};

/** Must be above what writes these headers anew. */
export const clearForwarded: Module<HttpService> = httpFilterModule({
  role: ClearForwardedRole,
  description: "Removes Forwarded, X-Forwarded-* and their like from requests",
  params: { clear: ClearForwardedParam },
  filter: ({ clear: clears }) => (clears ? clear : undefined),
});
