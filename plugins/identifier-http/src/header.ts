import { definePlugin, HeaderNameType, type Plugin } from "@weftmesh/config";
import { type HeaderName, type HttpRequest, headerName } from "@weftmesh/http";
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
  header: HeaderNameType.default("l5d-name").describe("Header whose value is a path"),
});
interface Config {
  readonly header: string;
}

/** `/svc` and the path that the header holds. A value that is no path fails the request: no other identifier is asked. */
class Header implements Identifier<HttpRequest> {
  readonly #header: HeaderName;
  readonly #absent: Identification;
  readonly #memo: IdentificationMemo;

  constructor(prefix: Path, header: string) {
    this.#header = headerName(header);
    this.#absent = unidentified(`${header} header is absent`);
    this.#memo = new IdentificationMemo((value) => identified(prefix.concat(Path.read(value))));
  }

  identify(req: HttpRequest): Identification {
    const value = req.headers.get(this.#header);
    return value === undefined ? this.#absent : this.#memo.of(value);
  }
}

export const headerIdentifier: Plugin<"identifier", Config> = definePlugin({
  type: "identifier",
  kind: "io.l5d.header",
  schema,
  make: (config, params) => new Header(params.get(DstPrefixParam), config.header),
});
