import { definePlugin, HeaderNameType, type Plugin } from "@weftmesh/config";
import { type HeaderName, type HttpRequest, headerName, Names } from "@weftmesh/http";
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
  header: HeaderNameType.default("Host").describe("Header whose whole value is one element of the name"),
});
interface Config {
  readonly header: string;
}

/** `/svc/<value>`: the value is one element whatever stands in it, and keeps its case. */
class HeaderToken implements Identifier<HttpRequest> {
  readonly #header: HeaderName;
  readonly #absent: Identification;
  readonly #memo: IdentificationMemo;

  constructor(prefix: Path, header: string) {
    this.#header = headerName(header);
    this.#absent = unidentified(`${header} header is absent`);
    this.#memo = new IdentificationMemo((value) => identified(prefix.concat(Path.of(value))));
  }

  identify(req: HttpRequest): Identification {
    const value = this.#header === Names.host ? req.authority : req.headers.get(this.#header);
    return value === undefined || value === "" ? this.#absent : this.#memo.of(value);
  }
}

/** `io.l5d.header.token`, the default identifier of an http router. */
export const headerTokenIdentifier: Plugin<"identifier", Config> = definePlugin({
  type: "identifier",
  kind: "io.l5d.header.token",
  schema,
  make: (config, params) => new HeaderToken(params.get(DstPrefixParam), config.header),
});
