import { definePlugin, type Plugin } from "@weftmesh/config";
import { dropSegments, type HttpRequest, pathSegments } from "@weftmesh/http";
import {
  DstPrefixParam,
  type Identification,
  IdentificationMemo,
  type Identifier,
  identified,
  Path,
  unidentified,
} from "@weftmesh/naming";
import * as z from "zod";

const schema = z.strictObject({
  segments: z.int().min(1).default(1).describe("Elements of the request's path that make the name"),
  consume: z.boolean().default(false).describe("Take those elements off the path that is forwarded"),
});
interface Config {
  readonly segments: number;
  readonly consume: boolean;
}

const tooFew = unidentified("not enough segments in path");

/** `/svc` and the first elements of the request's path. */
class PathIdentifier implements Identifier<HttpRequest> {
  readonly #segments: number;
  readonly #consume: boolean;
  readonly #memo: IdentificationMemo;

  constructor(prefix: Path, config: Config) {
    this.#segments = config.segments;
    this.#consume = config.consume;
    this.#memo = new IdentificationMemo((elems) => identified(prefix.concat(Path.of(...elems.split("/")))));
  }

  identify(req: HttpRequest): Identification {
    const segments = pathSegments(req.path);
    if (segments.length < this.#segments) return tooFew;
    const taken = segments.slice(0, this.#segments);
    // `//` makes an empty element, which no name can have.
    if (taken.includes("")) return unidentified(`the path has an empty segment: ${req.path}`);
    const identification = this.#memo.of(taken.join("/"));
    if (this.#consume) req.path = dropSegments(req.path, this.#segments);
    return identification;
  }
}

export const pathIdentifier: Plugin<"identifier", Config> = definePlugin({
  type: "identifier",
  kind: "io.l5d.path",
  schema,
  make: (config, params) => new PathIdentifier(params.get(DstPrefixParam), config),
});
