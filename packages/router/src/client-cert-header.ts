import { type Module, type Param, param, type Role, role } from "@weftmesh/core";
import { type AlternativeName, ConnectionKey, headerName, type PeerIdentity } from "@weftmesh/http";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";

export const ClientCertHeaderRole: Role = role("clientCertHeader");

/** Whether a destination is told of the certificate that the caller showed. */
export const ForwardClientCertParam: Param<boolean> = param("forwardClientCert", false);

const clientCert = headerName("x-forwarded-client-cert");

const clear: HttpFilter = (req, ctx, next) => {
  req.headers.delete(clientCert);
  return next.call(req, ctx);
};

const forward: HttpFilter = (req, ctx, next) => {
  req.headers.delete(clientCert);
  const peer = ctx.get(ConnectionKey)?.peer;
  if (peer !== undefined) req.headers.add(clientCert, clientCertValue(peer));
  return next.call(req, ctx);
};

/** One for all requests of a connection. */
const values: WeakMap<PeerIdentity, string> = new WeakMap();

/**
 * `Hash=...;SAN=<uri>;DNS=<name>;Subject="..."`, the names in the order of the certificate.
 *
 * What a certificate says is its owner's choice, so whatever could be taken for the end of a part is encoded.
 */
export function clientCertValue(peer: PeerIdentity): string {
  let value = values.get(peer);
  if (value === undefined) {
    const names = peer.names.map(showName).join("");
    const subject = peer.subject === "" ? "" : `;Subject="${quotable(peer.subject)}"`;
    value = `Hash=${peer.sha256}${names}${subject}`;
    values.set(peer, value);
  }
  return value;
}

function showName({ kind, value }: AlternativeName): string {
  if (kind === "uri") return `;SAN=${encode(value)}`;
  return kind === "dns" ? `;DNS=${encode(value)}` : "";
}

/** Printable ASCII without what separates parts; the rest is percent-encoded as UTF-8. */
function encode(text: string): string {
  return text.replace(/[^\x21-\x7e]|[;,"\\]/gu, percentEncode);
}

function percentEncode(char: string): string {
  return [...Buffer.from(char, "utf8")].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}

/** A quote that RFC 2253 has escaped already stays so; any other is escaped here. Controls cannot stand in a header. */
function quotable(subject: string): string {
  return subject
    .replace(/[^\x20-\x7e]/gu, percentEncode)
    .replace(/\\[\s\S]|\\$|"/g, (found) => (found === '"' ? '\\"' : found === "\\" ? "\\\\" : found));
}

/**
 * Takes away what a client claims about its certificate, and tells of the one that it showed where that is asked for: a
 * backend must be able to believe the header.
 *
 * Source: the form is Linkerd's. It also takes the claim away, save where `forwardClientCert` is set and the client
 * showed no certificate; there it lets the claim through.
 */
export const clientCertHeader: Module<HttpService> = httpFilterModule({
  role: ClientCertHeaderRole,
  description: "Removes an x-forwarded-client-cert that a client sent, and says who the client is by its certificate",
  params: { forwards: ForwardClientCertParam },
  filter: ({ forwards }) => (forwards ? forward : clear),
});
