import { type Body, type HeaderField, type Headers, HttpRequest } from "@weftmesh/http";

/** A request that came by HTTP/2, with the fields of its pseudo-headers: sent on, they are known again as objects. */
export class Http2Request extends HttpRequest {
  readonly methodField: HeaderField;
  readonly authorityField: HeaderField | undefined;
  readonly pathField: HeaderField | undefined;

  constructor(
    methodField: HeaderField,
    scheme: "http" | "https",
    authorityField: HeaderField | undefined,
    authority: string,
    pathField: HeaderField | undefined,
    headers: Headers,
    body: Body,
  ) {
    super("2", methodField.value, scheme, authority, pathField?.value ?? "", headers, body);
    this.methodField = methodField;
    this.authorityField = authorityField;
    this.pathField = pathField;
  }
}
