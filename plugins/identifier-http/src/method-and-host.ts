import { definePlugin, type Plugin } from "@weftmesh/config";
import { type HttpRequest, pathSegments } from "@weftmesh/http";
import { DstPrefixParam, type Identification, type Identifier, identified, Path, unidentified } from "@weftmesh/naming";
import * as z from "zod";

const schema = z.strictObject({
  httpUriInDst: z.boolean().default(false).describe("Put the elements of the request's path behind the name"),
});
interface Config {
  readonly httpUriInDst: boolean;
}

const noHost = unidentified("Host header is absent");

/** `/svc/1.1/<METHOD>/<host>`, or `/svc/1.0/<METHOD>` for HTTP/1.0, with the request's path behind it on demand. */
class MethodAndHost implements Identifier<HttpRequest> {
  readonly #prefix: Path;
  readonly #uriInDst: boolean;

  constructor(prefix: Path, uriInDst: boolean) {
    this.#prefix = prefix;
    this.#uriInDst = uriInDst;
  }

  identify(req: HttpRequest): Identification {
    const uri = this.#uriInDst ? pathSegments(req.path).filter((segment) => segment !== "") : [];
    if (req.version === "1.0") return identified(this.#prefix.concat(Path.of("1.0", req.method, ...uri)));
    if (req.authority === "") return noHost;
    return identified(this.#prefix.concat(Path.of("1.1", req.method, req.authority.toLowerCase(), ...uri)));
  }
}

export const methodAndHostIdentifier: Plugin<"identifier", Config> = definePlugin({
  type: "identifier",
  kind: "io.l5d.methodAndHost",
  schema,
  make: (config, params) => new MethodAndHost(params.get(DstPrefixParam), config.httpUriInDst),
});
