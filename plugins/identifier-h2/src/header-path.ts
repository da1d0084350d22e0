import { definePlugin, type Plugin, PositiveCount } from "@weftmesh/config";
import { type HttpRequest, pathSegments } from "@weftmesh/http";
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
import { FieldNameType, fieldReader } from "./request-field.ts";

const schema = z.strictObject({
  header: FieldNameType.default(":path").describe("Header whose value is a path, with or without a query"),
  segments: PositiveCount.optional().describe("Elements of it that make the name; all of them when absent"),
});
interface Config {
  readonly header: string;
  readonly segments?: number | undefined;
}

/** `/svc` and the elements of a path, or the first of them: of gRPC's, the service and its method. */
class HeaderPath implements Identifier<HttpRequest> {
  readonly #read: (req: HttpRequest) => string | undefined;
  readonly #segments: number | undefined;
  readonly #tooFew: Identification;
  readonly #memo: IdentificationMemo;

  constructor(prefix: Path, { header, segments }: Config) {
    this.#read = fieldReader(header);
    this.#segments = segments;
    this.#tooFew = unidentified(
      segments === undefined ? "Missing destination path" : `Path must have at least ${segments} segment(s)`,
    );
    this.#memo = new IdentificationMemo((elems) => identified(prefix.concat(Path.of(...elems.split("/")))));
  }

  identify(req: HttpRequest): Identification {
    const path = this.#read(req);
    if (path === undefined) return this.#tooFew;
    const found = pathSegments(path);
    const count = this.#segments ?? found.length;
    if (found.length < count || found.length === 0) return this.#tooFew;
    const taken = count === found.length ? found : found.slice(0, count);
    // `//` makes an empty element, which no name can have.
    if (taken.includes("")) return unidentified(`the path has an empty segment: ${path}`);
    return this.#memo.of(taken.join("/"));
  }
}

/** `io.l5d.header.path`, by which gRPC is routed: its paths are `/<service>/<method>`. */
export const headerPathIdentifier: Plugin<"h2Identifier", Config> = definePlugin<"h2Identifier", Config>({
  type: "h2Identifier",
  kind: "io.l5d.header.path",
  schema: schema as never,
  make: (config, params) => new HeaderPath(params.get(DstPrefixParam), config),
});
