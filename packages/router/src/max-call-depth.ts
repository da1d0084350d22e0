import { type Module, type Param, param, type Role, role } from "@weftmesh/core";
import { Names } from "@weftmesh/http";
import { CallDepthError } from "./errors.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";

export const MaxCallDepthRole: Role = role("maxCallDepth");

/** Most proxies that may stand in `Via`; a request with more is refused. */
export const MaxCallDepthParam: Param<number> = param<number>("maxCallDepth", 1000);

function limitDepth(max: number): HttpFilter {
  const error = new CallDepthError(max);
  return (req, ctx, next) => {
    const depth = req.headers.has(Names.via) ? countElements(req.headers.getAll(Names.via)) : 0;
    return depth > max ? Promise.reject(error) : next.call(req, ctx);
  };
}

/** Elements of comma-separated values; what is blank between commas counts, as it does in Linkerd. */
function countElements(values: readonly string[]): number {
  let count = 0;
  for (const value of values) {
    count++;
    for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) === 44) count++;
  }
  return count;
}

export const maxCallDepth: Module<HttpService> = httpFilterModule({
  role: MaxCallDepthRole,
  description: "Refuses a request that has passed through too many proxies",
  params: { max: MaxCallDepthParam },
  filter: ({ max }) => limitDepth(max),
});
