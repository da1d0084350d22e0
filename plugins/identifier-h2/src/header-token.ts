import { definePlugin, type Plugin } from "@weftmesh/config";
import type { HttpRequest } from "@weftmesh/http";
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
  header: FieldNameType.default(":authority").describe("Header whose whole value is one element of the name"),
});
interface Config {
  readonly header: string;
}

/** `/svc/<value>`: the value is one element whatever stands in it, and keeps its case. */
class HeaderToken implements Identifier<HttpRequest> {
  readonly #read: (req: HttpRequest) => string | undefined;
  readonly #absent: Identification;
  readonly #memo: IdentificationMemo;

  constructor(prefix: Path, header: string) {
    this.#read = fieldReader(header);
    this.#absent = unidentified(`missing header: '${header}'`);
    this.#memo = new IdentificationMemo((value) => identified(prefix.concat(Path.of(value))));
  }

  identify(req: HttpRequest): Identification {
    const value = this.#read(req);
    return value === undefined ? this.#absent : this.#memo.of(value);
  }
}

/** `io.l5d.header.token`, the default identifier of an h2 router. */
export const headerTokenIdentifier: Plugin<"h2Identifier", Config> = definePlugin({
  type: "h2Identifier",
  kind: "io.l5d.header.token",
  schema,
  make: (config, params) => new HeaderToken(params.get(DstPrefixParam), config.header),
});
