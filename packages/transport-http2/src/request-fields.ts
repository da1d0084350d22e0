import { type FieldSink, Pseudo } from "@weftmesh/hpack";
import { type HeaderField, Headers, isAuthority, Names } from "@weftmesh/http";
import { badLength, noLength, sameLength } from "./content-length.ts";

const hostId = Names.host.id;
const contentLengthId = Names.contentLength.id;
const expectId = Names.expect.id;

/** The last authority that was found to be one: most requests of a process name a few. */
let goodAuthority: HeaderField | undefined;

/**
 * Takes the header fields of a request and says whether they make one (RFC 9113 sections 8.2 and 8.3).
 *
 * Shape: used again for each request: `begin`, the fields, `finish`.
 */
export class RequestFields implements FieldSink {
  method: HeaderField | undefined = undefined;
  scheme: HeaderField | undefined = undefined;
  authority: HeaderField | undefined = undefined;
  path: HeaderField | undefined = undefined;
  protocol: HeaderField | undefined = undefined;
  fields: HeaderField[] = [];
  /** What `content-length` says, or `noLength`. */
  length: number = noLength;
  expectsContinue = false;
  /** Octets of the list, as they are counted for its limit. */
  listBytes = 0;
  /** Why it is no request. */
  fault: string | undefined = undefined;
  private host: HeaderField | undefined = undefined;

  begin(): void {
    this.method = undefined;
    this.scheme = undefined;
    this.authority = undefined;
    this.path = undefined;
    this.protocol = undefined;
    this.fields = [];
    this.length = noLength;
    this.expectsContinue = false;
    this.listBytes = 0;
    this.fault = undefined;
    this.host = undefined;
  }

  onField(field: HeaderField): void {
    const { id } = field;
    this.listBytes += field.name.length + field.value.length + 32;
    if (field.malformed !== undefined) this.fault ??= field.malformed;
    else if (id < 0) this.onPseudo(id, field);
    else {
      this.fields.push(field);
      if (id === contentLengthId) {
        this.length = sameLength(this.length, field.value);
        if (this.length === badLength) this.fault ??= "it has no one content-length";
      } else if (id === hostId) {
        if (this.host !== undefined && this.host.value !== field.value) this.fault ??= "it names more than one host";
        this.host = field;
      } else if (id === expectId) this.expectsContinue = field.value.toLowerCase() === "100-continue";
    }
  }

  private onPseudo(id: number, field: HeaderField): void {
    if (this.fields.length > 0) this.fault ??= `${field.name} stands behind a header`;
    let before: HeaderField | undefined;
    switch (id) {
      case Pseudo.method:
        before = this.method;
        this.method = field;
        break;
      case Pseudo.path:
        before = this.path;
        this.path = field;
        break;
      case Pseudo.scheme:
        before = this.scheme;
        this.scheme = field;
        break;
      case Pseudo.authority:
        before = this.authority;
        this.authority = field;
        break;
      case Pseudo.protocol:
        before = this.protocol;
        this.protocol = field;
        break;
      default:
        this.fault ??= `${field.name} has no place in a request`;
    }
    if (before !== undefined) this.fault ??= `${field.name} is there twice`;
  }

  /** All fields were taken: `fault` says whether they are a request. `allowsProtocol` is for extended CONNECT. */
  finish(allowsProtocol: boolean): void {
    if (this.fault !== undefined) return;
    this.fault = this.pseudoFault(allowsProtocol) ?? this.authorityFault();
  }

  get headers(): Headers {
    return Headers.ofFields(this.fields);
  }

  /** Host and port; "" when the client names none. */
  get authorityText(): string {
    return this.authority?.value ?? this.host?.value ?? "";
  }

  private pseudoFault(allowsProtocol: boolean): string | undefined {
    const { method, scheme, path } = this;
    if (method === undefined) return "it has no :method";
    if (this.protocol !== undefined) {
      if (!allowsProtocol) return "there is no extended CONNECT here";
      if (method.value !== "CONNECT") return ":protocol stands in a request that is no CONNECT";
      if (this.authority === undefined) return "a CONNECT has no :authority";
      if (this.length > 0) return "a CONNECT has a content-length";
    } else if (method.value === "CONNECT") {
      if (scheme !== undefined || path !== undefined) return "a CONNECT has :scheme or :path";
      if (this.length > 0) return "a CONNECT has a content-length";
      const port = /[^:]:\d+$/;
      return port.test(this.authority?.value ?? "") ? undefined : "the target of CONNECT is no host and port";
    }
    if (scheme === undefined) return "it has no :scheme";
    if (path === undefined) return "it has no :path";
    if (path.value === "*" && method.value !== "OPTIONS") return "its :path is *";
    return undefined;
  }

  private authorityFault(): string | undefined {
    const { authority, host } = this;
    const named = authority ?? host;
    if (named === undefined) return undefined;
    if (named !== goodAuthority) {
      if (!isAuthority(named.value)) return `not an authority: ${JSON.stringify(named.value)}`;
      goodAuthority = named;
    }
    if (authority === undefined || host === undefined || authority.value === host.value) return undefined;
    if (authority.value.toLowerCase() === host.value.toLowerCase()) return undefined;
    return `:authority and host differ: ${JSON.stringify(authority.value)} and ${JSON.stringify(host.value)}`;
  }
}

/** Whether an application may take one of the names for another, which has a `-` where this has a `_`. */
export function hasUnderscore(fields: readonly HeaderField[]): boolean {
  for (const { name } of fields) if (name.includes("_")) return true;
  return false;
}

/** Takes trailers and says whether they may be some (RFC 9113 section 8.1). */
export class TrailerFields implements FieldSink {
  fields: HeaderField[] = [];
  fault: string | undefined = undefined;

  begin(): void {
    this.fields = [];
    this.fault = undefined;
  }

  onField(field: HeaderField): void {
    if (field.malformed !== undefined) this.fault ??= field.malformed;
    else if (field.id < 0) this.fault ??= `${field.name} stands in trailers`;
    else this.fields.push(field);
  }

  get headers(): Headers {
    return Headers.ofFields(this.fields);
  }
}
